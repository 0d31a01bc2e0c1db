package app_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/game/app"
	"loumiao/game/field"
	"loumiao/game/pb"
)

// A walker is a player on a field.
type walker struct {
	*player
	joined *pb.JoinFieldReply
	sight  *field.Sight
}

// ontoField has a player enter and join a map, over the gate's line to the zone as soon as there is one.
func (p *player) ontoField(name string) *walker {
	p.t.Helper()
	place := ask[*pb.EnterFieldReply](p, &pb.EnterField{Map: name}).GetPlace()
	for late := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		joined, err := try[*pb.JoinFieldReply](p, &pb.JoinField{Field: place.GetField()})
		if err == nil {
			return &walker{p, joined, field.NewSight(place.GetField())}
		}
		if fault.CodeOf(err) != fault.Unavailable || time.Now().After(late) {
			p.t.Fatalf("join field %v: %v", place, err)
		}
	}
}

// sees waits until what the walker sees is so.
func (w *walker) sees(what string, so func(map[int32]field.Seen) bool) {
	w.t.Helper()
	for !so(w.sight.Walkers) {
		if err := w.sight.Apply(await[*pb.FieldUpdate](w.player)); err != nil {
			w.t.Fatalf("waiting until %s: %v", what, err)
		}
	}
}

// seesAt is that the walker sees another at a place.
func (w *walker) seesAt(other *walker, x, y int32) {
	w.t.Helper()
	w.sees("the other is there", func(seen map[int32]field.Seen) bool {
		is, ok := seen[other.joined.GetWalker()]
		return ok && is.Player == other.id && is.At == field.Point{X: x, Y: y}
	})
}

// TestField has two players meet on a map, by JSON and by protobuf: they see and hear each other, nobody leaps, a battle takes them off, and they come back to where they were.
func TestField(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	eachStack(t, func(t *testing.T, s *stack) {
		s.up(t)
		a, b := s.connect(t, "field-a", true), s.connect(t, "field-b", false)
		for _, p := range []*player{a, b} {
			ask[*pb.EnterWorldReply](p, &pb.EnterWorld{Pass: p.pass()})
		}
		one, two := a.ontoField("harbour"), b.ontoField("harbour")
		if one.joined.GetField() != two.joined.GetField() {
			t.Fatalf("they are on %v and %v", one.joined, two.joined)
		}
		one.seesAt(two, two.joined.GetX(), two.joined.GetY())
		two.seesAt(one, one.joined.GetX(), one.joined.GetY())
		x, y := one.joined.GetX(), one.joined.GetY() // and from there a little towards the other, who is to hear him
		x += 300 * int32(cmp.Compare(two.joined.GetX(), x)|1)
		y += 200 * int32(cmp.Compare(two.joined.GetY(), y)|1)
		move := &pb.MoveField{Field: one.joined.GetField(), X: x, Y: y, Corrections: one.joined.GetCorrections()}
		if err := a.Send(move); err != nil {
			t.Fatal(err)
		}
		two.seesAt(one, x, y)
		move.X, move.Y = 0, 0
		if err := a.Send(move); err != nil {
			t.Fatal(err)
		}
		if c := await[*pb.FieldCorrected](a); c.GetX() != x || c.GetY() != y || fault.Code(c.GetCode()) != fault.FailedPrecondition {
			t.Errorf("a leap is answered by %v", c)
		}
		ask[*pb.SayFieldReply](a, &pb.SayField{Field: move.GetField(), Text: "ahoy"})
		if m := await[*pb.FieldSaid](b); m.GetPlayer() != a.id || m.GetText() != "ahoy" {
			t.Errorf("two hears %v", m)
		}
		for _, p := range []*player{a, b} {
			ask[*pb.StartMatchReply](p, &pb.StartMatch{Mode: "arena"})
		}
		for _, p := range []*player{a, b} {
			if left := await[*pb.FieldLeft](p); left.GetField() != move.GetField() {
				t.Errorf("he leaves %v", left)
			}
			found := await[*pb.MatchFound](p)
			if _, err := try[*pb.EnterFieldReply](p, &pb.EnterField{Map: "harbour"}); fault.CodeOf(err) != fault.FailedPrecondition {
				t.Errorf("entering a field during a battle: %v", err)
			}
			ask[*pb.JoinRoomReply](p, &pb.JoinRoom{Room: found.GetRoom()})
		}
		for _, p := range []*player{a, b} {
			await[*pb.MatchEnded](p)
		}
		if again := a.ontoField("harbour"); again.joined.GetX() != x || again.joined.GetY() != y {
			t.Errorf("he comes back to %v and was at %d, %d", again.joined, x, y)
		}
	})
}

// TestAreas has players of two areas on nodes that serve both: they do not meet, on fields or in matches, and are in no queue or ranking together.
func TestAreas(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	config := strings.NewReplacer("login: {", "login: {areas: [{id: 1, name: One}, {id: 2, name: Two}], ", "queue: {", "queue: {capacity: 2, ").Replace(quick)
	if app.HasType("public") {
		config = strings.Replace(config, "db: 1", "db: 1, public: 1", 1) + "public: {ranking: {sweep_every: 200ms, sweep_pause: 0s}}\n"
	}
	s := &stack{dir: t.TempDir(), config: configFile(t, config)}
	s.up(t)
	var players []*player
	area := map[int64]uint16{}
	fields := map[uint16][]int64{}
	for i := range 4 {
		in := uint16(1 + i%2)
		ticket, err := s.login.Guest(t.Context(), "device-of-a-test-areas-"+string(rune('a'+i)), in)
		if err != nil {
			t.Fatal(err)
		}
		p := s.connectTo(t, ticket, address(ticket.Gates[0], false), s.options)
		profile := ask[*pb.EnterWorldReply](p, &pb.EnterWorld{Pass: p.pass()}).GetProfile()
		if profile.GetArea() != uint32(in) {
			t.Fatalf("a player of area %d is %v", in, profile)
		}
		players, area[p.id] = append(players, p), in
		fields[in] = append(fields[in], p.ontoField("harbour").joined.GetField())
	}
	for _, in := range []uint16{1, 2} {
		if fields[in][0] != fields[in][1] || slices.Contains(fields[3-in], fields[in][0]) {
			t.Errorf("the areas' players are on the fields %v", fields)
		}
	}
	for _, p := range players[:3] { // one of area 2 alone, between two of area 1
		ask[*pb.StartMatchReply](p, &pb.StartMatch{Mode: "arena"})
	}
	mates := func(p *player) {
		t.Helper()
		for _, other := range await[*pb.MatchFound](p).GetPlayers() {
			if area[other] != area[p.id] {
				t.Errorf("a player of area %d plays with one of area %d", area[p.id], area[other])
			}
		}
	}
	mates(players[0])
	mates(players[2])
	ask[*pb.StartMatchReply](players[3], &pb.StartMatch{Mode: "arena"})
	mates(players[1])
	mates(players[3])

	// Both areas are full. Whoever comes next is the next in his own area's queue.
	for _, in := range []uint16{1, 2} {
		ticket, err := s.login.Guest(t.Context(), fmt.Sprint("device-of-a-test-areas-full-", in), in)
		if err != nil {
			t.Fatal(err)
		}
		p := s.connectTo(t, ticket, address(ticket.Gates[0], false), s.options)
		if status := ask[*pb.QueueStatus](p, &pb.EnterQueue{}); status.GetPosition() != 1 || status.GetWaiting() != 1 {
			t.Errorf("the first who waits in area %d is told %v", in, status)
		}
	}
	if !app.HasType("public") {
		return
	}
	for _, p := range players {
		frameworktest.Eventually(t, "both of an area are in its ranking", func() bool {
			r, err := try[*pb.GetRankingReply](p, &pb.GetRanking{})
			for _, one := range r.GetRanked() {
				if area[one.GetPlayer()] != area[p.id] {
					t.Fatalf("a player of area %d is in the ranking of area %d", area[one.GetPlayer()], area[p.id])
				}
			}
			return err == nil && r.GetTotal() == 2 && len(r.GetRanked()) == 2
		})
	}
}
