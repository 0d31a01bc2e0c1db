package world

import (
	"context"
	"errors"
	"fmt"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/line"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// holds says whether the player may be changed here: he is loaded, stays, and this node's lease is good. A holder whose lease has run
// out, such as a process that was paused, refuses before it hears that it has lost everything.
func (p *Player) holds() error {
	switch {
	case p.epoch == 0:
		return fault.New(fault.NotOwner, "the player is not here")
	case p.leaving:
		return fault.New(fault.Unavailable, "the player is leaving this world")
	case !p.world.holds():
		return errNoLease
	}
	return nil
}

// errNoLease: the node's lease has run out, and its players may be another's.
var errNoLease = fault.New(fault.Unavailable, "this world cannot own players now; try again")

// load makes this node the player's owner.
func (p *Player) load(ctx *actor.Context, session *line.Session, pass string) error {
	w := p.world
	if !w.cfg.OpenDoors {
		redeem := &pb.RedeemPass{Player: int64(p.id), Area: uint32(session.Area), Pass: pass}
		if _, err := api.RedeemPass.Call(ctx, w.rpc, redeem, rpc.Any); err != nil {
			return err
		}
	}
	p.releaseElsewhere(ctx)
	return p.take(ctx, session.Account, api.Area(session.Area), 0, session.Way)
}

// take loads the player under a new epoch: from whoever holds him, as one who comes in that way, or from the holder of one epoch only.
func (p *Player) take(ctx *actor.Context, account int64, area api.Area, from uint64, way string) error {
	w := p.world
	if !w.holds() {
		return errNoLease
	}
	load := &pb.LoadPlayer{Player: int64(p.id), Account: account, Area: uint32(area), Epoch: from, Way: way, Schema: Schema}
	record, err := api.LoadPlayer.Call(ctx, w.rpc, load, rpc.ByKey(int64(p.id)))
	if err != nil {
		return err
	}
	state, err := decodeState(record.GetState(), record.GetSchema())
	if err != nil {
		return err
	}
	w.inside.add(p.id, area, record.GetEpoch(), ctx.Self()) // first: should Redis forget the binding at once, it is made again
	if err := w.owners.Bind(ctx, int64(p.id), w.binding(record.GetEpoch())); err != nil {
		w.inside.remove(p.id)
		if errors.Is(err, lease.ErrFenced) {
			return fault.New(fault.Fenced, "the player has just been taken by another world; enter again")
		}
		return fmt.Errorf("bind player %d: %w", p.id, err)
	}
	p.epoch, p.account, p.area, p.profile, p.state = record.GetEpoch(), account, area, record.GetProfile(), state
	w.inside.waits(p.id, state.Ticket)
	return nil
}

// releaseElsewhere asks a living owner to save the player first. If that fails he is taken anyway: the new epoch fences the old owner.
func (p *Player) releaseElsewhere(ctx context.Context) {
	w := p.world
	owner, ok, err := w.owners.Lookup(ctx, int64(p.id))
	if err != nil || !ok || owner.Node == w.node.ID() {
		return
	}
	if _, err := api.ReleasePlayer.Call(ctx, w.rpc, &pb.ReleasePlayer{Player: int64(p.id)}); err != nil {
		w.log.Info("player taken from an owner that did not let go", "player", p.id, "owner", owner.Node, "err", err)
	}
}

// release saves the player and lets him go, because another world asked. It answers when nothing of him is left here, so that nothing of
// what the other world does is undone. When he cannot be saved, the actor tries once more at its end.
func (p *Player) release(ctx *actor.Context, _ *pb.ReleasePlayer) (*pb.Done, error) {
	if p.epoch == 0 {
		return &pb.Done{}, nil
	}
	p.stop(ctx)
	if err := p.saveLast(ctx); err != nil {
		return nil, err
	}
	p.letGo(ctx)
	return &pb.Done{}, nil
}

// lost is told when another world has taken the player from who holds him under that epoch.
type lost struct{ epoch uint64 }

func (p *Player) lost(ctx *actor.Context, m *lost) error {
	if p.epoch == m.epoch && !p.taken {
		p.world.log.Warn("player has another owner; this one lets go", "player", p.id)
		p.taken = true
		p.stop(ctx)
	}
	return nil
}

// overtaken lets the player go if err says that another world has him, and returns err.
func (p *Player) overtaken(ctx *actor.Context, err error) error {
	if fault.CodeOf(err) == fault.Fenced && p.epoch != 0 {
		_ = p.lost(ctx, &lost{p.epoch}) // which never fails
	}
	return err
}

// leave is the last thing that the actor does.
func (p *Player) leave(ctx *actor.Context) {
	if p.epoch == 0 {
		return
	}
	if err := p.saveLast(ctx); err != nil {
		p.world.log.Error("player not saved at the end", "player", p.id, "err", err)
	}
	p.letGo(ctx)
}

// saveLast is save, and says that he leaves, unless the player is another's. Whose ticket is given back does not wait when he comes again: that is known only when
// he is saved, since another's ticket is left alone, and so he is saved once more.
func (p *Player) saveLast(ctx context.Context) error {
	if p.taken {
		return nil
	}
	err := p.store(ctx, true)
	if p.taken = fault.CodeOf(err) == fault.Fenced; !p.taken && p.abandonTicket(ctx) {
		err = p.store(ctx, true)
		p.taken = fault.CodeOf(err) == fault.Fenced
	}
	return err
}

// letGo takes everything back by which the player was held here, but what is another world's if he is.
func (p *Player) letGo(ctx context.Context) {
	w := p.world
	p.disappear()
	if err := w.owners.Unbind(ctx, int64(p.id), w.binding(p.epoch)); err != nil {
		w.log.Warn("owner not unbound; the lease will end it", "player", p.id, "err", err)
	}
	if p.session != nil {
		p.session.Unbind(api.World)
		w.audience.leave(p.area, p.session)
	}
	w.inside.remove(p.id)
	w.whereabouts.set(p.id, nil)
	p.epoch, p.session, p.state, p.dirty = 0, nil, State{}, false
}
