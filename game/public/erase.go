package public

import (
	"context"
	"fmt"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
	"loumiao/game/store/account"
	"loumiao/game/store/keypoint"
	"loumiao/game/store/log"
	shop "loumiao/game/store/order"
)

// erasedBar is how long gates refuse tokens of an account that was erased: as long as any may live.
const erasedBar = 2 * time.Hour

// An eraser is one owner's part of an erasure, which is done for each player of the account.
type eraser struct {
	owner, done string
	erase       func(ctx context.Context, player int64) error
}

// erase removes a person, owner by owner, the account first: from then on nobody comes in, and its players are known still, however often this is done. The player
// is sent away before his tables are emptied. One owner that cannot is the command's error, and those before it stay erased.
func (r *reign) erase(ctx context.Context, c command.Command, args command.EraseArgs) (any, error) {
	stores, now := r.node.Stores(), r.now
	sql, err := stores.SQL("account")
	if err != nil {
		return nil, err
	}
	acc, players, err := account.New(sql, r.node.IDs(), now).ErasePlayer(ctx, args.Player)
	if err != nil {
		return nil, err
	}
	if acc == 0 {
		return nil, fault.New(fault.NotFound, "there is no such player")
	}
	result := command.Erased{Account: int64(acc), Players: players, Owners: []command.ErasedBy{
		{Owner: "account", Done: "the account, its identities, logins, person and playtime deleted; reasons of its sanctions emptied"},
	}}
	if err := api.NewBlocks(stores).Erase(ctx, api.AccountID(acc), erasedBar); err != nil {
		return nil, err
	}
	erasers, err := r.erasers(c, int64(acc))
	if err != nil {
		return nil, err
	}
	for _, e := range erasers {
		for _, player := range players {
			if err := e.erase(ctx, player); err != nil {
				return nil, fmt.Errorf("%s: %w", e.owner, err)
			}
		}
		result.Owners = append(result.Owners, command.ErasedBy{Owner: e.owner, Done: e.done})
	}
	return result, nil
}

// erasers is the other owners. An owner of further tables that hold anything about people is added here; config and cluster hold nothing, and the console keeps
// ids of players only, and what operators have written themselves.
func (r *reign) erasers(c command.Command, account int64) ([]eraser, error) {
	orderSQL, err := r.node.Stores().SQL("order")
	if err != nil {
		return nil, err
	}
	keypointSQL, err := r.node.Stores().SQL("keypoint")
	if err != nil {
		return nil, err
	}
	logSQL, err := r.node.Stores().SQL("log")
	if err != nil {
		return nil, err
	}
	orders, events, logs := shop.New(orderSQL, r.node.IDs(), r.now), keypoint.New(keypointSQL), log.New(logSQL, 1, r.now)
	return []eraser{
		{"session", "ended, if there was one", func(ctx context.Context, player int64) error {
			_, err := r.kick(ctx, command.Command{Reason: "this account was erased"}, command.KickArgs{Player: player})
			return err
		}},
		{"player", "name, state, mails and friends deleted; ledger, wallet, items and matches kept by id", func(ctx context.Context, player int64) error {
			_, err := api.ErasePlayer.Call(ctx, r.node.RPC(), &pb.ErasePlayer{Player: player}, rpc.ByKey(player))
			return err
		}},
		{"public", "rankings and mutes deleted, names and lines in seasons and chat emptied, commands about him emptied", func(ctx context.Context, player int64) error {
			return r.forget(ctx, player, account, c.ID)
		}},
		{"order", "where and how to pay emptied; orders kept by id", func(ctx context.Context, player int64) error {
			_, err := orders.ErasePlayer(ctx, player)
			return err
		}},
		{"keypoint", "fields of events emptied, also of those to come; what is in quarantine and names him deleted", events.ErasePlayer},
		{"log", "details of records emptied", logs.ErasePlayer},
	}, nil
}

// forget deletes what public has of a player. Lines that he has said are empty for newcomers from now on.
func (r *reign) forget(ctx context.Context, player, account int64, command string) error {
	areas, err := r.leader.ErasePlayer(ctx, player, account, command)
	if err != nil {
		return err
	}
	for _, room := range r.rooms {
		room.mu.Lock()
		room.loaded = false
		room.mu.Unlock()
	}
	return r.board.erase(ctx, player, append(areas, r.areas...)) // of a leader that died meanwhile, the tables do not say any more where he was
}
