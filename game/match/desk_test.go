package match

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

func TestMain(m *testing.M) { frameworktest.Main(m) }

// open is a desk that runs until the end of the test.
func open(t testing.TB, stores *store.Stores, w mesh, cfg Config, area api.Area, self string) *desk {
	t.Helper()
	ids := id.NewGenerator(id.Node(len(self)), nil)
	d := newDesk(cfg, area, self, NewStore(stores), w, ids.Next, slog.New(slog.DiscardHandler), newStats())
	d.run()
	t.Cleanup(func() {
		if err := d.stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// quick is a configuration whose times are short enough to wait for.
func quick() Config {
	return Config{
		Modes: map[string]Mode{"arena": {Players: 4, Patience: 50 * time.Millisecond}, "duel": {Players: 2}},
		Tick:  10 * time.Millisecond, Lead: 300 * time.Millisecond, Lease: 2 * time.Second,
	}.WithDefaults()
}

// until waits for what other goroutines bring about.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (w *world) told() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.matched)
}

// alone is a player who is in no party.
func alone(player api.PlayerID) Party { return Party{Players: []api.PlayerID{player}} }

func TestDesks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		w := newWorld(t, 40)
		// Two that serve every area, of which only one is asked, and whichever comes first runs the passes.
		cfg := quick()
		arena := cfg.Modes["arena"]
		arena.MinPlayers = 1 // so that no number of them leaves one over
		cfg.Modes["arena"] = arena
		a := open(t, stores, w, cfg, 0, "a")
		b := open(t, stores, w, cfg, 0, "bb")
		for n := range 20 {
			if _, err := a.join(ctx, Pool{api.Area(1 + n%2), "arena"}, 1500, alone(api.PlayerID(1+n))); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "all are matched", func() bool { return w.told() == 20 })
		until(t, "the other node has heard of the areas", func() bool { return len(b.served()) == 2 })

		// The one that leads goes; the other goes on.
		if err := a.stop(ctx); err != nil {
			t.Fatal(err)
		}
		for n := range 4 {
			if _, err := b.join(ctx, Pool{1, "arena"}, 1500, alone(api.PlayerID(100+n))); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "those who came later are matched", func() bool { return w.told() == 24 })
	})
}

func TestDeskRefuses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	stores := storetest.Embedded(t)
	d := open(t, stores, newWorld(t), quick(), 7, "a")
	for what, try := range map[string]struct {
		pool   Pool
		player api.PlayerID
		want   error
	}{
		"an unknown mode": {Pool{7, "chess"}, 1, errNoMode},
		"another area":    {Pool{8, "arena"}, 1, errOtherArea},
		"no player":       {Pool{7, "arena"}, 0, errNoPlayer},
	} {
		if _, err := d.join(ctx, try.pool, 1, alone(try.player)); !errors.Is(err, try.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	ticket, err := d.join(ctx, Pool{7, "duel"}, 1500, alone(1))
	if err != nil {
		t.Fatal(err)
	}
	if won, err := d.leave(ctx, 7, 1, ticket); !won || err != nil {
		t.Errorf("leave: %v, %v", won, err)
	}
	if _, err := d.leave(ctx, 7, 2, 99); !errors.Is(err, ErrNoTicket) {
		t.Errorf("leave without a ticket: %v", err)
	}
}

// TestLeaveByAnOlderTicket has a player give back a ticket that has ended, because nobody has told him so yet, while he has another: it is that one which he hears about.
func TestLeaveByAnOlderTicket(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, _ := newStore(stores)
		w := newWorld(t)
		d := newDesk(quick(), 7, "me", s, w, id.NewGenerator(1, nil).Next, slog.New(slog.DiscardHandler), newStats())
		defer d.work.cut()
		d.end() // no passes
		leave := func(what string, ticket api.TicketID, want bool) {
			t.Helper()
			if won, err := d.leave(ctx, 7, 1, ticket); won != want || err != nil {
				t.Errorf("%s: %v, %v", what, won, err)
			}
		}
		join := func(id api.TicketID) {
			t.Helper()
			mustJoin(t, s, arena, Ticket{ID: id}.party([]api.PlayerID{1, 2}))
		}
		waiting := func() []Ticket { return mustPoll(t, s, arena, 0).Tickets }

		join(10)
		leave("in time", 10, true)
		join(11)
		leave("the one before, while another waits", 10, true)
		if len(waiting()) != 0 {
			t.Errorf("%v wait", waiting())
		}
		until(t, "his mate hears of it", func() bool { return w.reason(11) == reasonCancelled })
		leave("again", 11, true)
		join(12)
		leave("one that is forgotten, while another waits", 9, true)
		leave("the forgotten one, again", 12, true)

		join(13)
		m := match(20, arena, waiting()...)
		if missing, err := s.Claim(ctx, []Match{m}, 10*time.Second, 10*time.Second); err != nil || missing[0] != nil {
			t.Fatal(missing, err)
		}
		leave("the one before, while he is asked about a match", 12, true)
		if is, _, _, err := s.Resolve(ctx, m); is != undone || err != nil {
			t.Errorf("the match is %v, %v", is, err)
		}
		join(14)
		mustClaim(t, s, match(21, arena, waiting()...))
		leave("the one before, while a match is made of another", 13, false)
		leave("that one", 14, false)
	})
}

func TestRedisDown(t *testing.T) {
	t.Parallel()
	stores := storetest.Embedded(t)
	d := newDesk(quick(), 7, "a", NewStore(stores), newWorld(t), func() int64 { return 1 }, slog.New(slog.DiscardHandler), newStats())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.join(ended, Pool{7, "arena"}, 1, alone(1)); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("join with an ended context: %v", err)
	}
	if err := d.stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := outside(errors.New("i/o timeout")); fault.CodeOf(err) != fault.Lost {
		t.Errorf("an answer of Redis that never came: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	bad := Config{
		Modes: map[string]Mode{
			"Arena": {Players: 1000}, "b": {Players: 2, MinPlayers: 3}, "c": {Window: 10, MaxWindow: 5}, "d": {Patience: -1, WidenPerSecond: -1},
		},
		Tick: time.Hour, TicketTTL: 1, Lead: 1, Lease: 1, Abandon: 1, Assignments: -1,
	}
	err := bad.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"match.tick", "match.ticket_ttl", "match.lead", "match.lease", "match.assignments", `name "Arena"`, "match.modes.Arena.players",
		"match.modes.b.min_players", "match.modes.c.window", "match.modes.d.patience", "match.modes.d.widen_per_second",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in:\n%v", want, err)
		}
	}
}

// TestModesChange adds a mode, changes the rules of one and takes one away, under a desk that runs.
func TestModesChange(t *testing.T) {
	t.Parallel()
	stores := storetest.Embedded(t)
	cfg := quick()
	w := newWorld(t, 40)
	ids := id.NewGenerator(1, nil)
	d := newDesk(cfg, 1, "a", NewStore(stores), w, ids.Next, slog.New(slog.DiscardHandler), newStats())
	var modes atomic.Pointer[map[string]Mode]
	play := func(next map[string]Mode) {
		modes.Store(&next)
		d.modesChanged()
	}
	play(map[string]Mode{"duel": {Players: 2, MinPlayers: 2, Patience: time.Minute}}) // far apart in rating, nobody meets
	d.modes = func() map[string]Mode { return *modes.Load() }
	d.run()
	t.Cleanup(func() {
		if err := d.stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	join := func(mode string, player api.PlayerID, rating int32) error {
		_, err := d.join(t.Context(), Pool{1, mode}, rating, alone(player))
		return err
	}
	for player, rating := range map[api.PlayerID]int32{1: 1000, 2: 2000} {
		if err := join("duel", player, rating); err != nil {
			t.Fatal(err)
		}
	}
	if err := join("solo", 3, 1000); !errors.Is(err, errNoMode) {
		t.Errorf("a mode that is not there yet: %v", err)
	}
	if w.told() != 0 {
		t.Error("players met who are too far apart")
	}
	duel := Mode{Players: 2, MinPlayers: 2, Patience: time.Minute, Window: 5000, MaxWindow: 5000}
	play(map[string]Mode{"duel": duel, "solo": {Players: 1, MinPlayers: 1}})
	until(t, "the wider window lets them meet", func() bool { return w.told() == 2 })
	if err := join("solo", 3, 1000); err != nil {
		t.Fatal(err)
	}
	until(t, "the new mode is played", func() bool { return w.told() == 3 })
	play(map[string]Mode{"solo": {Players: 1, MinPlayers: 1}})
	if err := join("duel", 4, 1000); !errors.Is(err, errNoMode) {
		t.Errorf("a mode that is gone: %v", err)
	}
}
