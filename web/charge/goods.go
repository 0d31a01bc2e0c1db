package charge

import (
	"context"
	"strconv"

	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/order"
)

// Goods is what players have; db keeps it. Its errors are package fault's.
type Goods interface {
	// Known is fault.NotFound for a player who has never been in the game, and so can have nothing.
	Known(ctx context.Context, player int64) error
	// Give gives goods once for each key; items for which there is no room come by mail.
	Give(ctx context.Context, player int64, key string, goods order.Goods) error
	// TakeBack takes as much of the goods that were given under a key as the player still has, unclaimed in a mail or otherwise, once for each key of its
	// own: a repetition answers what the first one took.
	TakeBack(ctx context.Context, player int64, key, given string, goods order.Goods) (taken order.Goods, err error)
	// Given is what was given under a key; ok is false when nothing was.
	Given(ctx context.Context, player int64, key string) (goods order.Goods, ok bool, err error)
}

// The ledger's reasons for what orders do.
const (
	reasonGrant  = "purchase"
	reasonRefund = "refund"
)

// grantKey is the idempotency key of an order's goods.
func grantKey(id order.ID) string { return "order:" + id.String() }

// refundKey is that of what is taken back now: the first refund if it is of everything, otherwise each by the sum that is back with it.
func refundKey(o order.Order) string {
	if o.RevokedSum == 0 && o.RevokingSum == o.Price {
		return "refund:" + o.ID.String()
	}
	return "refund:" + o.ID.String() + ":" + strconv.FormatInt(o.RevokingSum, 10)
}

// remote is the goods behind db.
type remote struct{ rpc *rpc.RPC }

func (r remote) Known(ctx context.Context, player int64) error {
	_, err := api.ReadProfile.Call(ctx, r.rpc, &pb.ReadProfile{Player: player}, rpc.ByKey(player))
	return err
}

func (r remote) Give(ctx context.Context, player int64, key string, goods order.Goods) error {
	_, err := api.ApplyOp.Call(ctx, r.rpc, &pb.ApplyOp{
		Player: player, Key: key, Reason: reasonGrant, Wallet: goods.Wallet, Items: goods.Items,
		Spill: true, // into a mail: what is paid for is never refused for want of room,
		Owed:  true, // nor because the design tables have dropped it since
	}, rpc.ByKey(player))
	return err
}

func (r remote) TakeBack(ctx context.Context, player int64, key, given string, goods order.Goods) (order.Goods, error) {
	reply, err := api.TakeBack.Call(ctx, r.rpc, &pb.TakeBack{
		Player: player, Key: key, Reason: reasonRefund, Wallet: goods.Wallet, Items: goods.Items, Given: given,
	}, rpc.ByKey(player))
	return order.Goods{Wallet: reply.GetWallet(), Items: reply.GetItems()}, err
}

func (r remote) Given(ctx context.Context, player int64, key string) (order.Goods, bool, error) {
	reply, err := api.ReadOp.Call(ctx, r.rpc, &pb.ReadOp{Player: player, Key: key}, rpc.ByKey(player))
	return order.Goods{Wallet: reply.GetWallet(), Items: reply.GetItems()}, reply.GetApplied(), err
}

// tellOwner tells the node that has a player, if one has, that his goods were changed.
func tellOwner(ctx context.Context, r *rpc.RPC, player int64) error {
	_, err := api.PlayerChanged.Call(ctx, r, &pb.PlayerChanged{Player: player})
	return err
}

// missing is what of the goods is not in the other.
func missing(all, there order.Goods) order.Goods {
	return order.Goods{Wallet: less(all.Wallet, there.Wallet), Items: less(all.Items, there.Items)}
}

func less(all, there map[string]int64) map[string]int64 {
	var rest map[string]int64
	for name, amount := range all {
		if n := amount - there[name]; n > 0 {
			if rest == nil {
				rest = map[string]int64{}
			}
			rest[name] = n
		}
	}
	return rest
}
