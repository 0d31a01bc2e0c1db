package match

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

// TestUnattended has tickets leave their pool when the world of any of their players is silent, and no others.
func TestUnattended(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(stores)
		w := newWorld(t, 40)
		d := newDesk(quick(), 7, "me", s, w, id.NewGenerator(1, nil).Next, slog.New(slog.DiscardHandler), newStats())
		defer d.work.cut()
		d.serve(7)
		d.end() // no passes
		d.running.Wait()
		party := Ticket{ID: 4, Rating: 1000}.party([]api.PlayerID{41, 42})
		whole := Ticket{ID: 5, Rating: 1000}.party([]api.PlayerID{51, 52})
		mustJoin(t, s, arena, ticket(1), ticket(2), ticket(3), party, whole, ticket(6))
		mustClaim(t, s, match(9, arena, mustPoll(t, s, arena, 0).Tickets[2]))

		stand := func(gone []int64, pairs ...int64) {
			t.Helper()
			var players, tickets []int64
			for i := 0; i < len(pairs); i += 2 {
				players, tickets = append(players, pairs[i]), append(tickets, pairs[i+1])
			}
			got, err := s.Stand(ctx, 7, players, tickets)
			if err != nil || !slices.Equal(got, gone) {
				t.Errorf("gone are %v, %v; want %v", got, err, gone)
			}
		}
		left := func(want ...api.TicketID) {
			t.Helper()
			if err := d.dropUnattended(ctx); err != nil {
				t.Fatal(err)
			}
			var got []api.TicketID
			for _, tk := range mustPoll(t, s, arena, 0).Tickets {
				got = append(got, tk.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("tickets %v wait; want %v", got, want)
			}
		}
		clock.Add(15_000)
		stand(nil)
		stand([]int64{1002, 999}, 1001, 1, 1002, 1, 999, 2, 1003, 3, 41, 4, 51, 5, 52, 5)
		clock.Add(6000)
		left(1, 2, 4, 5, 6) // this node has not been up for long enough to know
		d.attended, d.looked = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
		left(1, 2, 4, 5, 6) // nor has one that has stood still
		d.attended = time.Now().Add(-time.Hour)
		left(1, 5)
		until(t, "their owners are told", func() bool {
			return w.reason(2) == reasonUnattended && w.reason(4) == reasonUnattended && w.reason(6) == reasonUnattended
		})
		stand([]int64{42}, 42, 4)

		// One that is in a match is the match's, however long that takes; back in the pool it has its time again.
		clock.Add(25_000)
		left()
		if err := s.Release(ctx, match(9, arena)); err != nil {
			t.Fatal(err)
		}
		left(3)
		clock.Add(21_000)
		left()
		if n, err := stores.Redis().ZCard(ctx, s.at(7, "tickets")+":stood").Result(); n != 0 || err != nil {
			t.Errorf("%d players are left in the list, %v", n, err)
		}
	})
}

func (w *world) reason(t api.TicketID) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unmatched[t]
}

// TestAskedAgainTooSoon has a player, told that his match came to nothing, ask again at once, while others of it are still being told: he gets the old ticket, which
// ends with the match. His world hears that when it stands for it.
func TestAskedAgainTooSoon(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, clock := newStore(stores)
		w := newWorld(t)
		d := newDesk(quick(), 7, "b", s, w, id.NewGenerator(1, nil).Next, slog.New(slog.DiscardHandler), newStats())
		defer d.work.cut()
		d.serve(7)
		d.end()
		d.running.Wait()
		mustJoin(t, s, arena, ticket(1))
		m := match(9, arena, mustPoll(t, s, arena, 0).Tickets...)
		m.Holder = "a"
		mustClaim(t, s, m)
		if err := s.Commit(ctx, m, time.Second); err != nil {
			t.Fatal(err)
		}
		var again api.TicketID
		w.after = func(what string) (err error) {
			if what == "unmatched" {
				fresh := ticket(1)
				fresh.ID = 2
				again, err = s.Join(ctx, arena, fresh, 0)
			}
			return err
		}
		clock.Add(2000) // its node, and its zone, have died
		if err := d.takeOver(ctx); err != nil {
			t.Fatal(err)
		}
		d.work.running.Wait()
		if again != 1 || w.reason(1) != reasonAbandoned {
			t.Fatalf("he is told %q, and gets ticket %v", w.reason(1), again)
		}
		if gone, err := s.Stand(ctx, 7, []int64{1001}, []int64{1}); err != nil || len(gone) != 1 {
			t.Errorf("his ticket is there: %v, %v", gone, err)
		}
	})
}
