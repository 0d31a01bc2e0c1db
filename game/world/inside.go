package world

import (
	"context"
	"sync"
	"time"

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
}

func newInside() *inside {
	return &inside{players: map[api.PlayerID]presence{}, left: map[api.PlayerID]presence{}}
}

func (i *inside) add(p api.PlayerID, area api.Area, epoch uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.players[p] = presence{area: area, epoch: epoch}
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
