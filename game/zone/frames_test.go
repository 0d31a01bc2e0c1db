package zone

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/direct"
	"loumiao/game/api"
	"loumiao/game/arena"
	"loumiao/game/lockstep"
	"loumiao/game/pb"
)

// A framer is a player's client in frame mode: a simulation, and one way or two by which it hears of the battle.
type framer struct {
	sim    *lockstep.Simulation
	mind   *arena.Rand
	number uint32
	got    []*pb.Frames
	ended  bool
	gap    bool // something is missing
	err    error
}

func (f *framer) take(m proto.Message) {
	switch m := m.(type) {
	case *pb.Frames:
		f.got = append(f.got, m)
		_, err := f.sim.Apply(m)
		if f.gap = errors.Is(err, lockstep.ErrGap); !f.gap {
			f.err = errors.Join(f.err, err)
		}
	case *pb.RoomEnded:
		f.ended = true
	}
}

func (f *framer) act() *pb.RoomInput {
	f.number++
	return &pb.RoomInput{Input: arena.Decide(f.sim.View(12000), f.mind).Pack(), Number: f.number, Seen: f.sim.Have()}
}

// A way is a session or a direct line of a framer. What it is given arrives when it is told to, or never.
type way struct {
	to      *framer
	waiting []proto.Message
	broken  bool // it takes what it is given, and loses it
	full    bool
	closed  bool
}

func (w *way) Push(m proto.Message) error {
	if w.closed || w.full {
		return errors.New("not sent")
	}
	if !w.broken {
		w.waiting = append(w.waiting, proto.Clone(m))
	}
	return nil
}

func (w *way) Close() { w.closed = true }

func (w *way) arrive() {
	for _, m := range w.waiting {
		w.to.take(m)
	}
	w.waiting = nil
}

// begin joins a player in frame mode. A simulation that he has goes on.
func (f *framer) begin(t *testing.T, b *battle, p api.PlayerID, session *way) {
	t.Helper()
	have := int32(0)
	if f.sim != nil {
		have = f.sim.Have()
	}
	reply, err := b.join(p, session, have)
	if err != nil {
		t.Fatal(err)
	}
	if f.sim == nil {
		if f.sim, err = lockstep.New(reply); err != nil {
			t.Fatal(err)
		}
		f.mind = arena.NewRand(uint32(p))
	}
	f.number = 0
}

// TestEveryWayThroughABattleInFrameMode has clients join, leave, come back with what they have or with nothing, and change between their session and direct
// lines that break and lose what is under way. Each has to come out with the zone's state.
func TestEveryWayThroughABattleInFrameMode(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		luck := rand.New(rand.NewPCG(seed, 5))
		n := 1 + luck.IntN(4)
		cfg := testConfig()
		cfg.MatchSeconds = 20
		b := newBattle(5, players(n), 0, cfg, uint32(seed), true)
		all, sessions, lines := make([]*framer, n), make([]*way, n), make([]*way, n)
		for i := range all {
			all[i] = &framer{}
		}
		for !b.arena.Done() {
			for i, f := range all {
				player := b.seats[i].player
				switch roll := luck.IntN(100); {
				case sessions[i] == nil && (roll < 20 || b.arena.Tick() > 380):
					if luck.IntN(3) == 0 {
						f.sim = nil
					}
					sessions[i], lines[i] = &way{to: f}, nil
					f.begin(t, b, player, sessions[i])
				case sessions[i] == nil:
				case roll < 3 && b.arena.Tick() < 370:
					b.leave(sessions[i])
					if l := lines[i]; l != nil && !l.closed {
						t.Fatal("a line goes on without its session")
					}
					sessions[i], lines[i] = nil, nil
				case roll < 10:
					old := lines[i]
					lines[i] = &way{to: f}
					ticket := direct.Ticket{byte(1 + luck.IntN(200))}
					if b.dial(player, ticket, lines[i]) {
						t.Fatal("a line that was not offered is taken")
					}
					b.seatOf(sessions[i]).offered = ticket
					if !b.dial(player, ticket, lines[i]) || b.dial(player, ticket, &way{}) || old != nil && !old.closed {
						t.Fatal("there is no new line, or an old one")
					}
				case roll < 13 && lines[i] != nil: // the client gives it up, or the zone does
					lines[i].broken = true
					if luck.IntN(2) == 0 {
						b.leave(lines[i])
					}
					lines[i] = nil
				case roll < 20:
					sessions[i].full = !sessions[i].full
				}
				if sessions[i] == nil {
					continue
				}
				if w := sessions[i]; luck.IntN(20) == 0 && b.arena.Tick() < 380 {
					w.waiting = nil // what may be lost is
				}
				if f.gap {
					f.gap, lines[i] = false, nil
					sessions[i].waiting = nil
					f.begin(t, b, player, sessions[i])
				}
				for _, w := range []*way{sessions[i], lines[i]} {
					if w != nil && luck.IntN(3) > 0 {
						w.arrive()
					}
				}
				if by := sessions[i]; luck.IntN(3) > 0 {
					if lines[i] != nil && luck.IntN(10) > 0 {
						by = lines[i]
					}
					b.steer(by, f.act())
				}
			}
			b.step()
		}
		for i := range sessions {
			sessions[i].full = false
		}
		b.end(&pb.RoomEnded{Room: 5})
		for i, f := range all {
			sessions[i].arrive()
			if f.err != nil || !f.ended || f.sim.Have() != int32(b.arena.Tick()) {
				t.Fatalf("seed %d, player %d: %v, %d of %d ticks, ended %v", seed, i, f.err, f.sim.Have(), b.arena.Tick(), f.ended)
			}
			if fmt.Sprint(f.sim.Result()) != fmt.Sprint(b.arena.Result()) {
				t.Errorf("seed %d, player %d: results differ", seed, i)
			}
		}
	}
}

// TestThoseWhoComeLateCatchUp is bounded in what it takes.
func TestThoseWhoComeLateCatchUp(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.MatchSeconds = 60
	b := newBattle(5, players(2), 0, cfg, 1, true)
	for range 1000 {
		b.step()
	}
	f := &framer{}
	session := &way{to: f}
	f.begin(t, b, 1001, session)
	for range 8 {
		session.waiting = nil
		b.step()
		if len(session.waiting) > maxCatchUp {
			t.Fatalf("%d messages at once", len(session.waiting))
		}
		session.arrive()
	}
	if f.err != nil || f.sim.Have() != 1008 {
		t.Errorf("%d ticks, %v", f.sim.Have(), f.err)
	}
	// One who comes back has what he has.
	again := &way{to: f}
	f.got = nil
	f.begin(t, b, 1001, again)
	b.step()
	again.arrive()
	if len(f.got) != 1 || f.got[0].GetTick() != 1008 {
		t.Errorf("one who has 1008 ticks is sent %v", f.got)
	}
	// And what he claims makes no difference to anybody but him.
	for _, have := range []int32{-1, 1 << 30} {
		if _, err := b.join(1001, &way{to: f}, have); err != nil {
			t.Fatal(err)
		}
		b.steer(b.seats[1].client, &pb.RoomInput{Number: 1, Seen: have})
		b.step()
		if sent := b.seats[1].sent; sent < 0 || int(sent) > b.arena.Tick() {
			t.Errorf("with %d, %d ticks are sent", have, sent)
		}
	}
}

// TestADesyncIsSeen has a client's simulation go another way.
func TestADesyncIsSeen(t *testing.T) {
	inWorld(t, func(c *Config) { c.FrameModes = []string{"duel"}; c.MatchSeconds = 5 }, func(t *testing.T, w *world) {
		w.create(7, 2)
		clients := w.fill(7, 2)
		w.pass(3100 * time.Millisecond)
		room, _ := w.zone.rooms.Get(7)
		tell := func(c client, tick int32, sum uint64) {
			t.Helper()
			if err := room.Tell(&checksumMsg{c, &pb.FrameChecksum{Room: 7, Tick: tick, Checksum: sum}}); err != nil {
				t.Fatal(err)
			}
			w.pass(time.Millisecond)
		}
		var sums []uint64
		for _, m := range clients[0].frames {
			sums = append(sums, m.GetChecksums()...)
		}
		if len(sums) != 3 {
			t.Fatalf("%d checksums in 3 seconds", len(sums))
		}
		tell(clients[0], 20, sums[0])
		tell(clients[0], 21, 5)     // there is none
		tell(clients[0], 4000, 5)   // nor here
		tell(clients[0], -20, 5)    // nor here
		tell(&way{}, 20, sums[0]+1) // from nobody
		if len(clients[0].desyncs) != 0 {
			t.Fatalf("told of %v", clients[0].desyncs)
		}
		tell(clients[1], 40, sums[1]+1)
		tell(clients[1], 60, sums[2]+1) // known by now
		if d := clients[1].desyncs; len(d) != 1 || d[0].GetTick() != 40 || d[0].GetChecksum() != sums[1] || len(clients[0].desyncs) != 0 {
			t.Errorf("told of %v", d)
		}
		agreed, parted := testutil.ToFloat64(w.zone.stats.checksums.WithLabelValues("agreed")), testutil.ToFloat64(w.zone.stats.checksums.WithLabelValues("desync"))
		if agreed != 1 || parted != 1 || strings.Count(w.log.String(), "not the zone's") != 1 {
			t.Errorf("%v agreed, %v parted; the log: %s", agreed, parted, &w.log)
		}
	})
}

type checksumMsg struct {
	client client
	m      *pb.FrameChecksum
}
