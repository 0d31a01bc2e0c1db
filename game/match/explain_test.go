package match

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

// TestExplain follows tickets through all that can become of them; nobody makes passes.
func TestExplain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(stores)
		cfg := Config{Modes: map[string]Mode{
			"arena": {Players: 3, MinPlayers: 2, Patience: 5 * time.Second, Window: 100, WidenPerSecond: 10, MaxWindow: 300, Starving: time.Minute},
			"pairs": {Players: 4, Teams: 2, Window: 100},
		}}.WithDefaults()
		w := newWorld(t, 40)
		d := newDesk(cfg, 7, "me", s, w, id.NewGenerator(1, nil).Next, nil, newStats())
		defer d.work.cut()
		pairs := Pool{7, "pairs"}
		explain := func(player, ticket int, state, why string) *explained {
			t.Helper()
			e, err := d.explain(ctx, 7, api.PlayerID(player), api.TicketID(ticket))
			if err != nil {
				t.Fatal(err)
			}
			if e.GetState() != state || !strings.Contains(e.GetWhy(), why) {
				t.Errorf("player %d, ticket %d: %s, %q; want %s, %q", player, ticket, e.GetState(), e.GetWhy(), state, why)
			}
			near := map[int64]string{}
			for _, n := range e.GetNear() {
				near[n.GetTicket()] = n.GetObstacle()
			}
			return &explained{near: near, window: e.GetWindow(), fitting: e.GetFitting(), answers: fmt.Sprint(e.GetAnswers())}
		}
		at := func(n, rating int) Ticket {
			tk := ticket(n)
			tk.Rating = int32(rating)
			return tk
		}

		explain(1001, 0, "none", "no ticket")
		explain(0, 1, "none", "no such ticket")
		mustJoin(t, s, arena, at(1, 1000))
		explain(1001, 0, "waiting", "nobody runs")
		mustPoll(t, s, arena, 0) // leads from here on
		explain(0, 1, "waiting", "nobody else waits")
		explain(1002, 1, "none", "")
		mustJoin(t, s, arena, at(2, 1150))
		e := explain(1001, 1, "waiting", "fits nobody")
		if e.window != 100 || !strings.Contains(e.near[2], "outside this ticket's window") {
			t.Errorf("the neighbour is too far away: %+v", e)
		}
		clock.Add(6000)
		mustJoin(t, s, arena, at(3, 850))
		e = explain(1001, 0, "waiting", "the next pass makes a match")
		if e.window != 160 || e.fitting != 1 || e.near[2] != "" || !strings.Contains(e.near[3], "outside its own window") {
			t.Errorf("one is wide enough now, and the other is new: %+v", e)
		}
		if e = explain(1003, 0, "waiting", "fits nobody"); !strings.Contains(e.near[1], "outside this ticket's window") {
			t.Errorf("seen from the new one: %+v", e)
		}
		w.zones = nil
		explain(1001, 0, "waiting", "no zone is ready")
		w.zones = []id.Node{40}
		clock.Add(time.Minute.Milliseconds())
		if e = explain(1001, 0, "waiting", "the next pass"); e.window != -1 || e.fitting != 2 {
			t.Errorf("it starves: %+v", e)
		}

		party := Ticket{ID: 4, Rating: 1000}.party([]api.PlayerID{41, 42})
		mustJoin(t, s, pairs, party)
		mustPoll(t, s, pairs, 0)
		mustJoin(t, s, pairs, at(5, 1000))
		if e = explain(42, 0, "waiting", "a group of 3"); e.near[5] != "" {
			t.Errorf("a party: %+v", e)
		}

		// Claimed, asked, made, and over.
		m := match(9, arena, mustPoll(t, s, arena, 0).Tickets...)
		if missing, err := s.Claim(ctx, []Match{m}, 10*time.Second, time.Second); err != nil || missing[0] != nil {
			t.Fatal(missing, err)
		}
		if _, err := s.Answer(ctx, 7, 9, 1002, true); err != nil {
			t.Fatal(err)
		}
		if e = explain(0, 1, "asked", "1 of 3"); e.answers != "[ yes ]" {
			t.Errorf("answers %s", e.answers)
		}
		for _, p := range []api.PlayerID{1001, 1003} {
			if _, err := s.Answer(ctx, 7, 9, p, true); err != nil {
				t.Fatal(err)
			}
		}
		explain(1001, 0, "claimed", "its room on zone")
		clock.Add(20_000)
		w.zones = nil
		explain(1001, 0, "claimed", "not in the cluster; the node that worked on it")
		if err := s.Commit(ctx, m, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		explain(1001, 0, "made", "being told")
		if err := s.Finish(ctx, m); err != nil {
			t.Fatal(err)
		}
		explain(0, 1, "matched", "")
		explain(1001, 0, "none", "no ticket")
		if won, err := s.Cancel(ctx, 7, 1005, 5); !won || err != nil {
			t.Fatal(won, err)
		}
		explain(0, 5, "ended", "without a match")

		if _, err := d.explain(ctx, 7, 0, 0); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("nobody: %v", err)
		}
		if _, err := d.explain(ctx, 8, 1, 0); !errors.Is(err, errOtherArea) {
			t.Errorf("another area: %v", err)
		}
	})
}

// explained is what the test looks at.
type explained struct {
	near            map[int64]string // obstacles by ticket
	window, fitting int64
	answers         string
}
