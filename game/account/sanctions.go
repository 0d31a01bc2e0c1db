package account

import (
	"context"
	"errors"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/account"
)

const (
	enforceEvery = 2 * time.Second // after which a sanction or the end of a login is in force whatever became of the node that imposed it, or of Redis
	clockMargin  = time.Minute     // by which a token may outlive what we believe
	passTimeout  = 30 * time.Second
)

// An enforcer has sanctions, and ends of logins, take effect on players whose tokens are still good, and on those who are online. SQL says who is sanctioned; the enforcer of any
// account node makes it so, once, and again if Redis has lost it.
type enforcer struct {
	node     *node.Node
	accounts *account.Store
	blocks   *api.Blocks
	tokens   time.Duration // how long a token may be used
}

func (e *enforcer) impose(ctx context.Context, m *pb.ImposeSanction) (*pb.ImposeSanctionReply, error) {
	s := account.Sanction{
		Reason: m.GetReason(), Author: m.GetAuthor(), Starts: moment(m.GetStartsMs()), Ends: moment(m.GetEndsMs()), Key: m.GetKey(),
	}
	acc := account.ID(m.GetAccount())
	number, err := e.accounts.Impose(ctx, acc, s)
	if err != nil {
		return nil, err
	}
	return &pb.ImposeSanctionReply{Id: number}, e.enforce(ctx, acc)
}

func (e *enforcer) lift(ctx context.Context, m *pb.LiftSanction) (*pb.Done, error) {
	acc := account.ID(m.GetAccount())
	if err := e.accounts.Lift(ctx, acc, m.GetId()); err != nil {
		return nil, err
	}
	return &pb.Done{}, e.enforce(ctx, acc)
}

func (e *enforcer) list(ctx context.Context, m *pb.ListSanctions) (*pb.ListSanctionsReply, error) {
	list, err := e.accounts.Sanctions(ctx, account.ID(m.GetAccount()))
	if err != nil {
		return nil, err
	}
	reply := &pb.ListSanctionsReply{}
	for _, s := range list {
		reply.Sanctions = append(reply.Sanctions, &pb.SanctionEntry{
			Id: s.ID, Reason: s.Reason, Author: s.Author, StartsMs: millis(s.Starts), EndsMs: millis(s.Ends), LiftedMs: millis(s.Lifted),
		})
	}
	return reply, nil
}

// run enforces what has come into force lately, lets in whom it keeps out no more, and deletes logins that have expired, until ctx ends.
func (e *enforcer) run(ctx context.Context) {
	tick := time.NewTicker(enforceEvery)
	defer tick.Stop()
	for {
		if err := e.pass(ctx); err != nil && ctx.Err() == nil {
			e.node.Log().Warn("sanctions and ended logins not enforced; trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (e *enforcer) pass(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	recent, err := e.accounts.SanctionedSince(ctx, time.Now().Add(-e.tokens))
	for _, acc := range recent {
		err = errors.Join(err, e.enforce(ctx, acc))
	}
	ended, eerr := e.accounts.EndedSince(ctx, time.Now().Add(-e.tokens))
	logins := make([]api.Ended, len(ended))
	for i, login := range ended {
		logins[i] = api.Ended{Account: api.AccountID(login.Account), Login: login.ID}
	}
	in, berr := e.blocks.EndLogins(ctx, logins, e.tokens) // anybody can end many of his own
	err = errors.Join(err, eerr, berr)
	for _, login := range in {
		err = errors.Join(err, e.end(ctx, login))
	}
	_, perr := e.accounts.PurgeRefresh(ctx) // of more the next pass does the rest
	return errors.Join(err, perr)
}

// end sends away whoever is in by a login that has ended, whose tokens are kept out already.
func (e *enforcer) end(ctx context.Context, login api.Ended) error {
	kind := &pb.KickSession{Code: uint32(fault.Unauthenticated), Reason: api.LoginEnded, Login: login.Login}
	if err := e.kick(ctx, account.ID(login.Account), kind); err != nil {
		return err
	}
	return e.blocks.ClearLogin(ctx, login.Account, login.Login, e.tokens)
}

// enforce keeps the account out if it is sanctioned now, and sends away whoever is in, unless that was done before; otherwise it lets it in. What fails, what a node that
// dies in between has left, or what is overtaken by the end of the sanction, the next pass does.
func (e *enforcer) enforce(ctx context.Context, acc account.ID) error {
	s, err := e.accounts.Sanctioned(ctx, acc)
	if err != nil {
		return err
	}
	if s == nil {
		return e.blocks.Unblock(ctx, api.AccountID(acc))
	}
	ttl := e.tokens
	if !s.Ends.IsZero() {
		ttl = min(ttl, max(time.Millisecond, time.Until(s.Ends)))
	}
	cleared, err := e.blocks.Block(ctx, api.AccountID(acc), s.Notice(), ttl)
	if err != nil || cleared {
		return err
	}
	if err := e.kick(ctx, acc, &pb.KickSession{Code: uint32(fault.Forbidden), Reason: s.Notice()}); err != nil {
		return err
	}
	return e.blocks.Clear(ctx, api.AccountID(acc), e.tokens)
}

// kick ends the sessions of the account's players, as kind says. The block is there before they are looked for: whoever comes in later is refused by his
// gate.
func (e *enforcer) kick(ctx context.Context, acc account.ID, kind *pb.KickSession) error {
	players, err := e.accounts.Players(ctx, acc)
	if err != nil || len(players) == 0 {
		return err
	}
	seats, err := api.FindSeats(ctx, e.node.Stores(), players)
	for _, seat := range seats {
		m := &pb.KickSession{Session: uint64(seat.Session), Turn: seat.Turn, Code: kind.GetCode(), Reason: kind.GetReason(), Login: kind.GetLogin()}
		_, kerr := api.KickSession.Call(ctx, e.node.RPC(), m, rpc.To(seat.Gate))
		if fault.CodeOf(kerr) != fault.Unavailable { // else that gate is gone, and the session with it
			err = errors.Join(err, kerr)
		}
	}
	return err
}

// moment is a time in milliseconds; 0 is none.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
