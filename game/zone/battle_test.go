package zone

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/arena"
	"loumiao/game/pb"
	"loumiao/game/snapshot"
)

func testConfig() Config {
	cfg := Defaults()
	cfg.MatchSeconds = 3
	return cfg
}

func players(n int) []api.PlayerID {
	p := make([]api.PlayerID, n)
	for i := range p {
		p[i] = api.PlayerID(1000 + i)
	}
	return p
}

// A fakeClient decodes what it is pushed, as a real one does.
type fakeClient struct {
	loss      float64 // of snapshots and inputs
	luck      *rand.Rand
	decoder   *snapshot.Decoder
	rand      *arena.Rand
	number    uint32
	snapshots []*pb.Snapshot
	ended     *pb.RoomEnded
	seats     []*pb.RoomSeat
	frames    []*pb.Frames
	desyncs   []*pb.FrameDesync
	err       error
}

func newClient(seed uint64, loss float64) *fakeClient {
	return &fakeClient{loss: loss, luck: rand.New(rand.NewPCG(seed, 9)), rand: arena.NewRand(uint32(seed))}
}

func (c *fakeClient) Push(m proto.Message) error {
	switch m := proto.Clone(m).(type) {
	case *pb.Snapshot:
		if c.luck.Float64() < c.loss {
			return nil
		}
		c.snapshots = append(c.snapshots, m)
		c.err = errors.Join(c.err, c.decoder.Apply(m))
	case *pb.RoomEnded:
		c.ended = m
	case *pb.RoomSeat:
		c.seats = append(c.seats, m)
	case *pb.Frames:
		c.frames = append(c.frames, m)
	case *pb.FrameDesync:
		c.desyncs = append(c.desyncs, m)
	}
	return nil
}

// act is the client's next input.
func (c *fakeClient) act() *pb.RoomInput {
	c.number++
	return &pb.RoomInput{Input: arena.Decide(c.decoder.View(), c.rand).Pack(), Number: c.number, Seen: c.decoder.Seen()}
}

func (c *fakeClient) join(t testing.TB, b *battle, p api.PlayerID) *pb.JoinRoomReply {
	t.Helper()
	reply, err := b.join(p, c, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.decoder = snapshot.NewDecoder(reply)
	return reply
}

func TestBattleFromJoinToResult(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.MatchSeconds, cfg.SnapshotEvery = 30, 1
	b := newBattle(5, players(8), 0, cfg, 42, false)
	clients := make([]*fakeClient, 8)
	for i, p := range players(8) {
		clients[i] = newClient(uint64(i), float64(i)/10)
		reply := clients[i].join(t, b, p)
		if reply.GetRoom() != 5 || reply.GetShip() != int32(i) || reply.GetSeed() != 42 || reply.GetTicks() != 600 || reply.GetTickMs() != 50 || len(reply.GetPlayers()) != 8 {
			t.Fatalf("joined: %v", reply)
		}
	}
	for !b.arena.Done() {
		for _, c := range clients {
			if c.luck.Float64() >= c.loss {
				b.steer(c, c.act())
			}
		}
		b.step()
		for i, c := range clients {
			if c.err != nil {
				t.Fatalf("client %d: %v", i, c.err)
			}
			if ship := b.arena.Ships()[i]; c.decoder.Tick() == int32(b.arena.Tick()) && c.decoder.View().Self.X != ship.X {
				t.Fatalf("client %d sees itself at %d, but is at %d", i, c.decoder.View().Self.X, ship.X)
			}
		}
	}
	last := clients[0].snapshots[len(clients[0].snapshots)-1]
	if last.GetTick() != 600 || last.GetInput() != 600 || last.GetSince() != 599 {
		t.Errorf("last snapshot of a client that loses none: tick %d, input %d, since %d", last.GetTick(), last.GetInput(), last.GetSince())
	}
	table := b.standings()
	if len(table) != 8 || table[0].GetPlace() != 1 || table[0].GetScore() < 10 {
		t.Errorf("standings: %v", table)
	}
	for _, s := range table {
		ship := b.arena.Ships()[s.GetPlayer()-1000]
		if s.GetScore() != ship.Score || s.GetKills() != ship.Kills || s.GetDeaths() != ship.Deaths {
			t.Errorf("%v is not what %+v has done", s, ship)
		}
	}
}

func TestSnapshotsComeAtTheirPace(t *testing.T) {
	t.Parallel()
	for every := 1; every <= 7; every++ {
		cfg := testConfig()
		cfg.MatchSeconds, cfg.SnapshotEvery = 1, every
		b, c := newBattle(5, players(2), 0, cfg, 1, false), newClient(1, 0)
		c.join(t, b, 1000)
		var want, got []int32
		for tick := int32(1); tick <= 20; tick++ {
			b.step()
			if int(tick)%every == 0 || tick == 20 {
				want = append(want, tick)
			}
		}
		for _, m := range c.snapshots {
			got = append(got, m.GetTick())
		}
		if !slices.Equal(got, want) {
			t.Errorf("every %d: at %v, want %v", every, got, want)
		}
	}
}

// Whatever is done to a battle, its recording plays again to the same state, and only the newest client of each seat has had an effect.
func TestRecordingReplaysAnything(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		luck := rand.New(rand.NewPCG(seed, 2))
		b := newBattle(5, players(1+luck.IntN(8)), 0, testConfig(), uint32(seed), false)
		n := len(b.seats)
		at := make([]*fakeClient, n) // the oracle: who sits where, and what his ship is told
		told := make([]uint32, n)
		last := make([]uint32, n)
		all := []*fakeClient{newClient(99, 1)}
		for !b.arena.Done() {
			for range luck.IntN(5) {
				seat := luck.IntN(n)
				switch luck.IntN(6) {
				case 0:
					c := newClient(1, 0)
					c.join(t, b, b.seats[seat].player)
					all = append(all, c)
					at[seat], told[seat], last[seat] = c, 0, 0
				case 1:
					c := all[luck.IntN(len(all))]
					b.leave(c)
					if i := slices.Index(at, c); i >= 0 {
						at[i], told[i] = nil, 0
					}
				default:
					c, m := all[luck.IntN(len(all))], &pb.RoomInput{Input: luck.Uint32(), Number: luck.Uint32N(40), Seen: int32(luck.Uint32())}
					b.steer(c, m)
					if i := slices.Index(at, c); i >= 0 && m.GetNumber() > last[i] {
						told[i], last[i] = m.GetInput(), m.GetNumber()
					}
				}
			}
			b.step()
			if !slices.Equal(b.packed, told) {
				t.Fatalf("seed %d, tick %d: ships do %v, want %v", seed, b.arena.Tick(), b.packed, told)
			}
		}
		again := b.tape.Replay()
		if again.Checksum() != b.arena.Checksum() || !slices.Equal(again.Result(), b.arena.Result()) {
			t.Errorf("seed %d: the replay ends otherwise", seed)
		}
		if len(b.tape.Inputs) != 60*n || cap(b.tape.Inputs) != 60*n {
			t.Errorf("seed %d: %d inputs recorded in %d", seed, len(b.tape.Inputs), cap(b.tape.Inputs))
		}
	}
}

func TestRecordingKeepsInputs(t *testing.T) {
	t.Parallel()
	b, c := newBattle(5, players(2), 0, testConfig(), 7, false), newClient(1, 0)
	c.join(t, b, 1001)
	b.steer(c, &pb.RoomInput{Input: arena.Input{DX: 127}.Pack(), Number: 1})
	for !b.arena.Done() {
		b.step()
	}
	tape := *b.tape
	if tape.Replay().Checksum() != b.arena.Checksum() {
		t.Error("the replay ends otherwise")
	}
	tape.Inputs = slices.Clone(tape.Inputs)
	tape.Inputs[21] ^= 1
	if tape.Replay().Checksum() == b.arena.Checksum() {
		t.Error("another input makes no difference")
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	b := newBattle(5, players(2), 0, testConfig(), 1, false)
	if _, err := b.join(7, newClient(1, 0), 0); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("a stranger joins: %v", err)
	}
	if b.came() != 0 {
		t.Error("a stranger counts")
	}
	old, fresh := newClient(1, 0), newClient(2, 0)
	old.join(t, b, 1000)
	for range 10 {
		b.steer(old, old.act())
		b.step()
	}
	if reply := fresh.join(t, b, 1000); reply.GetTick() != 10 || b.came() != 1 {
		t.Errorf("joined again: %v, %d came", reply, b.came())
	}
	b.leave(old)
	shown := len(old.snapshots)
	b.step()
	b.step()
	if len(old.snapshots) != shown {
		t.Error("a replaced client is shown more")
	}
	if len(fresh.snapshots) != 1 || fresh.snapshots[0].GetSince() != 0 {
		t.Errorf("a client that joins again gets %v, want a keyframe", fresh.snapshots)
	}

	// By the same session, what it has said to have seen before counts no more.
	b.steer(fresh, fresh.act())
	stale := fresh.act()
	fresh.join(t, b, 1000)
	b.steer(old, stale)
	b.step()
	b.step()
	if last := fresh.snapshots[len(fresh.snapshots)-1]; last.GetSince() != 0 || fresh.decoder.Seen() != last.GetTick() {
		t.Errorf("a client that joins again gets %v, want a keyframe", last)
	}
}

func TestNobodyShowsNothing(t *testing.T) {
	t.Parallel()
	b := newBattle(5, players(2), 0, testConfig(), 1, false)
	b.leave(nil)
	b.steer(nil, &pb.RoomInput{Number: 1, Input: 1})
	b.step()
	if b.seats[0].input != 0 || b.seats[1].input != 0 {
		t.Error("nobody steers a ship")
	}
}
