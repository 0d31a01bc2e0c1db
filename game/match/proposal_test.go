package match

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

// TestPartiesRandom compares the store with a plain model of it, over random operations: parties that join, cancels by any of them, matches that ask their players, answers,
// time that passes, and nodes that die and whose matches are taken over. No ticket may be lost or be in two matches, and a party stays whole.
func TestPartiesRandom(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(stores)
		rnd := rand.New(rand.NewPCG(5, 6))
		const lease, accept = 10 * time.Second, 4 * time.Second

		type record struct {
			Match
			due     int64
			answers map[api.PlayerID]bool
		}
		live := map[api.TicketID]Ticket{}
		of := map[api.PlayerID]api.TicketID{}
		in := map[api.TicketID]*record{}        // of those that are claimed
		ended := map[api.TicketID]api.MatchID{} // 0: without a match
		records := map[api.MatchID]*record{}
		var nextTicket, nextMatch, whole, undoneOnes, parties int
		end := func(tk Ticket, m api.MatchID) {
			delete(live, tk.ID)
			delete(in, tk.ID)
			for _, p := range tk.players() {
				delete(of, p)
			}
			ended[tk.ID] = m
		}
		some := func() *record {
			for _, r := range records {
				return r
			}
			return nil
		}
		for step := range 2500 {
			fail := func(format string, args ...any) {
				t.Helper()
				t.Fatalf("step %d: "+format, append([]any{step}, args...)...)
			}
			player := api.PlayerID(1 + rnd.IntN(14))
			switch rnd.IntN(8) {
			case 0, 1: // join, alone or as a party
				players := []api.PlayerID{player}
				for len(players) <= rnd.IntN(4) {
					if p := api.PlayerID(1 + rnd.IntN(14)); !slices.Contains(players, p) {
						players = append(players, p)
					}
				}
				nextTicket++
				tk := Ticket{ID: api.TicketID(nextTicket), Rating: int32(rnd.IntN(99) - 50), Joined: clock.Load()}.party(players)
				var held Ticket
				for _, p := range players {
					if id, ok := of[p]; ok {
						held = live[id]
						break
					}
				}
				got, err := s.Join(ctx, arena, tk, 0)
				switch {
				case held.ID == 0:
					if err != nil || got != tk.ID {
						fail("join of %v: %v, %v", players, got, err)
					}
					live[tk.ID] = tk
					for _, p := range players {
						of[p] = tk.ID
					}
					if len(players) > 1 {
						parties++
					}
				case len(players) > 1 && !slices.Equal(held.players(), players):
					if !errors.Is(err, ErrBusy) {
						fail("join of %v, of whom %v have ticket %v: %v, %v", players, held.players(), held.ID, got, err)
					}
				default:
					if err != nil || got != held.ID {
						fail("join again: %v, %v; want %v", got, err, held.ID)
					}
				}
			case 2: // cancel, by anybody of a party
				id := of[player]
				won, err := s.Cancel(ctx, arena.Area, player, 0)
				r := in[id]
				switch {
				case id == 0:
					if !errors.Is(err, ErrNoTicket) {
						fail("cancel of nothing: %v, %v", won, err)
					}
				case err != nil:
					fail("cancel: %v", err)
				case r == nil:
					if !won {
						fail("cancel of a waiting ticket came too late")
					}
					end(live[id], 0)
				default: // it is a no, if that is in time
					open := r.State == claimed && r.Until != 0 && len(r.answers) < len(r.players()) && clock.Load() <= r.Until
					if won != open {
						fail("cancel in match %+v: %v, want %v", r, won, open)
					}
					if open {
						r.answers[player] = false
						end(live[id], 0)
					}
				}
			case 3: // claim what waits
				var group Group
				for _, tk := range live {
					if in[tk.ID] == nil && len(group) < 3 {
						group = append(group, tk)
					}
				}
				if len(group) == 0 {
					continue
				}
				nextMatch++
				m := Match{Pool: arena, ID: api.MatchID(nextMatch), Zone: 9, Tickets: group, Teams: rnd.IntN(3), Holder: "a"}
				asks := time.Duration(rnd.IntN(3)) * accept / 2
				missing, err := s.Claim(ctx, []Match{m}, lease, asks)
				if err != nil || missing[0] != nil {
					fail("claim: missing %v, %v", missing, err)
				}
				m.State, m.Claimed = claimed, clock.Load()
				if asks > 0 {
					m.Until = m.Claimed + asks.Milliseconds()
				}
				r := &record{m, m.Claimed + (lease + asks).Milliseconds(), map[api.PlayerID]bool{}}
				records[m.ID] = r
				for _, tk := range group {
					in[tk.ID] = r
				}
			case 4: // answer
				r := some()
				if r == nil {
					continue
				}
				players := r.players()
				who, yes := api.PlayerID(players[rnd.IntN(len(players))]), rnd.IntN(8) > 0
				if rnd.IntN(12) == 0 {
					who = 99
				}
				was, said := r.answers[who]
				settled := len(r.answers) == len(players) || clock.Load() > r.Until
				got, err := s.Answer(ctx, arena.Area, r.ID, who, yes)
				switch {
				case r.State != claimed || r.Until == 0 || who == 99 || !said && settled:
					if !errors.Is(err, ErrNotAsked) {
						fail("answer of %v to %+v: %v, %v", who, r, got, err)
					}
				case said && (settled || !was || yes):
					if err != nil || got != was {
						fail("answer again: %v, %v; want %v", got, err, was)
					}
				default:
					if err != nil || got != yes {
						fail("answer %v: %v, %v", yes, got, err)
					}
					r.answers[who] = yes
					if id := of[who]; !yes && in[id] == r {
						end(live[id], 0)
					}
				}
			case 5, 6: // its holder goes on
				r := some()
				if r == nil {
					continue
				}
				if stranger := r.Match; rnd.IntN(4) == 0 {
					stranger.Holder = "stranger"
					if _, _, _, err := s.Resolve(ctx, stranger); !errors.Is(err, ErrLost) {
						fail("resolve by a stranger: %v", err)
					}
				}
				noRoom := rnd.IntN(4) == 0 // or there is none any more, when it was taken over
				if r.State == claimed && r.Until != 0 && !noRoom {
					is, gone, _, err := s.Resolve(ctx, r.Match)
					want, over := accepted, clock.Load() > r.Until
					var out Group
					for _, tk := range r.Tickets {
						refused, silent := false, false
						for _, p := range tk.players() {
							yes, said := r.answers[p]
							refused, silent = refused || said && !yes, silent || !said
						}
						switch {
						case refused:
							want = undone
						case silent && want == accepted:
							want = undecided
						}
						if refused || silent && over {
							out = append(out, tk)
						}
					}
					if want == undecided && over {
						want = undone
					}
					if err != nil || is != want || want == undone && !slices.Equal(gone, out) {
						fail("resolve %+v: %v, ended %v, %v; want %v, ended %v", r, is, gone, err, want, out)
					}
					if want == undone {
						undoneOnes++
						delete(records, r.ID)
						for _, tk := range r.Tickets {
							delete(in, tk.ID)
						}
						for _, tk := range out {
							if _, is := live[tk.ID]; is {
								end(tk, 0)
							}
						}
					}
					if want != accepted {
						continue
					}
				}
				switch {
				case r.State == claimed && noRoom:
					if err := s.Release(ctx, r.Match); err != nil {
						fail("release: %v", err)
					}
					delete(records, r.ID)
					for _, tk := range r.Tickets {
						delete(in, tk.ID)
					}
				case r.State == claimed:
					if err := s.Commit(ctx, r.Match, lease); err != nil {
						fail("commit: %v", err)
					}
					r.State, r.due = made, clock.Load()+lease.Milliseconds()
				default:
					if err := s.Finish(ctx, r.Match); err != nil {
						fail("finish: %v", err)
					}
					delete(records, r.ID)
					for _, tk := range r.Tickets {
						if tk.size() > 1 {
							whole++
						}
						end(tk, r.ID)
					}
				}
			case 7: // time passes; holders have died
				clock.Add(rnd.Int64N(3000))
				heir := []string{"a", "b"}[rnd.IntN(2)]
				taken, now, err := s.TakeOver(ctx, arena.Area, heir, lease, 100)
				if err != nil {
					fail("take over: %v", err)
				}
				due := 0
				for _, r := range records {
					if r.due <= now {
						due++
						r.Holder, r.due = heir, max(now, r.Until)+lease.Milliseconds()
					}
				}
				if len(taken) != due {
					fail("took %d over, %d were due", len(taken), due)
				}
				for _, m := range taken {
					if r := records[m.ID]; !slices.Equal(m.Tickets, r.Tickets) || m.Teams != r.Teams || m.Until != r.Until || m.State != r.State {
						fail("took over %+v, want %+v", m, r.Match)
					}
				}
			}
			// The pool is who waits, each once, whole and as old as he is.
			want := map[api.TicketID]Ticket{}
			for id, tk := range live {
				if in[id] == nil {
					want[id] = tk
				}
			}
			polled := mustPoll(t, s, arena, 0)
			if len(polled.Tickets) != len(want) {
				fail("waiting %v, want %v", polled.Tickets, want)
			}
			for _, tk := range polled.Tickets {
				if tk != want[tk.ID] {
					fail("ticket %+v waits, want %+v", tk, want[tk.ID])
				}
			}
		}
		if whole < 20 || undoneOnes < 20 || parties < 50 {
			t.Fatalf("%d parties, of whom %d played, and %d matches not accepted: the test does not test", parties, whole, undoneOnes)
		}
	})
}

// TestAsk runs matches that ask their players through a node, which tells everybody what becomes of them.
func TestAsk(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		silent, no     []api.PlayerID // of 1 to 4, of whom 3 and 4 are a party
		matched, ended []api.TicketID
		waiting        int
	}{
		"all accept":      {matched: []api.TicketID{1, 2, 3}},
		"one declines":    {no: []api.PlayerID{1}, ended: []api.TicketID{1}, waiting: 2},
		"a mate does":     {no: []api.PlayerID{4}, ended: []api.TicketID{3}, waiting: 2},
		"one is silent":   {silent: []api.PlayerID{2}, ended: []api.TicketID{2}, waiting: 2},
		"no is no sooner": {silent: []api.PlayerID{1, 2}, no: []api.PlayerID{3}, ended: []api.TicketID{3}, waiting: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, clock := newStore(storetest.Embedded(t))
			w := newWorld(t, 40)
			cfg := testConfig()
			mode := Mode{Players: 4, Teams: 2, Window: 1000, Accept: 3 * time.Second}.withDefaults()
			cfg.Modes = map[string]Mode{"arena": mode}
			m, work := newNode(t, s, w, cfg, "a")
			defer work.cut()

			var mu sync.Mutex
			again := map[api.PlayerID]bool{} // told that he waits again
			var left sync.WaitGroup
			left.Add(4)
			w.proposed = func(m Match, p api.PlayerID, within time.Duration) {
				if within == 0 {
					mu.Lock()
					defer mu.Unlock()
					again[p] = true
					return
				}
				if within > mode.Accept || within <= 0 {
					t.Errorf("player %v has %v to answer", p, within)
				}
				go func() {
					defer left.Done()
					if !slices.Contains(c.silent, p) {
						if _, err := s.Answer(t.Context(), arena.Area, m.ID, p, !slices.Contains(c.no, p)); err != nil && len(c.no) == 0 {
							t.Error(err)
						}
					}
				}()
			}
			go func() { // the time is over when all have said what they say
				left.Wait()
				if len(c.no) == 0 {
					clock.Add(4000)
				}
			}()
			mustJoin(t, s, arena, Ticket{ID: 1, Player: 1}, Ticket{ID: 2, Player: 2}, Ticket{ID: 3}.party([]api.PlayerID{3, 4}))
			mustStep(t, m)
			for _, id := range c.matched {
				if w.matched[id] == 0 {
					t.Errorf("ticket %v is not in a match", id)
				}
			}
			if len(w.matched) != len(c.matched) || len(w.unmatched) != len(c.ended) {
				t.Errorf("matched %v, ended %v", w.matched, w.unmatched)
			}
			for _, id := range c.ended {
				if w.unmatched[id] != reasonDeclined {
					t.Errorf("ticket %v ended because %q", id, w.unmatched[id])
				}
			}
			polled, err := s.Poll(t.Context(), arena, "a", time.Minute, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(polled.Tickets) != c.waiting {
				t.Errorf("waiting: %v", polled.Tickets)
			}
			for _, tk := range each(polled.Tickets) {
				if tk.Joined != noon || !again[tk.Player] {
					t.Errorf("player %v waits since %d; he was told so: %v", tk.Player, tk.Joined, again[tk.Player])
				}
			}
		})
	}
}
