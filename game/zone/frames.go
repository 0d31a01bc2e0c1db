package zone

import (
	"slices"

	"loumiao/game/arena"
	"loumiao/game/pb"
)

const (
	checksumEvery = arena.TicksPerSecond // ticks
	maxFrames     = 100                  // ticks that one message brings to a client who is behind
	maxCatchUp    = 2                    // messages that he is sent in one tick
	maxLastWords  = 10                   // times as many that he is sent when the battle is over, and does without what is more
)

// frames is what a battle in frame mode keeps besides its recording, which is what clients are sent: the checksums that theirs are held against.
type frames struct {
	checksums []uint64 // after tick checksumEvery, 2*checksumEvery, ...
}

// mode is what a client needs to know to take part.
func (f *frames) mode(rules arena.Config) *pb.FrameMode {
	return &pb.FrameMode{ChecksumEvery: checksumEvery, Rules: &pb.FrameRules{
		Players: int32(rules.Players), Ticks: int32(rules.Ticks), Width: rules.Width, Height: rules.Height,
		ShipRadius: rules.ShipRadius, Thrust: rules.Thrust, Drag: rules.Drag, Hull: rules.Hull,
		RespawnTicks: rules.RespawnTicks, GuardTicks: rules.GuardTicks,
		BulletSpeed: rules.BulletSpeed, BulletTicks: rules.BulletTicks, BulletDamage: rules.BulletDamage, ReloadTicks: rules.ReloadTicks,
		Shards: rules.Shards, ShardRadius: rules.ShardRadius, ShardTicks: rules.ShardTicks,
		ShardScore: rules.ShardScore, KillScore: rules.KillScore, DeathCost: rules.DeathCost, Teams: int32(rules.Teams),
	}}
}

// note takes the checksum of a tick that has one.
func (f *frames) note(a *arena.Arena) {
	if a.Tick()%checksumEvery == 0 {
		f.checksums = append(f.checksums, a.Checksum())
	}
}

// of is the checksums of the ticks after from and up to to.
func (f *frames) of(from, to int32) []uint64 {
	last := len(f.checksums)
	return f.checksums[min(int(from)/checksumEvery, last):min(int(to)/checksumEvery, last)]
}

// at is the checksum after a tick, if there is one.
func (f *frames) at(tick int32) (uint64, bool) {
	i := int(tick)/checksumEvery - 1
	if tick%checksumEvery != 0 || i < 0 || i >= len(f.checksums) {
		return 0, false
	}
	return f.checksums[i], true
}

// feed sends a player the ticks that he has not been sent, or as many of them as go at once. What cannot be sent now is sent with the next tick.
func (b *battle) feed(s *seat) {
	if b.frames == nil {
		return
	}
	for range maxCatchUp {
		from, to := s.sent, min(s.sent+maxFrames, int32(b.arena.Tick()))
		if from >= to || s.out == nil {
			return
		}
		seats := int32(len(b.seats))
		m := &pb.Frames{Room: int64(b.match), Tick: from, Inputs: b.tape.Inputs[from*seats : to*seats], Checksums: b.frames.of(from, to)}
		if !s.push(m) {
			return
		}
		s.sent = to
	}
}

// check is what a client's checksum has to be, and whose client it is; nil when there is nothing to compare, or when he has been told already that he must begin
// again.
func (b *battle) check(c client, m *pb.FrameChecksum) (s *seat, want uint64) {
	s = b.seatOf(c)
	if s == nil || b.frames == nil || s.desync {
		return nil, 0
	}
	want, known := b.frames.at(m.GetTick())
	if !known {
		return nil, 0
	}
	s.desync = want != m.GetChecksum()
	return s, want
}

// framed reports whether a mode's clients run the simulation.
func (c Config) framed(mode string) bool { return slices.Contains(c.FrameModes, mode) }
