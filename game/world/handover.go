package world

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// A world that stops hands its players over to others, and their clients notice nothing:
//
//	this world                                  the other
//	line Hold ... Held: nothing more comes
//	save
//	line Export ───── world.Adopt ────────────► load, if nobody else has him since; a new epoch; line Adopt
//	line Move                                   goes on
//
// Whom no other world takes, or who cannot be saved, stays until the end; his client's stream starts over then.

const (
	handoversAtOnce = 64              // of one world
	handoverTimeout = 5 * time.Second // for one player, from his turn on
	adoptTimeout    = 3 * time.Second // for the other world to take him
	heldAgain       = 20 * time.Millisecond
)

var (
	errStopping = fault.New(fault.Unavailable, "this world is stopping; try again")
	errHere     = fault.New(fault.FailedPrecondition, "the player is here already")
)

// A departure asks a player to move to another world. It is answered when he has, or stays.
type departure struct{ actor.Returns[*departed] }

type departed struct{}

// handOver hands the players over who have a client, some at a time, for half of the time until ctx ends: the rest is for saving those who stay.
func (w *World) handOver(ctx context.Context) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	var all sync.WaitGroup
	places := make(chan struct{}, handoversAtOnce)
	w.players.Range(func(player api.PlayerID, ref actor.Ref) bool {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		all.Go(func() {
			defer func() { <-places }()
			ctx, cancel := context.WithTimeout(ctx, handoverTimeout)
			defer cancel()
			if _, err := actor.Ask(ctx, ref, &departure{}); err != nil {
				w.log.Warn("player not handed over; his client starts over", "player", player, "err", err)
			}
		})
		return true
	})
	all.Wait()
}

// depart begins to hand the player over. One whose client is gone stays until the end, and nobody lingers for him after that.
func (p *Player) depart(ctx *actor.Context, _ *departure) (*departed, error) {
	if p.holds() == nil && p.session == nil && p.state.Match == nil {
		p.abandonParty(ctx)
	}
	if p.holds() != nil || p.session == nil || len(p.world.successors(p.area)) == 0 {
		return &departed{}, nil
	}
	p.departing = ctx.Defer()
	p.session.Hold(ctx.Self())
	return nil, nil
}

// held is told when the client has nothing more to say here.
func (p *Player) held(ctx *actor.Context, m *line.Held) error {
	if p.departing == nil || m.Session != p.session {
		return nil
	}
	err := p.save(ctx)
	var stream *line.Handover
	if err == nil {
		stream, err = p.session.Export()
	}
	if errors.Is(err, line.ErrNotHeld) {
		return nil // the client has come back by another gate, and will be held there
	}
	if errors.Is(err, line.ErrUnanswered) { // what he says to another takes a moment
		p.world.log.Debug("player moves when he has been answered", "player", p.id)
		ctx.After(heldAgain, m)
		return nil
	}
	if err == nil {
		err = p.moveOn(ctx, stream)
	}
	p.departs(p.overtaken(ctx, err))
	return nil
}

// departs answers who asked the player to move.
func (p *Player) departs(err error) {
	if p.departing != nil {
		p.departing.Respond(&departed{}, err)
		p.departing = nil
	}
}

// moveOn gives the player, who is saved, and his stream to another world.
func (p *Player) moveOn(ctx *actor.Context, stream *line.Handover) error {
	w := p.world
	w.audience.leave(p.area, p.session)
	p.session = nil
	adopt := &pb.AdoptPlayer{
		Player: int64(p.id), Account: p.account, Area: uint32(p.area), Epoch: p.epoch, Session: stream.State,
	}
	err := error(errStopping)
	for _, world := range w.successors(p.area) {
		err = w.adoptAt(ctx, world, adopt)
		if untouched(err) {
			continue
		}
		if err == nil {
			stream.Move(world)
		} else { // perhaps he is another's
			stream.Abandon()
		}
		p.taken = true
		p.stop(ctx)
		p.letGo(ctx)
		return err
	}
	stream.Abandon()
	return err
}

func (w *World) adoptAt(ctx context.Context, world id.Node, adopt *pb.AdoptPlayer) error {
	ctx, cancel := context.WithTimeout(ctx, adoptTimeout)
	defer cancel()
	_, err := api.AdoptPlayer.Call(ctx, w.rpc, adopt, rpc.To(world))
	return err
}

// untouched reports whether a world that answered so has not taken the player.
func untouched(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Unavailable, fault.Overloaded, fault.FailedPrecondition, fault.Unimplemented, fault.Version: // the last of an older build
		return true
	}
	return false
}

// successors is up to three other worlds that take players of the area, in random order.
func (w *World) successors(area api.Area) []id.Node {
	var worlds []id.Node
	for _, m := range w.node.Cluster().Snapshot().ByType(api.World) {
		if m.Node != w.node.ID() && m.State == cluster.Ready && (m.Area == 0 || api.Area(m.Area) == area) {
			worlds = append(worlds, m.Node)
		}
	}
	rand.Shuffle(len(worlds), func(i, j int) { worlds[i], worlds[j] = worlds[j], worlds[i] })
	return worlds[:min(len(worlds), 3)]
}

// adoption has a player's actor take him over.
type adoption struct {
	actor.Returns[*pb.Done]
	request *pb.AdoptPlayer
}

// adoptPlayer takes a player over from a world that stops.
func (w *World) adoptPlayer(ctx context.Context, m *pb.AdoptPlayer) (*pb.Done, error) {
	if w.stopping.Load() {
		return nil, errStopping
	}
	player, err := w.players.Create(api.PlayerID(m.GetPlayer()))
	if err != nil {
		return nil, err
	}
	return actor.Ask(ctx, player, &adoption{request: m})
}

// adopt is enter for a player whose client notices nothing.
func (p *Player) adopt(ctx *actor.Context, m *adoption) (*pb.Done, error) {
	if p.leaving {
		return nil, errStopping
	}
	if p.epoch != 0 {
		return nil, errHere
	}
	err := p.take(ctx, m.request.GetAccount(), api.Area(m.request.GetArea()), m.request.GetEpoch(), "")
	if err != nil {
		p.stop(ctx)
		return nil, err
	}
	session, err := p.world.node.Line().Adopt(m.request.GetSession())
	if err != nil {
		p.stop(ctx)
		return nil, err
	}
	p.arrived(ctx)
	p.attend(ctx, session)
	_ = p.returned(ctx)
	_ = p.backOnField(ctx)
	p.tellMaintenance()
	ctx.After(0, &lookForParty{})
	return &pb.Done{}, nil
}
