package snapshot_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/game/arena"
	"loumiao/game/pb"
	"loumiao/game/snapshot"
)

const (
	room   = 77
	radius = 9000
)

// A battle is an arena that bots fight in, small enough that ships come near and leave.
type battle struct {
	arena *arena.Arena
	rand  *arena.Rand
	view  arena.View
}

func newBattle(seed uint32) *battle {
	return &battle{arena: arena.New(arena.Config{Ticks: 72000}, seed), rand: arena.NewRand(seed + 1)}
}

func (b *battle) step() {
	in := make([]arena.Input, len(b.arena.Ships()))
	for i := range in {
		b.arena.Near(i, radius, &b.view)
		in[i] = arena.Decide(b.view, b.rand)
	}
	b.arena.Step(in)
}

func (b *battle) near(seat int) *arena.View {
	b.arena.Near(seat, radius, &b.view)
	return &b.view
}

func joined(seat int32) *pb.JoinRoomReply {
	return &pb.JoinRoomReply{Room: room, Ship: seat, Players: make([]int64, 8), Ticks: 72000, Width: 32768, Height: 18432}
}

// told is what of v travels, written the plain way.
func told(v *arena.View) arena.View {
	t := arena.View{Self: toldShip(v.Self)}
	for _, s := range v.Ships {
		t.Ships = append(t.Ships, toldShip(s))
	}
	t.Shards = append(t.Shards, v.Shards...)
	for _, b := range v.Bullets {
		t.Bullets = append(t.Bullets, arena.Bullet{ID: b.ID, Owner: -1, X: b.X, Y: b.Y, VX: b.VX, VY: b.VY})
	}
	return t
}

func toldShip(s arena.Ship) arena.Ship {
	t := arena.Ship{Player: s.Player, X: s.X, Y: s.Y, VX: s.VX, VY: s.VY, Aim: s.Aim, Hull: s.Hull, Score: s.Score}
	if !s.Alive() {
		t.Respawn = 1
	}
	return t
}

func same(got, want arena.View) bool {
	return got.Self == want.Self && slices.Equal(got.Ships, want.Ships) &&
		slices.Equal(got.Shards, want.Shards) && slices.Equal(got.Bullets, want.Bullets)
}

// wire is m after a journey.
func wire(t testing.TB, m *pb.Snapshot) *pb.Snapshot {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got := new(pb.Snapshot)
	if err := proto.Unmarshal(data, got); err != nil {
		t.Fatal(err)
	}
	return got
}

// Whatever snapshots and acknowledgements are lost, late, doubled or out of order, a client that has applied the snapshot of a tick sees what was near at
// that tick.
func TestDecoderSeesWhatIsNear(t *testing.T) {
	t.Parallel()
	for _, link := range []struct {
		name       string
		loss, late float64 // of each snapshot, and each acknowledgement
		double     float64
	}{
		{name: "perfect"},
		{name: "late", late: 0.5},
		{name: "lossy", loss: 0.3, late: 0.1, double: 0.1},
		{name: "bad", loss: 0.7, late: 0.5, double: 0.3},
		{name: "hardly there", loss: 0.95, late: 0.2},
	} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(link.name, " ", seed), func(t *testing.T) {
				t.Parallel()
				luck := rand.New(rand.NewPCG(seed, 1))
				chance := func(p float64) bool { return luck.Float64() < p }
				b, seat := newBattle(uint32(seed)), int(seed)%8
				enc, dec := snapshot.NewEncoder(room), snapshot.NewDecoder(joined(int32(seat)))

				want := map[int32]arena.View{}
				var delayed []*pb.Snapshot
				var seen int32
				var applied, keyframes, ignored int
				apply := func(m *pb.Snapshot) {
					before := dec.Tick()
					if err := dec.Apply(m); err != nil {
						t.Fatal(err)
					}
					if m.GetTick() <= before {
						ignored++
					} else if applied++; m.GetSince() == 0 {
						keyframes++
					}
					if dec.Tick() != max(before, m.GetTick()) || dec.Seen() != dec.Tick() {
						t.Fatalf("tick %d, seen %d after a snapshot of %d at %d", dec.Tick(), dec.Seen(), m.GetTick(), before)
					}
					if got := dec.View(); !same(got, want[dec.Tick()]) {
						t.Fatalf("tick %d since %d:\ngot  %+v\nwant %+v", m.GetTick(), m.GetSince(), got, want[dec.Tick()])
					}
				}
				for tick := int32(1); tick <= 800; tick++ {
					b.step()
					if tick%2 == 1 && seed%2 == 1 {
						continue
					}
					near := b.near(seat)
					want[tick] = told(near)
					m := wire(t, enc.Encode(tick, uint32(tick), seen, near))
					for copies := 1; copies > 0; copies-- {
						switch {
						case chance(link.loss):
						case chance(link.late):
							delayed = append(delayed, m)
						default:
							apply(m)
						}
						if chance(link.double) {
							copies++
						}
					}
					for len(delayed) > 0 && chance(0.3) {
						i := luck.IntN(len(delayed))
						apply(delayed[i])
						delayed = slices.Delete(delayed, i, i+1)
					}
					if !chance(link.loss) && !chance(link.late) {
						seen = dec.Seen()
					}
				}
				m := enc.Encode(10000, 1, seen, b.near(seat))
				want[10000] = told(b.near(seat))
				apply(wire(t, m))
				if link.loss < 0.9 && (keyframes == 0 || keyframes > applied/2) {
					t.Errorf("%d keyframes of %d applied: deltas are not used", keyframes, applied)
				}
				if link.late > 0 && link.loss < 0.9 && ignored == 0 {
					t.Error("nothing came late")
				}
			})
		}
	}
}

func TestBulletsAreSaidOnce(t *testing.T) {
	t.Parallel()
	enc := snapshot.NewEncoder(room)
	v := arena.View{Bullets: []arena.Bullet{{ID: 5, X: 100, Y: 200, VX: 10, VY: -20}}}
	if m := enc.Encode(1, 0, 0, &v); len(m.GetBullets()) != 1 || m.GetSince() != 0 {
		t.Fatalf("first: %v", m)
	}
	v.Bullets[0].X, v.Bullets[0].Y = 130, 140
	if m := enc.Encode(4, 0, 1, &v); len(m.GetBullets()) != 0 || m.GetSince() != 1 || len(m.GetShips()) != 0 {
		t.Errorf("flown on: %v", m)
	}
	v.Bullets[0].X = 131
	if m := enc.Encode(5, 0, 1, &v); len(m.GetBullets()) != 1 {
		t.Errorf("moved otherwise: %v", m)
	}
	v.Bullets = nil
	if m := enc.Encode(6, 0, 5, &v); !slices.Equal(m.GetGoneBullets(), []int32{5}) {
		t.Errorf("gone: %v", m)
	}
}

func TestKeyframes(t *testing.T) {
	t.Parallel()
	var v arena.View
	tests := map[string]struct {
		seen    int32
		isDelta bool
	}{
		"nothing seen":      {seen: 0},
		"newest seen":       {seen: 100, isDelta: true},
		"oldest remembered": {seen: 100 - snapshot.History + 2, isDelta: true},
		"forgotten":         {seen: 100 - snapshot.History + 1},
		"never sent":        {seen: 101},
		"a lie":             {seen: -5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := v
			enc := snapshot.NewEncoder(room)
			for tick := int32(1); tick <= 100; tick++ {
				enc.Encode(tick, 0, tick-1, &v)
			}
			m := enc.Encode(101, 0, tt.seen, &v)
			if got := m.GetSince() != 0; got != tt.isDelta || tt.isDelta && m.GetSince() != tt.seen {
				t.Errorf("since %d", m.GetSince())
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	thing := func(id int32) *pb.Thing { return &pb.Thing{Id: id} }
	crowd := make([]*pb.Thing, 2049)
	for i := range crowd {
		crowd[i] = thing(int32(i))
	}
	tests := map[string]*pb.Snapshot{
		"another room":         {Room: 1, Tick: 20},
		"no tick":              {Room: room, Tick: 20, Since: 20},
		"negative since":       {Room: room, Tick: 20, Since: -1},
		"unknown base":         {Room: room, Tick: 20, Since: 9},
		"no such seat":         {Room: room, Tick: 20, Ships: []*pb.Ship{{Ship: 8}}},
		"negative seat":        {Room: room, Tick: 20, Ships: []*pb.Ship{{Ship: -1}}},
		"ships twice":          {Room: room, Tick: 20, Ships: []*pb.Ship{{Ship: 1}, {Ship: 1}}},
		"shards out of order":  {Room: room, Tick: 20, Shards: []*pb.Thing{thing(2), thing(1)}},
		"bullets out of order": {Room: room, Tick: 20, Bullets: []*pb.Thing{thing(2), thing(1)}},
		"gone without being":   {Room: room, Tick: 20, Since: 10, GoneShards: []int32{99}},
		"gone from nothing":    {Room: room, Tick: 20, GoneShips: []int32{0}},
		"a crowd":              {Room: room, Tick: 20, Bullets: crowd},
		"a crowd in steps":     {Room: room, Tick: 20, Since: 10, Shards: crowd[:2048]},
	}
	for name, m := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dec := snapshot.NewDecoder(joined(3))
			first := &pb.Snapshot{Room: room, Tick: 10, Input: 4, Ships: []*pb.Ship{{Ship: 3, X: 5, Hull: 1}}, Shards: []*pb.Thing{{Id: 5000, X: 7}}}
			if err := dec.Apply(first); err != nil {
				t.Fatal(err)
			}
			before := dec.View()
			before.Ships, before.Shards = slices.Clone(before.Ships), slices.Clone(before.Shards)
			if err := dec.Apply(m); err == nil {
				t.Fatal("no error")
			}
			if !reflect.DeepEqual(dec.View(), before) || dec.Tick() != 10 || dec.Input() != 4 {
				t.Errorf("changed by a refused snapshot: %+v", dec.View())
			}
			if name != "another room" && dec.Seen() != 0 {
				t.Errorf("asks for no keyframe, but says it has seen %d", dec.Seen())
			}
			if err := dec.Apply(&pb.Snapshot{Room: room, Tick: 21}); err != nil || dec.Seen() != 21 {
				t.Errorf("a keyframe does not heal it: %v, seen %d", err, dec.Seen())
			}
		})
	}
}

// TestSnapshotsOfAnEarlierVisit has a client that joins again be told what was under way to it before: that is passed over, whatever it builds on.
func TestSnapshotsOfAnEarlierVisit(t *testing.T) {
	t.Parallel()
	again := joined(3)
	again.Tick = 20
	dec := snapshot.NewDecoder(again)
	for _, m := range []*pb.Snapshot{{Room: room, Tick: 18, Since: 16}, {Room: room, Tick: 19}, {Room: room, Tick: 20, Since: 18}} {
		if err := dec.Apply(m); err != nil || dec.Tick() != 0 || dec.Seen() != 0 {
			t.Errorf("%v: %v, at tick %d, seen %d", m, err, dec.Tick(), dec.Seen())
		}
	}
	if err := dec.Apply(&pb.Snapshot{Room: room, Tick: 21, Since: 19}); err == nil {
		t.Error("a snapshot of this visit builds on one of the visit before")
	}
	if err := dec.Apply(&pb.Snapshot{Room: room, Tick: 22}); err != nil || dec.Seen() != 22 {
		t.Errorf("the keyframe: %v, seen %d", err, dec.Seen())
	}
}

func TestViewBeforeTheFirstSnapshot(t *testing.T) {
	t.Parallel()
	dec := snapshot.NewDecoder(joined(3))
	v := dec.View()
	if v.Self.Alive() || v.Self.Player != 3 || v.Rules.Width != 32768 || v.Rules.Players != 8 || dec.Seen() != 0 || dec.Tick() != 0 {
		t.Errorf("%+v, seen %d", v, dec.Seen())
	}
	if in := arena.Decide(v, arena.NewRand(1)); in != (arena.Input{}) {
		t.Errorf("a bot acts on nothing: %+v", in)
	}
}
