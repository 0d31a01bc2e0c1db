package account

import (
	"context"
	"errors"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/policy"
	"loumiao/game/store/account"
)

// clockPage is how many accounts are looked at together.
const clockPage = 200

// A clock looks at those whose time is limited and who are in, and sends away those for whom it is over. Any number of nodes may have one: the policy
// sees to it that each account is counted by one at a time.
type clock struct {
	*enforcer
	playtime policy.Playtime
}

// run looks again and again until ctx ends.
func (c *clock) run(ctx context.Context) {
	tick := time.NewTicker(policy.LookEvery / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := c.pass(ctx); err != nil && ctx.Err() == nil {
			c.node.Log().Warn("the time of some players is not looked at; trying again", "err", err)
		}
	}
}

func (c *clock) pass(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	for {
		page, err := c.playtime.Watched(ctx, clockPage)
		if err != nil {
			return err
		}
		if err := c.look(ctx, page); err != nil || len(page) < clockPage {
			return err
		}
	}
}

func (c *clock) look(ctx context.Context, page []account.Playtime) error {
	online, err := c.online(ctx, page)
	if err != nil {
		return err
	}
	for _, p := range page {
		over, until, lerr := c.playtime.Look(ctx, p, online[p.Account])
		if lerr == nil && over != nil {
			lerr = c.sendAway(ctx, p.Account, over, until)
		}
		err = errors.Join(err, lerr)
	}
	return err
}

// sendAway keeps the account's tokens out for as long as they live, or until it may come again, and ends its sessions. What fails is done when it is looked at
// next.
func (c *clock) sendAway(ctx context.Context, acc account.ID, over error, until time.Time) error {
	code, notice := fault.Outside(over)
	ttl := c.tokens
	if !until.IsZero() {
		ttl = min(ttl, max(time.Millisecond, time.Until(until)))
	}
	if err := c.blocks.Bar(ctx, api.AccountID(acc), notice, ttl); err != nil {
		return err
	}
	return c.kick(ctx, acc, &pb.KickSession{Code: uint32(code), Reason: notice})
}

// online is which of the accounts have a session. What Redis says is only where to ask: the gates know.
func (c *clock) online(ctx context.Context, page []account.Playtime) (map[account.ID]bool, error) {
	accounts, owners, players := make([]account.ID, len(page)), map[int64]account.ID{}, []int64(nil)
	for i, p := range page {
		accounts[i] = p.Account
	}
	characters, err := c.accounts.PlayersOf(ctx, accounts)
	if err != nil {
		return nil, err
	}
	for acc, list := range characters {
		for _, player := range list {
			owners[player], players = acc, append(players, player)
		}
	}
	online := map[account.ID]bool{}
	if len(players) == 0 {
		return online, nil
	}
	seats, err := api.FindSeats(ctx, c.node.Stores(), players)
	if err != nil {
		return nil, err
	}
	asks, whose := map[id.Node]*pb.HeldSessions{}, map[id.Node][]account.ID{}
	for player, seat := range seats {
		if asks[seat.Gate] == nil {
			asks[seat.Gate] = &pb.HeldSessions{}
		}
		asks[seat.Gate].Sessions = append(asks[seat.Gate].Sessions, &pb.SessionTurn{Session: uint64(seat.Session), Turn: seat.Turn})
		whose[seat.Gate] = append(whose[seat.Gate], owners[player])
	}
	for gate, ask := range asks {
		reply, err := api.HeldSessions.Call(ctx, c.node.RPC(), ask, rpc.To(gate))
		if fault.CodeOf(err) == fault.Unavailable {
			continue // it is gone, and its sessions with it
		}
		if err != nil {
			return nil, err
		}
		for i, held := range reply.GetHeld() {
			if held && i < len(whose[gate]) {
				online[whose[gate][i]] = true
			}
		}
	}
	return online, nil
}
