package gate

import (
	"errors"
	"maps"
	"testing"
	"time"

	"loumiao/framework/gate"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

// TestSessions has holders of one player's session come and go, on every kind of Redis.
func TestSessions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := &sessions{stores: stores}
		const player = 7
		last := uint64(time.Now().UnixMilli()) - 1
		claim := func(h *gate.Holder, again bool, want *gate.Holder) {
			t.Helper()
			turn, previous, err := s.Claim(t.Context(), player, *h, again)
			if err != nil || !same(previous, want) || turn <= last {
				t.Fatalf("claiming for %v: turn %d after %d, in place of %v, %v; want in place of %v", h, turn, last, previous, err, want)
			}
			last, h.Turn = turn, turn
		}
		release := func(h gate.Holder) {
			t.Helper()
			if err := s.Release(t.Context(), player, h); err != nil {
				t.Fatal(err)
			}
		}
		refused := func(h gate.Holder) {
			t.Helper()
			if _, _, err := s.Claim(t.Context(), player, h, true); !errors.Is(err, gate.ErrReplaced) {
				t.Fatalf("a session comes back after a newer one: %v", err)
			}
		}
		a1 := gate.Holder{Node: 1, Session: 100}
		a2 := gate.Holder{Node: 2, Session: 100} // the same session, by another gate
		b := gate.Holder{Node: 65535, Session: 1<<63 - 1}
		claim(&a1, false, nil)
		claim(&a2, true, &a1)
		release(a1) // its gate notices late
		earlier := a2
		claim(&a2, true, &earlier)
		release(earlier)
		claim(&b, false, &a2)
		refused(a1)
		release(b)
		refused(a1) // nobody is there, and yet b was later
		claim(&b, true, nil)
		claim(&a1, false, &b)
		release(a1)
		claim(&a2, true, nil)

		if err := stores.Redis().Del(t.Context(), s.key(player)).Err(); err != nil {
			t.Fatal(err)
		}
		last = uint64(time.Now().UnixMilli()) - 1
		claim(&a1, true, nil)
	})
}

func same(a, b *gate.Holder) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// TestSeatsArePutBack: what Redis has lost is there again, and nothing that came since is overwritten.
func TestSeatsArePutBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := &sessions{stores: stores}
		boot := id.NewBoot(time.UnixMilli(1))
		kept := func(want bool) {
			t.Helper()
			if got, err := s.kept(t.Context(), 1, boot); got != want || err != nil {
				t.Errorf("kept is %v, %v; want %v", got, err, want)
			}
		}
		kept(false)
		if err := s.keep(t.Context(), 1, boot); err != nil {
			t.Fatal(err)
		}
		kept(true)
		newer := gate.Holder{Node: 2, Session: 200}
		turn, _, err := s.Claim(t.Context(), 8, newer, false)
		if err != nil {
			t.Fatal(err)
		}
		newer.Turn = turn
		older := gate.Holder{Node: 1, Session: 100, Turn: 5}
		if err := s.putBack(t.Context(), map[int64]gate.Holder{7: older, 8: older}); err != nil {
			t.Fatal(err)
		}
		seats, err := api.FindSeats(t.Context(), stores, []int64{7, 8, 9})
		want := map[int64]api.Seat{7: {Gate: 1, Session: 100, Turn: 5}, 8: {Gate: 2, Session: 200, Turn: newer.Turn}}
		if err != nil || !maps.Equal(seats, want) {
			t.Errorf("%v, %v; want %v", seats, err, want)
		}
	})
}
