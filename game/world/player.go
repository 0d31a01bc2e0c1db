package world

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/line"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// A Player is the state of one player's actor. Only that actor touches it.
type Player struct {
	world *World
	id    api.PlayerID

	epoch   uint64 // 0 until the player is loaded
	area    api.Area
	profile *pb.Profile
	state   State
	dirty   bool // state has changed since it was saved, and a saveNow is on its way

	session *line.Session // nil while the client is gone
	ticket  api.TicketID  // 0 unless waiting for a match
	match   *match        // nil unless in one
	ended   api.MatchID   // the last match whose end the player was told
}

// arrive makes the shell of a player; enter fills it.
func (w *World) arrive(_ *actor.Context, id api.PlayerID) (*Player, error) {
	return &Player{world: w, id: id}, nil
}

// enter lets a client in: to a player who is here already, or to one who is loaded now and from now on owned by this node.
func (p *Player) enter(ctx *actor.Context, m *pb.EnterWorld) (*pb.EnterWorldReply, error) {
	session := line.SessionOf(ctx)
	if p.epoch == 0 {
		if err := p.load(ctx, session, m.GetPass()); err != nil {
			ctx.Stop()
			return nil, err
		}
	}
	if p.session != nil && p.session != session {
		p.session.Kick(fault.Replaced, "the player has logged in elsewhere")
	}
	if p.session != session {
		p.session = session
		session.Watch(ctx.Self())
	}
	p.state.Stats.Entered++
	p.changed(ctx)
	p.dropStale()
	reply := &pb.EnterWorldReply{Profile: p.copyProfile()}
	if p.match != nil {
		p.match.bind(session)
		reply.Match = p.match.found
	}
	return reply, nil
}

// load makes this node the player's owner.
func (p *Player) load(ctx *actor.Context, session *line.Session, pass string) error {
	w := p.world
	if !w.node.Lease().Valid() {
		return fault.New(fault.Unavailable, "this world cannot own players now; try again")
	}
	if !w.cfg.OpenDoors {
		redeem := &pb.RedeemPass{Player: int64(p.id), Area: uint32(session.Area), Pass: pass}
		if _, err := api.RedeemPass.Call(ctx, w.rpc, redeem, rpc.Any); err != nil {
			return err
		}
	}
	p.releaseElsewhere(ctx)
	load := &pb.LoadPlayer{Player: int64(p.id), Account: session.Account, Area: uint32(session.Area)}
	record, err := api.LoadPlayer.Call(ctx, w.rpc, load, rpc.ByKey(int64(p.id)))
	if err != nil {
		return err
	}
	state, err := decodeState(record.GetState(), record.GetSchema())
	if err != nil {
		return err
	}
	if err := w.owners.Bind(ctx, int64(p.id), w.binding(record.GetEpoch())); err != nil {
		if errors.Is(err, lease.ErrFenced) {
			return fault.New(fault.Fenced, "the player has just been taken by another world; enter again")
		}
		return fmt.Errorf("bind player %d: %w", p.id, err)
	}
	p.epoch, p.area, p.profile, p.state = record.GetEpoch(), api.Area(session.Area), record.GetProfile(), state
	w.inside.add(p.id, p.area, p.epoch)
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

// release saves the player and lets him go, because another world asked.
func (p *Player) release(ctx *actor.Context, _ *pb.ReleasePlayer) (*pb.Done, error) {
	ctx.Stop()
	return &pb.Done{}, p.save(ctx)
}

// detached is told when the client is gone.
func (p *Player) detached(ctx *actor.Context, m *line.Detached) error {
	if p.session == m.Session {
		p.session = nil
		ctx.After(p.world.cfg.Linger, &lingered{})
	}
	return nil
}

// lingered is told some time after a client has gone.
type lingered struct{}

func (p *Player) lingered(ctx *actor.Context, _ *lingered) error {
	p.dropStale()
	switch {
	case p.session != nil:
	case p.match != nil:
		ctx.After(p.world.cfg.Linger, &lingered{})
	default:
		ctx.Stop()
	}
	return nil
}

// saveNow is told a while after the state has changed.
type saveNow struct{}

// changed makes sure that the state is saved in a while.
func (p *Player) changed(ctx *actor.Context) {
	if !p.dirty {
		p.dirty = true
		ctx.After(p.world.cfg.SaveEvery, &saveNow{})
	}
}

func (p *Player) saveNow(ctx *actor.Context, _ *saveNow) error {
	err := p.save(ctx)
	switch {
	case err == nil:
	case fault.CodeOf(err) == fault.Fenced:
		p.world.log.Warn("player has another owner; this one lets go", "player", p.id)
		p.dirty = false
		ctx.Stop()
	default:
		p.world.log.Warn("player not saved; will try again", "player", p.id, "err", err)
		ctx.After(p.world.cfg.SaveEvery, &saveNow{})
	}
	return nil
}

// save stores the state if it has changed.
func (p *Player) save(ctx context.Context) error {
	if !p.dirty || p.epoch == 0 {
		return nil
	}
	data, err := p.state.encode()
	if err != nil {
		return fmt.Errorf("encode player %d: %w", p.id, err)
	}
	save := &pb.SavePlayer{Player: int64(p.id), Epoch: p.epoch, State: data, Schema: Schema}
	if _, err := api.SavePlayer.Call(ctx, p.world.rpc, save, rpc.ByKey(int64(p.id))); err != nil {
		return err
	}
	p.dirty = false
	return nil
}

// leave is the last thing that the actor does.
func (p *Player) leave(ctx *actor.Context) {
	if p.epoch == 0 {
		return
	}
	w := p.world
	if err := p.save(ctx); err != nil {
		w.log.Error("player not saved at the end", "player", p.id, "err", err)
	}
	if p.ticket != 0 {
		p.abandonTicket(ctx)
	}
	if err := w.owners.Unbind(ctx, int64(p.id), w.binding(p.epoch)); err != nil {
		w.log.Warn("owner not unbound; the lease will end it", "player", p.id, "err", err)
	}
	if p.session != nil {
		p.session.Unbind(api.World)
	}
	w.inside.remove(p.id)
}

// push sends the client a message, if there is a client.
func (p *Player) push(m proto.Message) {
	if p.session == nil {
		return
	}
	if err := p.session.Push(m); err != nil && !errors.Is(err, line.ErrDetached) {
		p.world.log.Warn("push failed", "player", p.id, "err", err)
	}
}

// copyProfile is a profile for a message: what is handed on is encoded later, and must not change by then.
func (p *Player) copyProfile() *pb.Profile { return proto.CloneOf(p.profile) }
