package queue

import (
	"context"
	"fmt"
	"sync"

	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/game/api"
)

// keptSeats is the part of the gates' room, one of so many, that those who are inside may not fill: without it nobody could line up, or come back after a drop.
const keptSeats = 20

// A gateWatch says whether an area's gates can do with more players inside. Those who wait have seats at gates too, which they keep when they are let in, so full
// gates alone are no reason to let nobody in: a crowd that waits would lock itself out. It is safe for concurrent use.
type gateWatch struct {
	published func(context.Context) (map[id.Node]api.GateLoad, error)
	view      func() *cluster.Snapshot

	mu   sync.Mutex
	held map[api.Area]string // why nobody is let in; empty: no reason
}

// of is why nobody is let into an area; empty when there is no reason. An area that was not looked at is held.
func (w *gateWatch) of(area api.Area) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	why, ok := w.held[area]
	if !ok {
		return "the gates are not known yet"
	}
	return why
}

// look finds out how the gates are. waiting is how many of those who have seats at them are connected and wait: in all areas of this queue, since gates may serve several; a
// queue of one area does not know of those who wait elsewhere, and takes them for players who are inside. It returns the areas of which [gateWatch.of] says something new.
func (w *gateWatch) look(ctx context.Context, areas map[api.Area]bool, waiting int) (changed []api.Area, err error) {
	published, err := w.published(ctx)
	if err != nil {
		return nil, err
	}
	ready := map[id.Node]api.GateLoad{}
	for _, m := range w.view().ByType(api.Gate) {
		if load, ok := published[m.Node]; ok && m.State == cluster.Ready {
			ready[m.Node] = load
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for area := range areas {
		why := gatesHold(ready, area, waiting)
		if old, ok := w.held[area]; !ok || old != why {
			w.held[area] = why
			changed = append(changed, area)
		}
	}
	return changed, nil
}

// gatesHold is why the gates, all of which are ready, let nobody into an area.
func gatesHold(ready map[id.Node]api.GateLoad, area api.Area, waiting int) string {
	gates, seats, taken := 0, 0, 0
	for _, load := range ready {
		if load.Serves(area) {
			gates, seats, taken = gates+1, seats+load.Capacity, taken+load.Sessions
		}
	}
	switch {
	case gates == 0:
		return "no gate is ready"
	case taken-waiting >= seats-seats/keptSeats:
		return fmt.Sprintf("the gates are full of players who are inside: %d seats", seats)
	}
	return ""
}
