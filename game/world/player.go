package world

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
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
	account int64
	area    api.Area
	profile *pb.Profile
	state   State
	dirty   bool // state has changed since it was saved, and a saveNow is on its way
	leaving bool // the actor stops: what is still queued changes nothing
	taken   bool // another world has the player

	arrivals []*pb.Arrival // logins that are not saved yet

	session *line.Session         // nil while the client is gone
	linger  actor.Timer           // of the last lingered
	heard   *pb.MaintenanceNotice // the last; nil: none

	broadcasts actor.Timer     // of the next lookForBroadcasts
	departing  actor.Responder // waits until the player has moved to another world; nil: he does not

	circle circle     // what others are to him
	look   appearance // how his friends see him
	talk   talk       // what he may still say and hear

	places *rate.Limiter // on fields, that he may still take

	doubted api.TicketID // that match did not know when it was asked last
}

// stop has the actor end after what is queued. What is queued for the player finds him leaving.
func (p *Player) stop(ctx *actor.Context) {
	p.leaving = true
	ctx.Stop()
}

// arrive makes the shell of a player; enter fills it.
func (w *World) arrive(_ *actor.Context, id api.PlayerID) (*Player, error) {
	return &Player{world: w, id: id}, nil
}

// enter lets a client in: to a player who is here already, or to one who is loaded now and from now on owned by this node.
func (p *Player) enter(ctx *actor.Context, m *pb.EnterWorld) (*pb.EnterWorldReply, error) {
	session := line.SessionOf(ctx)
	if p.leaving {
		return nil, p.passOn(ctx, m)
	}
	err := error(nil)
	switch {
	case !p.world.holds():
		err = errNoLease
	case p.world.stopping.Load() && p.session != session:
		err = errStopping
	}
	if err != nil {
		if p.epoch == 0 {
			p.stop(ctx)
		}
		return nil, err
	}
	arrives := p.epoch == 0
	if arrives {
		if err := p.load(ctx, session, m.GetPass()); err != nil {
			p.stop(ctx)
			return nil, err
		}
		p.arrived(ctx)
	}
	if p.session != nil && p.session != session {
		p.session.Kick(fault.Replaced, "the player has logged in elsewhere")
	}
	if !arrives && p.session != session {
		if err := p.arrivedAgain(ctx, session); err != nil {
			return nil, err
		}
	}
	p.attend(ctx, session)
	p.state.Stats.Entered++
	p.changed(ctx)
	if arrives {
		_ = p.returned(ctx)
		p.waitsStill(ctx)
	}
	p.dropStale(ctx)
	p.tellMaintenance()
	reply := &pb.EnterWorldReply{Profile: p.copyProfile(), TablesVersion: p.world.tables().Version(), Ticket: int64(p.state.Ticket)}
	if m := p.state.Match; m != nil {
		m.bind(session)
		reply.Match = m.found()
	}
	reply.Field = p.backOnField(ctx)
	return reply, nil
}

// maxArrivals is how many logins db takes with one save.
const maxArrivals = 32

// arrivedAgain notes a login to a player who is here already, for the next save.
func (p *Player) arrivedAgain(ctx *actor.Context, session *line.Session) error {
	if len(p.arrivals) == maxArrivals {
		if err := p.save(ctx); err != nil {
			return p.overtaken(ctx, err)
		}
	}
	p.arrivals = append(p.arrivals, &pb.Arrival{Id: p.world.node.IDs().Next(), AtMs: p.world.now().UnixMilli(), Way: session.Way})
	p.changed(ctx)
	return nil
}

// attend has the session be the player's.
func (p *Player) attend(ctx *actor.Context, session *line.Session) {
	if p.session != session {
		p.world.audience.leave(p.area, p.session)
		p.session, p.heard = session, nil
		p.world.audience.join(p.area, session)
		session.Watch(ctx.Self())
		session.Own(p.epoch, "")
	}
}

// passOn gives the player's next actor what has come too late for this one.
func (p *Player) passOn(ctx *actor.Context, m *pb.EnterWorld) error {
	deadline, _ := ctx.Deadline()
	reply := ctx.Defer()
	err := p.world.players.Deliver(p.id, true, m, ctx.Responder(), deadline)
	if err != nil {
		reply.Respond(nil, err)
	}
	return err
}

// detached is told when the client is gone.
func (p *Player) detached(ctx *actor.Context, m *line.Detached) error {
	if p.session != m.Session {
		return nil
	}
	p.world.audience.leave(p.area, p.session)
	p.session = nil
	p.departs(nil)
	if m.Code == fault.Fenced { // its gate has seen a newer owner
		return p.lost(ctx, &lost{p.epoch})
	}
	p.lingers(ctx)
	return nil
}

// lingered is told some time after a client has gone.
type lingered struct{}

func (p *Player) lingered(ctx *actor.Context, _ *lingered) error {
	p.dropStale(ctx)
	switch {
	case p.session != nil:
	case p.state.Match != nil:
		p.lingers(ctx)
	default:
		p.abandonParty(ctx)
		p.stop(ctx)
	}
	return nil
}

// lingers keeps the player for a while from now on, whatever was planned before.
func (p *Player) lingers(ctx *actor.Context) {
	p.linger.Stop()
	p.linger = ctx.After(p.world.cfg.Linger, &lingered{})
}

// saveNow is told a while after the state has changed.
type saveNow struct{}

// changed makes sure that the state is saved in a while.
func (p *Player) changed(ctx *actor.Context) {
	p.world.inside.waits(p.id, p.state.Ticket)
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
		return p.lost(ctx, &lost{p.epoch})
	default:
		p.world.log.Warn("player not saved; will try again", "player", p.id, "err", err)
		ctx.After(p.world.cfg.SaveEvery, &saveNow{})
	}
	return nil
}

// save stores the state if it has changed.
func (p *Player) save(ctx context.Context) error {
	if !p.dirty {
		return nil
	}
	return p.store(ctx, false)
}

// store stores the state, with what the log is to be told of logins and whether the player leaves.
func (p *Player) store(ctx context.Context, leaves bool) error {
	if p.epoch == 0 {
		return nil
	}
	data, err := p.state.encode()
	if err != nil {
		return fmt.Errorf("encode player %d: %w", p.id, err)
	}
	save := &pb.SavePlayer{Player: int64(p.id), Epoch: p.epoch, State: data, Schema: Schema, Arrivals: p.arrivals, Leaves: leaves}
	if _, err := api.SavePlayer.Call(ctx, p.world.rpc, save, rpc.ByKey(int64(p.id))); err != nil {
		return err
	}
	p.dirty, p.arrivals = false, nil
	return nil
}

// commit changes the state and saves it at once, for what others are told after it. If that fails the state is as it was: whoever asked for
// the change asks again. change replaces what the state points to.
func (p *Player) commit(ctx *actor.Context, change func(*State)) error {
	before := p.state
	change(&p.state)
	p.changed(ctx)
	err := p.save(ctx)
	if err == nil {
		return nil
	}
	p.state = before
	p.world.inside.waits(p.id, p.state.Ticket)
	return p.overtaken(ctx, err)
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
