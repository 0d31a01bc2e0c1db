// Package lockstep is a client's side of a battle in frame mode: it runs the zone's simulation on the inputs that the zone tells everybody.
//
//	JoinRoomReply ─► New ─► Simulation
//	Frames ────────► Apply ─► the state after them, and FrameChecksum for the zone to compare
//	Simulation.View ─► what the ship sees ─► RoomInput, with Have
//
// It knows no network: what it is given may come twice and late, by whichever way, as long as it comes. It never decides anything: only the zone's result counts.
package lockstep

import (
	"errors"
	"fmt"

	"loumiao/game/arena"
	"loumiao/game/pb"
)

var (
	// ErrGap says that ticks are missing before these. The client joins again, with [Simulation.Have].
	ErrGap = errors.New("lockstep: ticks are missing")
	// ErrDesync says that the simulation is not the zone's. The client joins again, with nothing.
	ErrDesync = errors.New("lockstep: the simulation is not the zone's")
)

// A Simulation is one battle, as far as it has been told. It belongs to one goroutine at a time.
type Simulation struct {
	room   int64
	ship   int
	every  int // ticks from checksum to checksum
	arena  *arena.Arena
	inputs []arena.Input // of the tick in hand
	view   arena.View
}

// New is the battle of a room before its first tick. A reply that makes no sense, or is not of frame mode, is an error.
func New(joined *pb.JoinRoomReply) (*Simulation, error) {
	mode := joined.GetFrames()
	if mode == nil {
		return nil, errors.New("lockstep: the room is not in frame mode")
	}
	rules := rulesOf(mode.GetRules())
	if err := rules.Validate(); err != nil {
		return nil, fmt.Errorf("lockstep: rules: %w", err)
	}
	if n := len(joined.GetPlayers()); rules.Players != n || joined.GetShip() < 0 || int(joined.GetShip()) >= n || mode.GetChecksumEvery() < 1 {
		return nil, fmt.Errorf("lockstep: %d players, rules for %d, ship %d and a checksum every %d ticks", n, rules.Players, joined.GetShip(), mode.GetChecksumEvery())
	}
	return &Simulation{
		room: joined.GetRoom(), ship: int(joined.GetShip()), every: int(mode.GetChecksumEvery()),
		arena: arena.New(rules, joined.GetSeed()), inputs: make([]arena.Input, rules.Players),
	}, nil
}

func rulesOf(m *pb.FrameRules) arena.Config {
	return arena.Config{
		Players: int(m.GetPlayers()), Ticks: int(m.GetTicks()), Width: m.GetWidth(), Height: m.GetHeight(),
		ShipRadius: m.GetShipRadius(), Thrust: m.GetThrust(), Drag: m.GetDrag(), Hull: m.GetHull(),
		RespawnTicks: m.GetRespawnTicks(), GuardTicks: m.GetGuardTicks(),
		BulletSpeed: m.GetBulletSpeed(), BulletTicks: m.GetBulletTicks(), BulletDamage: m.GetBulletDamage(), ReloadTicks: m.GetReloadTicks(),
		Shards: m.GetShards(), ShardRadius: m.GetShardRadius(), ShardTicks: m.GetShardTicks(),
		ShardScore: m.GetShardScore(), KillScore: m.GetKillScore(), DeathCost: m.GetDeathCost(), Teams: int(m.GetTeams()),
	}
}

// Apply simulates the ticks that are new, and returns the checksums of those that have one. Ticks that are known already are passed over, and so is what is of
// another room. The error is [ErrGap], [ErrDesync], or that the message makes no sense.
func (s *Simulation) Apply(m *pb.Frames) (checksums []*pb.FrameChecksum, err error) {
	if m.GetRoom() != s.room {
		return nil, nil
	}
	seats := len(s.inputs)
	ticks, first := len(m.GetInputs())/seats, int(m.GetTick())
	switch {
	case len(m.GetInputs())%seats != 0 || first < 0 || len(m.GetChecksums()) != (first+ticks)/s.every-first/s.every:
		return nil, fmt.Errorf("lockstep: %d inputs and %d checksums from tick %d on make no sense", len(m.GetInputs()), len(m.GetChecksums()), first)
	case first > s.arena.Tick():
		return nil, fmt.Errorf("%w: %d of them", ErrGap, first-s.arena.Tick())
	}
	for t := s.arena.Tick() - first; t < ticks && !s.arena.Done(); t++ {
		for i, packed := range m.GetInputs()[t*seats : (t+1)*seats] {
			s.inputs[i] = arena.Unpack(packed)
		}
		s.arena.Step(s.inputs)
		tick := s.arena.Tick()
		if tick%s.every != 0 {
			continue
		}
		sum := &pb.FrameChecksum{Room: s.room, Tick: int32(tick), Checksum: s.arena.Checksum()}
		checksums = append(checksums, sum)
		if want := m.GetChecksums()[tick/s.every-first/s.every-1]; sum.Checksum != want && err == nil {
			err = fmt.Errorf("%w: checksum %x after tick %d, and it has %x", ErrDesync, sum.Checksum, tick, want)
		}
	}
	return checksums, err
}

// Have is how many ticks were simulated.
func (s *Simulation) Have() int32 { return int32(s.arena.Tick()) }

// Room is whose battle it is.
func (s *Simulation) Room() int64 { return s.room }

// View is what the client's ship sees within the radius, see [arena.Arena.Near]. It is valid until the next call.
func (s *Simulation) View(radius int32) arena.View {
	s.arena.Near(s.ship, radius, &s.view)
	return s.view
}

// Done reports whether the last tick was simulated.
func (s *Simulation) Done() bool { return s.arena.Done() }

// Result is the table as it stands, best first.
func (s *Simulation) Result() []arena.Standing { return s.arena.Result() }
