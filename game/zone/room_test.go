package zone

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/udp/udptest"
	"loumiao/game/api"
	"loumiao/game/pb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, udptest.Library()...) }

// A world is everybody whom a zone talks to, db and owners, in a test with a clock of its own.
type world struct {
	t    *testing.T
	zone *Zone
	sys  *actor.System
	log  bytes.Buffer
	tape *Recording

	mu         sync.Mutex
	dbFails    int // answers of db that fail
	dbPanics   int // after those, calls of db that panic
	dbErr      error
	ownerFails map[int64]int
	ownerErr   error
	ownerErrs  map[int64]error // of single players, in place of ownerErr
	recorded   []*pb.RecordMatch
	finish     []int64 // players whose owner was told, in order of being told
	unmatch    []int64
	reasons    []string
	offers     []*pb.OfferPlaces
}

func (w *world) record(_ context.Context, m *pb.RecordMatch) (*pb.RecordMatchReply, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dbFails > 0 {
		w.dbFails--
		return nil, w.dbErr
	}
	if w.dbPanics > 0 {
		w.dbPanics--
		panic("a db that breaks the room")
	}
	w.recorded = append(w.recorded, proto.CloneOf(m))
	reply := &pb.RecordMatchReply{}
	for _, s := range m.GetStandings() {
		reply.Results = append(reply.Results, &pb.PlayerResult{Player: s.GetPlayer(), Result: &pb.MatchResult{Match: m.GetMatch(), Place: s.GetPlace()}})
	}
	return reply, nil
}

func (w *world) told(player int64, list *[]int64) error {
	if w.ownerFails[player] > 0 {
		w.ownerFails[player]--
		if err := w.ownerErrs[player]; err != nil {
			return err
		}
		return w.ownerErr
	}
	*list = append(*list, player)
	return nil
}

func (w *world) finished(_ context.Context, m *pb.PlayerFinished) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.GetResult().GetMatch() == 0 {
		w.t.Error("finished without a result")
	}
	return w.told(m.GetPlayer(), &w.finish)
}

func (w *world) unmatched(_ context.Context, m *pb.PlayerUnmatched) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reasons = append(w.reasons, m.GetReason())
	return w.told(m.GetPlayer(), &w.unmatch)
}

func (w *world) offer(_ context.Context, m *pb.OfferPlaces) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offers = append(w.offers, proto.CloneOf(m))
	return nil
}

// seat and steer are what sessions send, without sessions.
type seatMsg struct {
	actor.Returns[*pb.JoinRoomReply]
	player api.PlayerID
	client *watched
}

type watched struct {
	*fakeClient
	world    *world
	watchers []actor.Ref
	panics   bool
}

func (c *watched) Watch(ref actor.Ref) { c.watchers = append(c.watchers, ref) }

func (c *watched) Push(m proto.Message) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if c.panics {
		panic("a client that breaks the room")
	}
	return c.fakeClient.Push(m)
}

// inWorld runs fn with a zone in a bubble of its own time.
func inWorld(t *testing.T, change func(*Config), fn func(t *testing.T, w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		if change != nil {
			change(&cfg)
		}
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, zone: New(cfg), ownerFails: map[int64]int{}}
		log := slog.New(slog.NewTextHandler(&w.log, nil))
		w.sys = actor.NewSystem(actor.Config{Logger: log})
		w.zone.OnRecording(func(r *Recording) { w.tape = r })
		w.zone.build(w.sys, log, w)
		defer w.zone.end()
		actor.Handle(w.zone.rooms.Behavior(), guarded(func(r *Room, ctx *actor.Context, m *seatMsg) (*pb.JoinRoomReply, error) {
			return r.admit(ctx, m.player, m.client, 0)
		}))
		actor.Handle(w.zone.rooms.Behavior(), func(r *Room, _ *actor.Context, m *leaveMsg) (*pb.Done, error) {
			r.battle.leave(m.client)
			return &pb.Done{}, nil
		})
		actor.HandleTell(w.zone.rooms.Behavior(), func(r *Room, _ *actor.Context, m *checksumMsg) error {
			r.verify(m.client, m.m)
			return nil
		})
		defer func() {
			if err := w.sys.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		fn(t, w)
	})
}

func request(match int64, n int) *pb.CreateRoom {
	return &pb.CreateRoom{Match: match, Mode: "duel", Area: 3, Players: numbers(players(n))}
}

func (w *world) create(match int64, n int) {
	w.t.Helper()
	reply, err := w.zone.createRoom(context.Background(), request(match, n))
	if err != nil || reply.GetRoom() != match {
		w.t.Fatalf("create: %v, %v", reply, err)
	}
}

func (w *world) join(match int64, player api.PlayerID) (*watched, error) {
	c := &watched{fakeClient: newClient(1, 1), world: w}
	ref, ok := w.zone.rooms.Get(api.MatchID(match))
	if !ok {
		return nil, actor.ErrNoActor
	}
	_, err := actor.Ask(context.Background(), ref, &seatMsg{player: player, client: c})
	return c, err
}

// fill joins all n players.
func (w *world) fill(match int64, n int) []*watched {
	w.t.Helper()
	var all []*watched
	for _, p := range players(n) {
		c, err := w.join(match, p)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// pass lets time pass, and what is due then happen. What the test did before happened before that.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	//lint:ignore SA2001 it is there for the order only
	w.mu.Unlock()
	time.Sleep(d)
	synctest.Wait()
}

func TestRoomFromCreationToResult(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.create(7, 4)
		w.create(7, 4)
		if w.zone.busy.count() != 1 || w.zone.rooms.Len() != 1 {
			t.Fatalf("load %d, %d rooms for one match", w.zone.busy.count(), w.zone.rooms.Len())
		}
		clients := w.fill(7, 4)
		began := time.Now()
		w.pass(2900 * time.Millisecond)
		if w.create(7, 4); len(w.recorded) != 0 || clients[0].ended != nil {
			t.Fatal("over too early")
		}
		w.pass(200 * time.Millisecond)
		if len(w.recorded) != 1 {
			t.Fatalf("%d results stored", len(w.recorded))
		}
		r := w.recorded[0]
		if r.GetMatch() != 7 || r.GetMode() != "duel" || r.GetArea() != 3 || len(r.GetStandings()) != 4 || r.GetStartedMs() != began.UnixMilli() || r.GetEndedMs() != began.UnixMilli()+3000 {
			t.Errorf("stored: %v", r)
		}
		for _, c := range clients {
			if c.ended.GetRoom() != 7 || len(c.ended.GetStandings()) != 4 {
				t.Errorf("a client is told the end: %v", c.ended)
			}
			if len(c.watchers) != 1 {
				t.Errorf("a session is watched %d times", len(c.watchers))
			}
		}
		slices.Sort(w.finish)
		if !slices.Equal(w.finish, numbers(players(4))) || len(w.unmatch) != 0 {
			t.Errorf("told of the end: %v; of none: %v", w.finish, w.unmatch)
		}
		if w.tape == nil || w.tape.Seed != r.GetSeed() || len(w.tape.Inputs) != 4*60 {
			t.Errorf("recording: %+v", w.tape)
		}
		if w.zone.busy.count() != 0 {
			t.Errorf("load %d after the end", w.zone.busy.count())
		}
		if _, err := w.zone.createRoom(t.Context(), request(7, 4)); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("the match begins again: %v", err)
		}
		if _, err := w.join(7, 1000); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("joined a room that is over: %v", err)
		}
		if w.pass(remember); w.zone.rooms.Len() != 0 {
			t.Error("the room stays forever")
		}
	})
}

func TestRoomBeginsWithoutTheLate(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.create(7, 3)
		w.pass(10 * time.Second) // the delay counts from the first to come
		first, err := w.join(7, 1000)
		if err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Second)
		if _, err := w.join(7, 1001); err != nil {
			t.Fatal(err)
		}
		began := time.Now().Add(time.Second)
		w.pass(20 * time.Second)
		if first.ended == nil || len(w.recorded) != 1 || w.recorded[0].GetStartedMs() != began.UnixMilli() {
			t.Fatalf("began at %v, want %d", w.recorded, began.UnixMilli())
		}
		if len(w.finish) != 3 {
			t.Errorf("told: %v; also who was late has lost", w.finish)
		}
	})
}

func TestRoomThatNobodyJoins(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.create(7, 3)
		if _, err := w.join(7, 5); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("a stranger joins: %v", err)
		}
		w.pass(Defaults().AbandonAfter + time.Millisecond)
		slices.Sort(w.unmatch)
		if !slices.Equal(w.unmatch, numbers(players(3))) || len(w.recorded)+len(w.finish) != 0 || w.zone.busy.count() != 0 {
			t.Errorf("aborted for %v, %d stored, %d told, load %d", w.unmatch, len(w.recorded), len(w.finish), w.zone.busy.count())
		}
	})
}

func TestShellThatIsNeverOpened(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		if _, err := w.zone.rooms.Create(7); err != nil {
			t.Fatal(err)
		}
		if _, err := w.join(7, 1000); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("joined: %v", err)
		}
		if w.pass(Defaults().AbandonAfter + time.Millisecond); w.zone.rooms.Len() != 0 || len(w.unmatch) != 0 {
			t.Errorf("%d rooms, %v told", w.zone.rooms.Len(), w.unmatch)
		}
	})
}

func TestCreateRoomRefuses(t *testing.T) {
	inWorld(t, func(c *Config) { c.MaxRooms = 2 }, func(t *testing.T, w *world) {
		for name, m := range map[string]*pb.CreateRoom{
			"no match":     {Players: []int64{1}},
			"no players":   {Match: 1},
			"many players": {Match: 1, Players: []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
			"one twice":    {Match: 1, Players: []int64{5, 1, 5}},
			"no player":    {Match: 1, Players: []int64{1, 0}},
			"no area":      {Match: 1, Players: []int64{1}, Area: 1 << 16},
		} {
			if _, err := w.zone.createRoom(t.Context(), m); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.create(1, 2)
		w.create(2, 2)
		if _, err := w.zone.createRoom(t.Context(), request(3, 2)); fault.CodeOf(err) != fault.Overloaded {
			t.Errorf("past the limit: %v", err)
		}
		if w.create(2, 2); w.zone.busy.count() != 2 {
			t.Errorf("load %d", w.zone.busy.count())
		}
		if _, err := w.zone.createRoom(t.Context(), request(2, 3)); fault.CodeOf(err) != fault.AlreadyExists {
			t.Errorf("one match, two groups: %v", err)
		}
		w.fill(1, 2)
		w.pass(4 * time.Second)
		w.create(3, 2)
	})
}

func TestResultIsStoredHoweverOftenItTakes(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.dbFails, w.dbErr = 9, fault.New(fault.Unavailable, "no db")
		w.ownerFails[1001], w.ownerErr = 5, fault.New(fault.Lost, "no owner")
		w.create(7, 2)
		w.fill(7, 2)
		w.pass(4 * time.Second)
		if len(w.recorded) != 0 || w.zone.busy.count() != 1 {
			t.Fatal("stored at once")
		}
		w.pass(2 * time.Minute)
		if len(w.recorded) != 1 || len(w.finish) != 2 || w.finish[0] != 1000 || len(w.unmatch) != 0 || w.zone.busy.count() != 0 {
			t.Errorf("%d stored, %v told, load %d\n%s", len(w.recorded), w.finish, w.zone.busy.count(), &w.log)
		}
	})
}

func TestResultThatCannotBeStored(t *testing.T) {
	for _, tt := range []struct {
		err   error
		after time.Duration
	}{
		{fault.New(fault.Unavailable, "no db"), 70 * time.Second},
		{fault.New(fault.Invalid, "no such mode"), 4 * time.Second},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			inWorld(t, func(c *Config) { c.RecordFor = time.Minute }, func(t *testing.T, w *world) {
				w.dbFails, w.dbErr = 1000, tt.err
				w.create(7, 2)
				w.fill(7, 2)
				w.pass(tt.after)
				if len(w.unmatch) != 2 || w.zone.busy.count() != 0 || w.dbFails > 999 {
					t.Errorf("told %v, load %d, %d attempts", w.unmatch, w.zone.busy.count(), 1000-w.dbFails)
				}
				if log := w.log.String(); !strings.Contains(log, "RESULT LOST") || !strings.Contains(log, `\"standings\"`) {
					t.Errorf("not to be found in the log:\n%s", log)
				}
			})
		})
	}
}

func TestOwnersWhoAreNotThere(t *testing.T) {
	for name, tt := range map[string]struct {
		code      fault.Code
		recordFor time.Duration
		fails     int
		gone      time.Duration // after the battle's end: no attempts any more, and the room has left
		told      int
		complains bool
	}{
		"forgotten by Redis until the lease is renewed": {fault.NotOwner, 5 * time.Minute, 4, 10 * time.Second, 2, false},
		"forgotten for as long as a lease lasts":        {fault.NotOwner, 5 * time.Minute, 6, 20 * time.Second, 2, false},
		"owned by nobody":                               {fault.NotOwner, 5 * time.Minute, 1000, nobodyAfter + longestPause, 1, false},
		"not reached":                                   {fault.Unavailable, time.Minute, 1000, time.Minute, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(c *Config) { c.RecordFor = tt.recordFor }, func(t *testing.T, w *world) {
				w.ownerFails[1000], w.ownerErr = tt.fails, fault.New(tt.code, "no owner")
				w.create(7, 2)
				w.fill(7, 2)
				w.pass(3100*time.Millisecond + tt.gone)
				left := w.ownerFails[1000]
				if w.pass(time.Minute); w.ownerFails[1000] != left || w.zone.busy.count() != 0 || len(w.finish) != tt.told {
					t.Errorf("%d attempts, then %d more, told %v, load %d", tt.fails-left, left-w.ownerFails[1000], w.finish, w.zone.busy.count())
				}
				if complains := strings.Contains(w.log.String(), "owners not told"); complains != tt.complains {
					t.Errorf("complains: %v\n%s", complains, &w.log)
				}
			})
		})
	}
}

// TestWhoHearsNoMore has a room that still has somebody to tell say so of him only: whoever was without an owner for too long finds his result in db when he comes back.
func TestWhoHearsNoMore(t *testing.T) {
	inWorld(t, func(c *Config) { c.RecordFor = 5 * time.Minute }, func(t *testing.T, w *world) {
		w.ownerFails[1001], w.ownerErr = 1000, fault.New(fault.NotOwner, "no owner")
		w.ownerFails[1002] = 1000
		w.create(7, 3)
		w.fill(7, 3)
		here := func(want ...int64) {
			t.Helper()
			var got []int64
			for player := int64(1000); player < 1004; player++ {
				said, err := w.zone.hasRoom(t.Context(), &pb.HasRoom{Room: 7, Player: player})
				if err != nil {
					t.Fatal(err)
				}
				if said.GetHere() {
					got = append(got, player)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("the room has something to say to %v, want %v", got, want)
			}
		}
		here(1000, 1001, 1002)
		w.pass(5 * time.Second)
		here(1001, 1002)
		w.mu.Lock()
		w.ownerErrs = map[int64]error{1002: fault.New(fault.Unavailable, "not reached")}
		w.mu.Unlock()
		w.pass(nobodyAfter + longestPause)
		here(1002)
	})
}

func TestAbortedPlayersWhomRedisForgot(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.ownerFails[1001], w.ownerErr = 4, fault.New(fault.NotOwner, "no owner")
		w.create(7, 2)
		w.pass(Defaults().AbandonAfter + 10*time.Second)
		if !slices.Equal(w.unmatch, []int64{1000, 1001}) || w.zone.busy.count() != 0 {
			t.Errorf("told %v, load %d", w.unmatch, w.zone.busy.count())
		}
	})
}

func TestRoomThatBreaks(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.create(7, 2)
		w.create(8, 2)
		w.fill(8, 2)
		w.fill(7, 2)[1].panics = true
		w.ownerFails[1001], w.ownerErr = 1, fault.New(fault.Unavailable, "no owner")
		w.pass(10 * time.Second)
		if !slices.Equal(w.unmatch, []int64{1000}) || w.zone.busy.count() != 0 || len(w.recorded) != 1 || w.recorded[0].GetMatch() != 8 {
			t.Errorf("told %v, load %d, stored %v", w.unmatch, w.zone.busy.count(), w.recorded)
		}
		if !strings.Contains(w.log.String(), "breaks the room") {
			t.Error("the panic is not in the log")
		}
	})
}

// TestRoomThatBreaksBetweenTicks has handlers fail that are no tick: the room's place is free again, nobody is put on its seats, and whoever can be told hears how it ended.
func TestRoomThatBreaksBetweenTicks(t *testing.T) {
	none := func(t *testing.T, w *world) {
		t.Helper()
		w.pass(10 * time.Second)
		if w.zone.busy.count() != 0 || len(w.zone.board.offers()) != 0 {
			t.Errorf("load %d, and %v is offered", w.zone.busy.count(), w.zone.board.offers())
		}
		if err := w.zone.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if !strings.Contains(w.log.String(), "breaks the room") || strings.Contains(w.log.String(), "before they had settled") {
			t.Errorf("the log is %s", &w.log)
		}
	}
	t.Run("while it is made", func(t *testing.T) {
		inWorld(t, nil, func(t *testing.T, w *world) {
			w.zone.seed = func() uint32 { panic("a seed that breaks the room") }
			if _, err := w.zone.createRoom(t.Context(), request(7, 2)); fault.CodeOf(err) != fault.Internal {
				t.Errorf("create: %v", err)
			}
			none(t, w)
			if len(w.unmatch) != 0 {
				t.Errorf("%v are told of a match of which they have not heard", w.unmatch)
			}
		})
	})
	t.Run("while a seat is taken up", func(t *testing.T) {
		inWorld(t, backfillConfig, func(t *testing.T, w *world) {
			clients := w.createFilled(7, "arena", 3)
			w.leave(7, clients[1])
			w.leave(7, clients[2])
			w.pass(2 * time.Second)
			if len(w.zone.board.offers()) != 1 {
				t.Fatalf("%v is offered", w.zone.board.offers())
			}
			if _, err := w.zone.fillSeat(t.Context(), &pb.FillSeat{Room: 7, Seat: 1, Fill: 77, Player: 5000}); err != nil {
				t.Fatal(err)
			}
			ref, _ := w.zone.rooms.Get(7)
			w.mu.Lock()
			clients[0].panics = true
			w.mu.Unlock()
			joins := &watched{fakeClient: newClient(1, 1), world: w}
			if _, err := actor.Ask(t.Context(), ref, &seatMsg{player: 5000, client: joins}); fault.CodeOf(err) != fault.Internal {
				t.Errorf("join: %v", err)
			}
			none(t, w)
			slices.Sort(w.unmatch)
			if !slices.Equal(w.unmatch, []int64{1000, 1001, 1002, 5000}) {
				t.Errorf("told %v", w.unmatch)
			}
		})
	})
	for panics, stored := range map[int]bool{1: true, 2: false} {
		t.Run(fmt.Sprintf("while its result is stored, %d times", panics), func(t *testing.T) {
			inWorld(t, nil, func(t *testing.T, w *world) {
				w.dbFails, w.dbErr, w.dbPanics = 1, fault.New(fault.Unavailable, "no db"), panics
				w.create(7, 2)
				w.fill(7, 2)
				none(t, w)
				slices.Sort(w.finish)
				if (len(w.recorded) == 1) != stored || strings.Contains(w.log.String(), "RESULT LOST") == stored || slices.Equal(w.finish, []int64{1000, 1001}) != stored || len(w.unmatch) != 0 {
					t.Errorf("stored %v; told of the end: %v, of none: %v", w.recorded, w.finish, w.unmatch)
				}
			})
		})
	}
}

func TestStop(t *testing.T) {
	tests := map[string]struct {
		fill   bool
		played time.Duration
		drain  time.Duration
		limit  time.Duration // of the node
		db     int           // failures
		owner  fault.Code    // of a player whose owner cannot be told
		stored bool
		takes  time.Duration // at most
	}{
		"no patience":                  {fill: true, played: time.Second, takes: 0},
		"patience that is too short":   {fill: true, played: time.Second, drain: time.Second, takes: 0},
		"patience that is long enough": {fill: true, played: time.Second, drain: 4 * time.Second, stored: true, takes: 2 * time.Second},
		"a node without patience":      {fill: true, played: time.Second, drain: 4 * time.Second, limit: 2 * time.Second, takes: 0},
		"still gathering":              {drain: 4 * time.Second, takes: 0},
		"still storing":                {fill: true, played: 3100 * time.Millisecond, db: 3, stored: true, takes: 3 * time.Second},
		"nobody to tell":               {fill: true, played: 13 * time.Second, owner: fault.NotOwner, stored: true, takes: 0},
		"somebody is still to be told": {fill: true, played: 13 * time.Second, owner: fault.Unavailable, limit: 10 * time.Second, stored: true, takes: 9 * time.Second},
		"storing with the last breath": {fill: true, played: 3100 * time.Millisecond, db: 6, limit: 10 * time.Second, stored: true, takes: 9 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(c *Config) { c.Drain = tt.drain }, func(t *testing.T, w *world) {
				w.dbFails, w.dbErr = tt.db, fault.New(fault.Unavailable, "no db")
				if tt.owner != 0 {
					w.ownerFails[1001], w.ownerErr = 1000, fault.New(tt.owner, "no owner")
				}
				w.create(7, 2)
				if tt.fill {
					w.fill(7, 2)
				}
				w.pass(tt.played)
				ctx, began := context.Background(), time.Now()
				if tt.limit > 0 {
					limited, cancel := context.WithTimeout(ctx, tt.limit)
					defer cancel()
					ctx = limited
				}
				if err := w.zone.Stop(ctx); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > tt.takes+100*time.Millisecond {
					t.Errorf("took %v", took)
				}
				if stored := len(w.recorded) == 1; stored != tt.stored || w.zone.busy.count() != 0 {
					t.Errorf("stored: %v, load %d\n%s", stored, w.zone.busy.count(), &w.log)
				}
				want := 2 - len(w.ownerFails)
				if told := append(w.finish, w.unmatch...); len(told) != want || (len(w.finish) == want) != tt.stored {
					t.Errorf("told of the end: %v, of none: %v", w.finish, w.unmatch)
				}
				if _, err := w.zone.createRoom(context.Background(), request(9, 2)); fault.CodeOf(err) != fault.Unavailable {
					t.Errorf("a room after the end: %v", err)
				}
			})
		})
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{}.Validate()
	for _, field := range []string{"match_seconds", "abandon_after", "snapshot_every", "view_radius", "max_rooms", "record_for"} {
		if !strings.Contains(fmt.Sprint(err), field) {
			t.Errorf("%s is not reported: %v", field, err)
		}
	}
}
