package robot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/arena"
	"loumiao/game/lockstep"
	"loumiao/game/pb"
)

// eyesight is how far a robot sees that knows everything: as far as one in state mode, in points of the arena.
const eyesight = 12_000

// have is how many ticks of its match the robot has simulated.
func (r *robot) have() int32 {
	if r.sim == nil || r.sim.Room() != r.playing.GetRoom() {
		return 0
	}
	return r.sim.Have()
}

// simulate goes on with the robot's simulation of the match, or begins one.
func (r *robot) simulate(joined *pb.JoinRoomReply) (*lockstep.Simulation, error) {
	if r.have() > 0 {
		return r.sim, nil
	}
	sim, err := lockstep.New(joined)
	if err != nil {
		r.tally.hold(inStep, err)
		return nil, err
	}
	r.sim = sim
	return sim, nil
}

// follow runs the simulation on what the zone tells of the battle, reports its checksums and says what the ship does next.
func (b *battle) follow(ctx context.Context, m *pb.Frames) error {
	r := b.robot
	sums, err := b.sim.Apply(m)
	switch {
	case errors.Is(err, lockstep.ErrGap):
		return b.rejoin(ctx)
	case err != nil:
		r.tally.hold(inStep, fmt.Errorf("player %d: %w", r.player, err))
		r.sim = nil
		return err
	}
	for _, sum := range sums {
		r.tally.hold(inStep, nil)
		if err := b.short.send(sum); err != nil {
			return err
		}
	}
	if b.sim.Have() == b.tick {
		return nil // nothing new
	}
	b.tick = b.sim.Have()
	return b.act(m.GetRoom(), func() arena.View { return b.sim.View(eyesight) })
}

// rejoin asks for what was missed, as after a connection that broke.
func (b *battle) rejoin(ctx context.Context) error {
	const soon = time.Second // what came before the answer to the last time is missing the same
	if time.Since(b.rejoined) < soon {
		return nil
	}
	b.rejoined = time.Now()
	_, err := ask[*pb.JoinRoomReply](b.robot, ctx, "zone.rejoin", &pb.JoinRoom{Room: b.sim.Room(), Have: b.sim.Have()})
	switch fault.CodeOf(err) {
	case fault.NotOwner, fault.NotFound, fault.FailedPrecondition, fault.Lost:
		return nil // the battle is over, or the session is; either is told otherwise
	}
	b.number = 0
	return err
}

// compare holds the zone's result against the simulation's own.
func (b *battle) compare(m *pb.RoomEnded) {
	if b.sim == nil || m.GetRoom() != b.sim.Room() || !b.sim.Done() {
		return
	}
	r := b.robot
	var broken error
	own := b.sim.Result()
	for i, s := range m.GetStandings() {
		if i >= len(own) || int(s.GetPlace()) != own[i].Place || s.GetScore() != own[i].Score || s.GetKills() != own[i].Kills || s.GetDeaths() != own[i].Deaths {
			broken = fmt.Errorf("player %d: room %d ended with %v, and the simulation with %v", r.player, m.GetRoom(), m.GetStandings(), own)
			break
		}
	}
	r.tally.hold(inStep, broken)
}
