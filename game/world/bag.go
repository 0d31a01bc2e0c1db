package world

import (
	"context"
	"fmt"
	"regexp"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/tables"
)

// maxAtOnce bounds how many of something a player uses, sells or buys at once.
const maxAtOnce = 1000

func (p *Player) getBag(*actor.Context, *pb.GetBag) (*pb.GetBagReply, error) {
	design := p.world.tables()
	reply := &pb.GetBagReply{Slots: p.world.design.Goods.Slots}
	for _, have := range p.profile.GetItems() {
		if size, ok := design.Stack(have.GetItem()); ok && size > 0 {
			reply.Used += (have.GetCount()-1)/size + 1
		}
	}
	return reply, nil
}

// useItem takes items and gives what using them does.
func (p *Player) useItem(ctx *actor.Context, m *pb.UseItem) (*pb.UseItemReply, error) {
	gain, err := p.part(ctx, "use", m, func(item tables.Item) (tables.Goods, error) {
		if item.Use.Empty() {
			return tables.Goods{}, fault.Errorf(fault.FailedPrecondition, "%s cannot be used", item.ID)
		}
		return item.Use, nil
	})
	return &pb.UseItemReply{Gain: gain, Profile: p.copyProfile()}, err
}

// sellItem takes items and pays for them.
func (p *Player) sellItem(ctx *actor.Context, m *pb.SellItem) (*pb.SellItemReply, error) {
	gain, err := p.part(ctx, "sell", m, func(item tables.Item) (tables.Goods, error) {
		if len(item.Sell) == 0 {
			return tables.Goods{}, fault.Errorf(fault.FailedPrecondition, "%s cannot be sold", item.ID)
		}
		return tables.Goods{Wallet: item.Sell}, nil
	})
	return &pb.SellItemReply{Gain: gain, Profile: p.copyProfile()}, err
}

// discardItem takes items for nothing.
func (p *Player) discardItem(ctx *actor.Context, m *pb.DiscardItem) (*pb.DiscardItemReply, error) {
	_, err := p.part(ctx, "discard", m, func(item tables.Item) (tables.Goods, error) {
		if item.Keep {
			return tables.Goods{}, fault.Errorf(fault.FailedPrecondition, "%s cannot be thrown away", item.ID)
		}
		return tables.Goods{}, nil
	})
	return &pb.DiscardItemReply{Profile: p.copyProfile()}, err
}

// parting is a request to part with items.
type parting interface {
	GetRequest() string
	GetItem() string
	GetCount() int64
}

// part takes items and gives for each what gain says, once for each request.
func (p *Player) part(ctx context.Context, how string, m parting, gain func(tables.Item) (tables.Goods, error)) (*pb.Gain, error) {
	if err := checkRequest(m.GetRequest(), m.GetCount()); err != nil {
		return nil, err
	}
	key, tag := how+":"+m.GetRequest(), fmt.Sprintf("%d %.64s", m.GetCount(), m.GetItem())
	item, ok := p.world.tables().Item(m.GetItem())
	if !ok { // or not any more: who has it keeps it
		_, err := p.again(ctx, key, tag, fault.New(fault.NotFound, "there is no such item"))
		return nil, err
	}
	one, err := gain(item)
	if err != nil {
		_, err := p.again(ctx, key, tag, err)
		return nil, err
	}
	all := times(one, m.GetCount())
	op := gaining(all)
	if op.Items == nil {
		op.Items = map[string]int64{}
	}
	op.Key, op.Tag, op.Reason = key, tag, how
	op.Items[item.ID] -= m.GetCount()
	_, err = p.apply(ctx, op)
	return all, err
}

// request is the form of ids that clients choose.
var request = regexp.MustCompile(`^[A-Za-z0-9_-]{1,36}$`)

func checkRequest(id string, count int64) error {
	switch {
	case !request.MatchString(id):
		return fault.New(fault.Invalid, `a request's id is 1 to 36 letters, digits, "-" and "_"`)
	case count < 1 || count > maxAtOnce:
		return fault.Errorf(fault.Invalid, "count %d: must be 1 to %d", count, maxAtOnce)
	}
	return nil
}

// apply changes what the player has, in db and then in his profile.
func (p *Player) apply(ctx context.Context, op *pb.ApplyOp) (*pb.ApplyReply, error) {
	op.Player, op.Epoch = int64(p.id), p.epoch
	r, err := api.ApplyOp.Call(ctx, p.world.rpc, op, p.db())
	if err != nil {
		return nil, err
	}
	return r, p.gained(ctx, r)
}

// again is for what is refused now: what it has led to when it was done before, and otherwise the refusal.
func (p *Player) again(ctx context.Context, key, tag string, refusal error) (*pb.ApplyReply, error) {
	found, err := api.FindOp.Call(ctx, p.world.rpc, &pb.FindOp{Player: int64(p.id), Key: key, Tag: tag}, p.db())
	switch {
	case err != nil:
		return nil, err
	case found.GetResult() == nil:
		return nil, refusal
	}
	return found.GetResult(), p.gained(ctx, found.GetResult())
}

// times is a gain n times, as a message.
func times(g tables.Goods, n int64) *pb.Gain {
	return &pb.Gain{Wallet: multiplied(g.Wallet, n), Items: multiplied(g.Items, n), Exp: g.Exp * n}
}

func multiplied(amounts map[string]int64, n int64) map[string]int64 {
	if len(amounts) == 0 {
		return nil
	}
	all := make(map[string]int64, len(amounts))
	for what, amount := range amounts {
		all[what] = amount * n
	}
	return all
}

// gaining is an operation that gives a gain, which it does not change.
func gaining(g *pb.Gain) *pb.ApplyOp {
	return &pb.ApplyOp{Wallet: multiplied(g.GetWallet(), 1), Items: multiplied(g.GetItems(), 1), Exp: g.GetExp()}
}
