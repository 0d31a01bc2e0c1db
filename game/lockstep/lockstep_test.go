package lockstep

import (
	"errors"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/game/arena"
	"loumiao/game/pb"
)

const every = 5 // ticks from checksum to checksum

// A zone is the other side: the same battle, and what it tells of it.
type zone struct {
	arena  *arena.Arena
	inputs []uint32
	sums   []uint64
}

func newZone(ticks int) *zone {
	z := &zone{arena: arena.New(arena.Config{Players: 2}, 7)}
	luck := rand.New(rand.NewPCG(1, 1))
	for range ticks {
		a, b := luck.Uint32(), luck.Uint32()
		z.inputs = append(z.inputs, a, b)
		z.arena.Step([]arena.Input{arena.Unpack(a), arena.Unpack(b)})
		if z.arena.Tick()%every == 0 {
			z.sums = append(z.sums, z.arena.Checksum())
		}
	}
	return z
}

func (z *zone) frames(from, to int) *pb.Frames {
	return &pb.Frames{Room: 3, Tick: int32(from), Inputs: z.inputs[2*from : 2*to], Checksums: z.sums[from/every : to/every]}
}

func joined() *pb.JoinRoomReply {
	return &pb.JoinRoomReply{Room: 3, Ship: 1, Players: []int64{8, 9}, Seed: 7, Frames: &pb.FrameMode{ChecksumEvery: every, Rules: &pb.FrameRules{Players: 2}}}
}

func begin(t testing.TB) *Simulation {
	t.Helper()
	s, err := New(joined())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTicksMayComeTwiceAndLate tells a simulation of a battle in pieces that overlap.
func TestTicksMayComeTwiceAndLate(t *testing.T) {
	t.Parallel()
	z, luck := newZone(300), rand.New(rand.NewPCG(2, 2))
	s, reported := begin(t), 0
	for s.Have() < 300 {
		from := luck.IntN(int(s.Have()) + 1)
		sums, err := s.Apply(z.frames(from, min(300, from+luck.IntN(30))))
		if err != nil {
			t.Fatal(err)
		}
		for _, sum := range sums {
			reported++
			if int(sum.GetTick()) != reported*every || sum.GetChecksum() != z.sums[reported-1] || sum.GetRoom() != 3 {
				t.Fatalf("the %d. checksum is %v", reported, sum)
			}
		}
	}
	if reported != 60 || s.arena.Checksum() != z.arena.Checksum() {
		t.Errorf("%d checksums; the states agree: %v", reported, s.arena.Checksum() == z.arena.Checksum())
	}
}

func TestWhatIsWrong(t *testing.T) {
	t.Parallel()
	z := newZone(30)
	for name, test := range map[string]struct {
		change func(*pb.Frames)
		want   error // nil: any
		have   int32 // afterwards
	}{
		"ticks are missing":        {func(m *pb.Frames) { m.Tick, m.Inputs, m.Checksums = 11, nil, nil }, ErrGap, 10},
		"another input":            {func(m *pb.Frames) { m.Inputs[2] ^= 0x4040 }, ErrDesync, 20},
		"another checksum":         {func(m *pb.Frames) { m.Checksums[1]++ }, ErrDesync, 20},
		"a checksum too few":       {func(m *pb.Frames) { m.Checksums = m.Checksums[:1] }, nil, 10},
		"half a tick":              {func(m *pb.Frames) { m.Inputs = m.Inputs[:19] }, nil, 10},
		"before the beginning":     {func(m *pb.Frames) { m.Tick = -1 }, nil, 10},
		"another room's, no error": {func(m *pb.Frames) { m.Room = 4; m.Tick = 500 }, errors.ErrUnsupported, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			if _, err := s.Apply(z.frames(0, 10)); err != nil {
				t.Fatal(err)
			}
			m := proto.CloneOf(z.frames(10, 20))
			test.change(m)
			_, err := s.Apply(m)
			if errors.Is(test.want, errors.ErrUnsupported) {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if s.Have() != test.have {
				t.Errorf("has %d ticks", s.Have())
			}
		})
	}
}

func TestRepliesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*pb.JoinRoomReply){
		"state mode":         func(m *pb.JoinRoomReply) { m.Frames = nil },
		"no rules":           func(m *pb.JoinRoomReply) { m.Frames.Rules = nil },
		"nobody":             func(m *pb.JoinRoomReply) { m.Players, m.Frames.Rules = nil, nil },
		"another ship":       func(m *pb.JoinRoomReply) { m.Ship = 2 },
		"a negative ship":    func(m *pb.JoinRoomReply) { m.Ship = -1 },
		"no checksums":       func(m *pb.JoinRoomReply) { m.Frames.ChecksumEvery = 0 },
		"rules of elsewhere": func(m *pb.JoinRoomReply) { m.Frames.Rules.Width = 1 << 30 },
	} {
		m := joined()
		change(m)
		if s, err := New(m); err == nil {
			t.Errorf("%s: %v", name, s)
		}
	}
}

func FuzzApply(f *testing.F) {
	z := newZone(40)
	for _, m := range []*pb.Frames{z.frames(0, 10), z.frames(0, 40), {Room: 3, Tick: -5}, {Room: 3, Inputs: []uint32{1, 2, 3}}} {
		b, _ := proto.Marshal(m)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m pb.Frames
		if proto.Unmarshal(b, &m) != nil || len(m.GetInputs()) > 4000 {
			return
		}
		s := begin(t)
		sums, err := s.Apply(&m)
		if int(s.Have()) > len(m.GetInputs())/2 || len(sums) != int(s.Have())/every || err != nil && s.Have() != 0 && !errors.Is(err, ErrDesync) {
			t.Fatalf("%v: %d ticks, %d checksums, %v", &m, s.Have(), len(sums), err)
		}
	})
}
