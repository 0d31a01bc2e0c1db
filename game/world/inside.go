package world

import (
	"context"
	"sync"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// inside is who is loaded here, for the queue, which counts places, for match, which wants to know whose tickets still count, and for binding them again after Redis has lost them. Safe for
// concurrent use.
type inside struct {
	mu      sync.Mutex
	players map[api.PlayerID]presence
	left    map[api.PlayerID]presence // since the last report, and not back
}

type presence struct {
	area  api.Area
	epoch uint64
	waits api.TicketID // 0: not for a match
	actor actor.Ref    // that has loaded him
}

func newInside() *inside {
	return &inside{players: map[api.PlayerID]presence{}, left: map[api.PlayerID]presence{}}
}

func (i *inside) add(p api.PlayerID, area api.Area, epoch uint64, by actor.Ref) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.players[p] = presence{area: area, epoch: epoch, actor: by}
	delete(i.left, p) // or the queue would free the place of somebody who is inside
}

// waits notes which ticket a player who is inside has; 0: none.
func (i *inside) waits(p api.PlayerID, ticket api.TicketID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if at, ok := i.players[p]; ok && at.waits != ticket {
		at.waits = ticket
		i.players[p] = at
	}
}

func (i *inside) remove(p api.PlayerID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if was, ok := i.players[p]; ok {
		delete(i.players, p)
		i.left[p] = was
	}
}

// fallen removes those whose actors have ended and have not let them go: those that have panicked. runs says which actor a player has.
func (i *inside) fallen(runs func(api.PlayerID) (actor.Ref, bool)) map[api.PlayerID]presence {
	i.mu.Lock()
	defer i.mu.Unlock()
	fallen := map[api.PlayerID]presence{}
	for p, at := range i.players {
		if ref, ok := runs(p); ok && ref == at.actor {
			continue
		}
		select {
		case <-at.actor.Done():
			delete(i.players, p)
			i.left[p], fallen[p] = at, at
		default: // it is about to let him go
		}
	}
	return fallen
}

// buryFallen takes everything back by which players were held here whose actors have panicked: nobody else does, and they would keep their places for ever. Their clients enter again.
func (w *World) buryFallen(ctx context.Context) {
	for player, at := range w.inside.fallen(w.players.Get) {
		w.log.Error("a player's actor has failed; he is let go", "player", player)
		w.whereabouts.set(player, nil)
		if err := w.owners.Unbind(ctx, int64(player), w.binding(at.epoch)); err != nil {
			w.log.Warn("owner not unbound; the lease will end it", "player", player, "err", err)
		}
		for _, s := range w.audience.of(at.area) {
			if s.Player == int64(player) {
				w.audience.leave(at.area, s)
				s.Unbind(api.World)
			}
		}
	}
}

func (i *inside) epochs() map[api.PlayerID]uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	epochs := make(map[api.PlayerID]uint64, len(i.players))
	for p, at := range i.players {
		epochs[p] = at.epoch
	}
	return epochs
}

// reports is one report an area; it forgets who has left.
func (i *inside) reports() map[api.Area]*pb.ReportInside {
	i.mu.Lock()
	defer i.mu.Unlock()
	reports := map[api.Area]*pb.ReportInside{}
	of := func(a api.Area) *pb.ReportInside {
		if reports[a] == nil {
			reports[a] = &pb.ReportInside{Area: uint32(a)}
		}
		return reports[a]
	}
	for p, at := range i.players {
		r := of(at.area)
		r.Players, r.Epochs = append(r.Players, int64(p)), append(r.Epochs, at.epoch)
	}
	for p, was := range i.left {
		r := of(was.area)
		r.Left, r.Epochs = append(r.Left, int64(p)), append(r.Epochs, was.epoch)
	}
	clear(i.left)
	return reports
}

// reportInside tells the queue who is inside, until ctx ends. A report that is lost is made good by the next one: who is not named
// again is forgotten there.
func (w *World) reportInside(ctx context.Context) {
	tick := time.NewTicker(w.cfg.ReportEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.buryFallen(ctx)
		if !w.node.Lease().Valid() {
			continue // they may be inside elsewhere
		}
		for area, report := range w.inside.reports() {
			if _, err := api.ReportInside.Call(ctx, w.rpc, report, rpc.Any); err != nil && ctx.Err() == nil {
				w.log.Warn("queue not told who is inside", "area", area, "err", err)
			}
		}
	}
}
