package queue

import (
	"context"
	"fmt"
	"time"

	"loumiao/framework/actor"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// look asks the desk how fast players are let into an area, from each lane.
type look struct {
	actor.Returns[map[string]pace]
	area api.Area
}

// look answers with copies.
func (d *desk) look(_ *actor.Context, m *look) (map[string]pace, error) {
	paces := map[string]pace{}
	for of, l := range d.lines {
		if of.area == m.area {
			paces[of.lane] = l.pace
		}
	}
	return paces, nil
}

// readBefore is how many values readScript returns before the lanes'.
const readBefore = 8

// Read is how an area's queue is, and where a player stands in it; 0 is nobody. What the desk knows, the paces and what follows from them, is left out.
func (s *Store) Read(ctx context.Context, area api.Area, player api.PlayerID) (*pb.QueueFigures, error) {
	reply, err := readScript.Run(ctx, s.client, s.keys(area), s.now(), s.lanes.text, int64(player)).Slice()
	if err == nil && len(reply) != readBefore+len(s.lanes.names) {
		err = fmt.Errorf("an answer of %d values", len(reply))
	}
	if err != nil {
		return nil, fmt.Errorf("read the queue of area %v: %w", area, err)
	}
	figure := func(i int) int64 {
		n, _ := reply[i].(int64)
		return n
	}
	limits := s.limits(area)
	f := &pb.QueueFigures{
		Admission: limits.setting(), Capacity: int64(limits.Capacity), Rate: int64(limits.Rate), Away: figure(0), Places: figure(1), Passes: figure(2), HoldMs: figure(3),
		PlayerAway: figure(4) == 1, PlayerPlaced: figure(5) == 1, Position: figure(6), PlayerLane: fmt.Sprint(reply[7]),
	}
	switch {
	case !limits.open():
		f.Held = "admission is " + f.GetAdmission()
	case limits.Held != "":
		f.Held = limits.Held
	case f.GetHoldMs() > 0:
		f.Held = "those who wait or are inside have time to come back, after a takeover or a loss"
	case f.GetCapacity() > 0 && f.GetPlaces() >= f.GetCapacity():
		f.Held = "all places are taken"
	}
	for i, share := range s.cfg.shares() {
		lane := &pb.QueueLane{Name: s.lanes.names[i], Share: share, Waiting: figure(readBefore + i)}
		f.Waiting += lane.GetWaiting()
		f.Lanes = append(f.Lanes, lane)
	}
	return f, nil
}

// read serves operators; only the node that leads knows the pace.
func (s *Service) read(ctx context.Context, m *pb.ReadQueue) (*pb.QueueFigures, error) {
	area, err := s.areaOf(m.GetArea())
	switch {
	case err != nil:
		return nil, err
	case !s.leads.Load():
		return nil, errNotLeading
	case m.GetPlayer() < 0:
		return nil, errNoPlayer
	}
	f, err := s.store.Read(ctx, area, api.PlayerID(m.GetPlayer()))
	if err != nil {
		return nil, outside(err)
	}
	paces, err := actor.Ask(ctx, s.desk, &look{area: area})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for _, lane := range f.GetLanes() {
		seen := paces[lane.GetName()]
		lane.Pace = seen.perSecond(now)
		f.Pace += lane.GetPace()
		if lane.GetWaiting() > 0 {
			lane.EtaMs = seen.eta(int(lane.GetWaiting()), now).Milliseconds()
			f.EtaMs = max(f.GetEtaMs(), lane.GetEtaMs())
		}
		if f.GetPosition() > 0 && f.GetPlayerLane() == lane.GetName() {
			f.PositionEtaMs = seen.eta(int(f.GetPosition()), now).Milliseconds()
		}
	}
	return f, nil
}
