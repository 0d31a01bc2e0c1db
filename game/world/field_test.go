package world_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/world"
)

// meadows is a zone that hosts the lines of one map and keeps no limits: it refuses whom the test says.
type meadows struct {
	node *node.Node

	mu     sync.Mutex
	lines  []*pb.HostedLine
	opened int
	full   map[int64]bool           // fields
	visits map[int64]*pb.VisitField // by player
	ended  []*pb.EndVisit
}

func (z *meadows) locked(fn func()) {
	z.mu.Lock()
	defer z.mu.Unlock()
	fn()
}

// visit is where the zone has the player.
func (z *meadows) visit(player int64) (v *pb.VisitField) {
	z.locked(func() { v = proto.CloneOf(z.visits[player]) })
	return v
}

func (z *meadows) service() service {
	return func(n *node.Node) {
		z.node = n
		rpc.HandleFunc(n, api.HasRoom, func(context.Context, *pb.HasRoom) (*pb.HasRoomReply, error) { return &pb.HasRoomReply{Here: true}, nil })
		rpc.HandleFunc(n, api.ListFieldLines, func(_ context.Context, m *pb.ListFieldLines) (*pb.ListFieldLinesReply, error) {
			z.mu.Lock()
			defer z.mu.Unlock()
			if m.GetOpen() && len(m.GetFull()) > 0 {
				z.opened++
			}
			reply := &pb.ListFieldLinesReply{}
			for _, l := range z.lines {
				l = proto.CloneOf(l)
				l.Zone, l.Boot, l.Soft, l.Hard = uint32(n.ID()), uint64(n.Boot()), 10, 20
				reply.Lines = append(reply.Lines, l)
			}
			return reply, nil
		})
		rpc.HandleFunc(n, api.VisitField, func(_ context.Context, m *pb.VisitField) (*pb.Done, error) {
			z.mu.Lock()
			defer z.mu.Unlock()
			if z.full[m.GetField()] {
				return nil, fault.New(fault.Overloaded, "full")
			}
			z.visits[m.GetPlayer()] = proto.CloneOf(m)
			return &pb.Done{}, nil
		})
		rpc.HandleFunc(n, api.EndVisit, func(_ context.Context, m *pb.EndVisit) (*pb.EndVisitReply, error) {
			z.mu.Lock()
			defer z.mu.Unlock()
			z.ended = append(z.ended, m)
			reply := &pb.EndVisitReply{}
			if v := z.visits[m.GetPlayer()]; v != nil && v.GetVisit() == m.GetVisit() {
				delete(z.visits, m.GetPlayer())
				reply.Spot = &pb.FieldSpot{X: 70 + int32(m.GetField()), Y: 80}
			}
			return reply, nil
		})
		fields := actor.NewPool(n.Actors(), func(*actor.Context, int64) (*int, error) { return new(int), nil }, actor.PoolConfig{Name: "field", OnRequest: true})
		line.HandleBy(n, fields, func(_ *line.Session, m *pb.JoinField) (int64, error) {
			_, err := fields.Create(m.GetField())
			return m.GetField(), err
		}, func(_ *int, _ *actor.Context, m *pb.JoinField) (*pb.JoinFieldReply, error) {
			return &pb.JoinFieldReply{Field: m.GetField()}, nil
		})
	}
}

// newMeadows starts a zone with lines 1 to n, with as many players each.
func (p *place) newMeadows(players ...int32) (*meadows, *life) {
	p.t.Helper()
	z := &meadows{full: map[int64]bool{}, visits: map[int64]*pb.VisitField{}}
	for i, n := range players {
		z.lines = append(z.lines, &pb.HostedLine{Field: int64(i + 1), Line: int32(i + 1), Players: n})
	}
	l := p.run(api.Zone, z.service())
	return z, l
}

// knowsZone waits until a world and the gate know the zone.
func (p *place) knowsZone(w, zone *life) {
	p.t.Helper()
	p.eventually("all know the zone", func() bool { return knows(w.Node, zone.Node) && knows(p.gate.node, zone.Node) })
}

func enterField(s *session, line int32) (*pb.FieldPlace, error) {
	reply, err := try[*pb.EnterFieldReply](s, &pb.EnterField{Map: "meadow", Line: line})
	return reply.GetPlace(), err
}

// step steps onto the field, over the gate's line to the zone as soon as there is one.
func (s *session) step(field int64) {
	s.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.Now().Add(patience); ; <-again.C {
		reply, err := try[*pb.JoinFieldReply](s, &pb.JoinField{Field: field})
		if err == nil && reply.GetField() == field {
			return
		}
		if fault.CodeOf(err) != fault.Unavailable || time.Now().After(late) {
			s.t.Fatalf("joining: %v, %v", reply, err)
		}
	}
}

// The world finds the fullest line with room, another one when that is full, the one that is asked for; and the player changes lines where he stands.
func TestEnterField(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	z, zone := p.newMeadows(3, 7, 10, 20)
	w := p.world(func(c *world.Config) { c.SaveEvery = 20 * time.Millisecond })
	p.knowsZone(w, zone)
	s := p.connect(1)
	s.enter()
	if _, err := try[*pb.JoinFieldReply](s, &pb.JoinField{Field: 2}); err == nil {
		t.Error("he joins a field without entering one")
	}
	for m, code := range map[*pb.EnterField]fault.Code{
		{Map: "moon"}: fault.NotFound, {Map: "meadow", Line: -1}: fault.Invalid, {Map: "meadow", Line: 65}: fault.Invalid, {Map: "meadow", Line: 1, Friend: 2}: fault.Invalid,
		{Map: "meadow", Line: 5}: fault.NotFound, {Map: "meadow", Line: 4}: fault.Overloaded,
	} {
		if _, err := try[*pb.EnterFieldReply](s, m); fault.CodeOf(err) != code {
			t.Errorf("entering %v: %v", m, err)
		}
	}
	lines := ask[*pb.GetFieldLinesReply](s, &pb.GetFieldLines{Map: "meadow"}).GetLines()
	if len(lines) != 4 || lines[1].GetPlayers() != 7 || lines[1].GetSoft() != 10 || lines[1].GetHard() != 20 {
		t.Errorf("there are the lines %v", lines)
	}
	at, err := enterField(s, 0)
	if err != nil || at.GetLine() != 2 || at.GetMap() != "meadow" {
		t.Fatalf("he enters %v, %v", at, err)
	}
	if state := p.peers.state(1); !strings.Contains(state, `"field":{"id":2,"map":"meadow","line":2,`) {
		t.Errorf("he is told of a field and stored as %s", state)
	}
	s.step(at.GetField())
	visit := z.visit(1)
	if visit.GetField() != 2 || visit.GetSession() != uint64(s.Session()) || visit.GetName() != "Player 1" || visit.GetSpot() != nil {
		t.Errorf("he visits %v", visit)
	}
	again, err := enterField(s, 0)
	if err != nil || !proto.Equal(again, at) || z.visit(1).GetVisit() != visit.GetVisit() {
		t.Errorf("entering again: %v, %v", again, err)
	}
	// He changes to line 1, where he was: the zone said it when he left.
	if at, err = enterField(s, 1); err != nil || at.GetLine() != 1 {
		t.Fatalf("he changes to %v, %v", at, err)
	}
	if v := z.visit(1); v.GetField() != 1 || v.GetVisit() <= visit.GetVisit() {
		t.Errorf("he visits %v", v)
	}
	z.locked(func() {
		if len(z.ended) != 1 || z.ended[0].GetField() != 2 {
			t.Errorf("visits ended: %v", z.ended)
		}
	})
	// A zone says where he is; of another visit it is told that he is not there.
	on := &pb.PlayerOnField{Player: 1, Visit: z.visit(1).GetVisit(), Spot: &pb.FieldSpot{X: 5, Y: 6}}
	must(t, tell(p, api.PlayerOnField, on))
	p.eventually("his spot is saved", func() bool { return strings.Contains(p.peers.state(1), `"spot":{"map":"meadow","x":5,"y":6}`) })
	if err := tell(p, api.PlayerOnField, &pb.PlayerOnField{Player: 1, Visit: visit.GetVisit(), Spot: &pb.FieldSpot{X: 9}}); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("an old visit: %v", err)
	}
	// He leaves, and comes back to where he was, though the best line is full and has not said so.
	ask[*pb.LeaveFieldReply](s, &pb.LeaveField{})
	if z.visit(1) != nil {
		t.Error("the zone still has him")
	}
	z.locked(func() { z.full[2], z.full[1] = true, true })
	if at, err = enterField(s, 0); err != nil || at.GetLine() != 3 || z.visit(1).GetSpot().GetX() != 71 {
		t.Errorf("he enters %v, %v, and visits %v", at, err, z.visit(1))
	}
	z.locked(func() {
		if z.opened == 0 {
			t.Error("no other line was asked for")
		}
	})
	// The zone ends his visit.
	on = &pb.PlayerOnField{Player: 1, Visit: z.visit(1).GetVisit(), Spot: &pb.FieldSpot{X: 8, Y: 9}, Left: uint32(fault.Unavailable), Reason: "closed"}
	must(t, tell(p, api.PlayerOnField, on))
	next[*wirepb.Reset](s) // of the zone's stream
	if left := next[*pb.FieldLeft](s); left.GetField() != 3 || fault.Code(left.GetCode()) != fault.Unavailable || left.GetReason() != "closed" {
		t.Errorf("he is told %v", left)
	}
	if err := tell(p, api.PlayerOnField, on); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("a visit that has ended: %v", err)
	}
}

// Who leaves a field and comes back, again and again, walks no faster than others: he may go some way at once when he has come.
func TestHopping(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	_, zone := p.newMeadows(3, 7)
	var seconds atomic.Int64
	cfg := world.Defaults()
	cfg.SaveEvery = time.Hour
	begin := time.Now()
	w := p.run(api.World, world.New(cfg, world.WithClock(func() time.Time { return begin.Add(time.Duration(seconds.Load()) * time.Second) })))
	p.known(w.Node)
	p.knowsZone(w, zone)
	s := p.connect(1)
	s.enter()
	hop := func() error {
		ask[*pb.LeaveFieldReply](s, &pb.LeaveField{})
		_, err := enterField(s, 0)
		return err
	}
	hops := 0
	var err error
	for err = hop(); err == nil && hops < 1000; err = hop() {
		hops++
	}
	if fault.CodeOf(err) != fault.RateLimited {
		t.Errorf("after %d: %v", hops, err)
	}
	seconds.Add(1)
	if err := hop(); err != nil {
		t.Errorf("after a second: %v", err)
	}
	if _, err := enterField(s, 0); err != nil { // where he is
		t.Errorf("entering again: %v", err)
	}
}

// A player is on a field or in a battle: the match takes him off, and during it he comes onto none.
func TestFieldOrBattle(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	z, zone := p.newMeadows(0)
	w := p.world(nil)
	p.knowsZone(w, zone)
	s := p.connect(1)
	s.enter()
	at, err := enterField(s, 0)
	must(t, err)
	s.step(at.GetField())
	ticket := ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}).GetTicket()
	must(t, tell(p, api.PlayerUnmatched, &pb.PlayerUnmatched{Player: 1, Ticket: ticket, Reason: "nobody"}))
	next[*pb.MatchAborted](s)
	s.step(at.GetField()) // a ticket that comes to nothing leaves him there
	matched := &pb.PlayerMatched{Player: 1, Ticket: ticket + 1, Match: 10, Room: 10, Zone: uint32(zone.ID()), Mode: "arena"}
	must(t, tell(p, api.PlayerMatched, matched))
	for left, found := false, false; !left || !found; {
		select {
		case m := <-s.pushes:
			switch m := m.(type) {
			case *pb.FieldLeft:
				left = fault.Code(m.GetCode()) == fault.FailedPrecondition && !found
			case *pb.MatchFound:
				found = left
			}
		case <-time.After(patience):
			t.Fatalf("left: %t, found: %t", left, found)
		}
	}
	if z.visit(1) != nil {
		t.Error("he fights and is on a field")
	}
	if _, err := enterField(s, 0); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("entering a field during a battle: %v", err)
	}
	must(t, tell(p, api.PlayerFinished, &pb.PlayerFinished{Player: 1, Result: &pb.MatchResult{Match: 10, Place: 1}}))
	if at, err = enterField(s, 0); err != nil || z.visit(1).GetSpot().GetX() != 71 {
		t.Errorf("after it he enters %v, %v, and visits %v", at, err, z.visit(1))
	}
}

// A field that cannot be saved is not told of, and its place not kept.
func TestFieldIsSavedFirst(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	z, zone := p.newMeadows(0)
	w := p.world(nil)
	p.knowsZone(w, zone)
	s := p.connect(1)
	s.enter()
	p.peers.fail(fault.New(fault.Invalid, "not this time"))
	if _, err := enterField(s, 0); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a field that cannot be saved: %v", err)
	}
	if z.visit(1) != nil {
		t.Error("the zone keeps a place")
	}
	p.peers.fail(nil)
	if _, err := enterField(s, 0); err != nil {
		t.Error(err)
	}
}

// When his world dies, the next one knows where the player is, for the session that went there; when the zone dies, he is told, and was where it said last.
func TestFieldOutlivesAWorld(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	z, zone := p.newMeadows(0)
	one := p.world(nil)
	p.knowsZone(one, zone)
	s := p.connect(1)
	s.enter()
	at, err := enterField(s, 0)
	must(t, err)
	s.step(at.GetField())
	p.crash(one)
	s.reset()
	two := p.world(func(c *world.Config) { c.SaveEvery = 20 * time.Millisecond })
	p.knowsZone(two, zone)
	if reply := s.enter(); !proto.Equal(reply.GetField(), at) {
		t.Fatalf("he comes back to %v", reply.GetField())
	}
	s.step(at.GetField())
	visit := z.visit(1).GetVisit()
	must(t, tell(p, api.PlayerOnField, &pb.PlayerOnField{Player: 1, Visit: visit, Spot: &pb.FieldSpot{X: 3, Y: 4}}))

	other := p.connect(1) // the same player logs in anew
	if reply := other.enter(); reply.GetField() != nil || z.visit(1) != nil {
		t.Errorf("a new session is on %v, and the zone has %v", reply.GetField(), z.visit(1))
	}
	if at, err = enterField(other, 0); err != nil || z.visit(1).GetSpot().GetX() != 71 {
		t.Fatalf("he enters %v, %v", at, err)
	}
	must(t, tell(p, api.PlayerOnField, &pb.PlayerOnField{Player: 1, Visit: z.visit(1).GetVisit(), Spot: &pb.FieldSpot{X: 33, Y: 4}}))
	zone.stop() // of which this zone says nothing to anybody
	if left := next[*pb.FieldLeft](other); left.GetField() != at.GetField() || fault.Code(left.GetCode()) != fault.Unavailable {
		t.Errorf("he is told %v", left)
	}
	if _, err := enterField(other, 0); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("without a zone he enters: %v", err)
	}
	z2, zone2 := p.newMeadows(0)
	p.knowsZone(two, zone2)
	if _, err = enterField(other, 0); err != nil || z2.visit(1).GetSpot().GetX() != 33 {
		t.Errorf("elsewhere he enters: %v, and visits %v", err, z2.visit(1))
	}
}

// A friend's line is found through his world, whichever that is; nobody else's is.
func TestFriendsLine(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	_, zone := p.newMeadows(5, 1)
	w := p.world(nil)
	p.knowsZone(w, zone)
	p.peers.befriend(1, 2)
	one, two, three := p.connect(1), p.connect(2), p.connect(3)
	one.enter()
	two.enter()
	three.enter()
	with := func(friend int64) (*pb.EnterFieldReply, error) {
		return try[*pb.EnterFieldReply](one, &pb.EnterField{Map: "meadow", Friend: friend})
	}
	if _, err := with(2); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("to a friend who is on no field: %v", err)
	}
	for _, s := range []*session{two, three} {
		if _, err := enterField(s, 2); err != nil {
			t.Fatal(err)
		}
	}
	if reply, err := with(2); err != nil || reply.GetPlace().GetLine() != 2 {
		t.Errorf("to a friend: %v, %v", reply, err)
	}
	if _, err := with(3); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("to somebody else: %v", err)
	}
	ask[*pb.LeaveFieldReply](two, &pb.LeaveField{})
	if _, err := with(2); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("to a friend who has left: %v", err)
	}
}
