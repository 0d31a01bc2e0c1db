package match

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"loumiao/framework/fault"
)

// inTellers runs fn with an assigner that has no Redis, in a bubble of its own time.
func inTellers(t *testing.T, fn func(t *testing.T, w *world, a *assigner)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := newAssigner(Config{}.WithDefaults(), nil, w, slog.New(slog.DiscardHandler), newStats())
		defer a.cut()
		fn(t, w, a)
	})
}

// forgotten has owners be unknown for so long.
func forgotten(w *world, code fault.Code, d time.Duration) {
	until := time.Now().Add(d)
	w.refuse = func(string) error {
		if time.Now().Before(until) {
			return fault.New(code, "not now")
		}
		return nil
	}
}

func tickets(n int) []Ticket {
	var all []Ticket
	for i := range n {
		all = append(all, ticket(i+1))
	}
	return all
}

func TestLostTicketsOfPlayersWhomRedisForgot(t *testing.T) {
	for name, tt := range map[string]struct {
		code  fault.Code
		unset time.Duration
		told  int
	}{
		"until the lease is renewed":    {fault.NotOwner, 5 * time.Second, 40},
		"for longer than a lease lasts": {fault.NotOwner, 12 * time.Second, 40},
		"for good":                      {fault.NotOwner, time.Hour, 0},
		"by an owner that says no":      {fault.FailedPrecondition, 5 * time.Second, 8}, // the first who are told at once
	} {
		t.Run(name, func(t *testing.T) {
			inTellers(t, func(t *testing.T, w *world, a *assigner) {
				forgotten(w, tt.code, tt.unset)
				if tt.code == fault.FailedPrecondition {
					refusals := maxTellers
					w.refuse = func(string) error {
						if refusals--; refusals >= 0 {
							return fault.New(tt.code, "he is elsewhere")
						}
						return nil
					}
				}
				began := time.Now()
				a.unmatch(tickets(40), reasonLost)
				a.running.Wait()
				if len(w.unmatched) != tt.told || testutil.ToFloat64(a.stats.untold) != float64(40-tt.told) || a.late != 0 {
					t.Errorf("told %d, not told %v, late %d", len(w.unmatched), testutil.ToFloat64(a.stats.untold), a.late)
				}
				if took := time.Since(began); took > lateFor+a.cfg.Lease {
					t.Errorf("tried for %v", took)
				}
			})
		})
	}
}

// TestNewsOfWhoMoves has an owner who lets his player go to another world hear of the player's party there.
func TestNewsOfWhoMoves(t *testing.T) {
	for name, tt := range map[string]struct {
		code  fault.Code
		lasts time.Duration
		told  int
	}{
		"while he moves":            {fault.Unavailable, time.Second, 1},
		"when nobody has him":       {fault.NotOwner, time.Second, 0},
		"when he does not want any": {fault.FailedPrecondition, time.Second, 0},
		"to a world that is gone":   {fault.Unavailable, time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inTellers(t, func(t *testing.T, w *world, a *assigner) {
				forgotten(w, tt.code, tt.lasts)
				a.news(7, []news{{player: 1, ticket: 5}})
				a.running.Wait()
				if len(w.news) != tt.told {
					t.Errorf("he is told %v; want %d", w.news, tt.told)
				}
			})
		})
	}
}

func TestLateTellingEndsWithTheNode(t *testing.T) {
	inTellers(t, func(t *testing.T, w *world, a *assigner) {
		forgotten(w, fault.NotOwner, time.Hour)
		a.unmatch(tickets(3), reasonLost)
		time.Sleep(a.cfg.Lease)
		if synctest.Wait(); a.late != 3 {
			t.Fatalf("%d are told late", a.late)
		}
		began := time.Now()
		if err := a.stop(context.Background()); err != nil || time.Since(began) != 0 {
			t.Errorf("stopped after %v: %v", time.Since(began), err)
		}
		if a.late != 0 || testutil.ToFloat64(a.stats.untold) != 3 {
			t.Errorf("late %d, not told %v", a.late, testutil.ToFloat64(a.stats.untold))
		}
	})
}

func TestLateTellingIsBounded(t *testing.T) {
	inTellers(t, func(t *testing.T, w *world, a *assigner) {
		a.late = maxLate - 2
		a.tellLate(tickets(3), a.unmatched(reasonLost), nil)
		a.tellLate(tickets(2), a.unmatched(reasonLost), nil)
		a.running.Wait()
		if len(w.unmatched) != 2 || testutil.ToFloat64(a.stats.untold) != 3 || a.late != maxLate-2 {
			t.Errorf("told %d, not told %v, late %d", len(w.unmatched), testutil.ToFloat64(a.stats.untold), a.late)
		}
	})
}
