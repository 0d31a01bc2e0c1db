package robot

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestArrivalsAreDueWhateverTheOthersDo: the one who makes arrivals is held up at random. Each is made in its turn, with the moment at which it was due,
// and what was not made by the end is told.
func TestArrivalsAreDueWhateverTheOthersDo(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			cfg := Config{Rate: 0.1 + 20*random.Float64(), For: time.Duration(1 + random.Int64N(int64(time.Minute)))}
			began := time.Now()
			playing, stop := context.WithDeadline(t.Context(), began.Add(cfg.For))
			defer stop()
			var dues []time.Time
			heldUp := false
			unmade := cfg.arrive(playing, began, func(due time.Time) {
				if behind := time.Since(due); behind < 0 || behind > 0 && !heldUp {
					t.Errorf("the arrival that was due after %s is made %s late", due.Sub(began), behind)
				}
				dues = append(dues, due)
				if random.IntN(20) == 0 {
					heldUp = true
					time.Sleep(time.Duration(random.Int64N(int64(10 * time.Second))))
				}
			})
			for i, due := range dues {
				if due != began.Add(cfg.due(i)) {
					t.Errorf("arrival %d was due after %s, want %s", i, due.Sub(began), cfg.due(i))
				}
			}
			if all := cfg.arrivals(); len(dues)+unmade != all || !heldUp && unmade > 0 {
				t.Errorf("%d made and %d not, of %d", len(dues), unmade, all)
			}
		})
	}
}

// TestAnInterruptedRunHasNoArrivalsToCome counts only what was due by then as not made.
func TestAnInterruptedRunHasNoArrivalsToCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		made := 0
		unmade := Config{Rate: 1, For: time.Hour}.arrive(ctx, time.Now(), func(time.Time) {
			if made++; made == 3 {
				time.Sleep(2500 * ms)
				stop()
			}
		})
		if made != 3 || unmade != 2 {
			t.Errorf("%d made, %d not", made, unmade)
		}
	})
}

// TestRoom has one robot a second come and stay for five, where there is room for three: who is too many is counted, and nobody is there twice.
func TestRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Rate: 1, Robots: 3, For: time.Minute}
		tl := newTally(t.Context())
		began := time.Now()
		playing, stop := context.WithDeadline(t.Context(), began.Add(cfg.For))
		defer stop()
		var mu sync.Mutex
		inside := map[*robot]bool{}
		most, made, visits := 0, 0, 0
		fresh := func(number int) *robot {
			if number != made {
				t.Errorf("robot %d is made as number %d", made, number)
			}
			made++
			return &robot{}
		}
		newOpen(cfg, tl, fresh, func(r *robot, due time.Time) outcome {
			mu.Lock()
			if inside[r] {
				t.Error("a robot is inside twice")
			}
			inside[r] = true
			most = max(most, len(inside))
			how := []outcome{whole, failed, cutShort}[visits%3]
			visits++
			mu.Unlock()
			time.Sleep(4500 * ms)
			mu.Lock()
			delete(inside, r)
			mu.Unlock()
			return how
		}).run(playing, began)
		// Three in each five seconds find room.
		r := tl.report(Config{Rate: 1, Robots: 3}, time.Minute, false)
		if want := (Arrivals{Rate: 1, Arrived: 60, NoRoom: 24, Whole: 12, Failed: 12, CutShort: 12}); *r.Arrivals != want {
			t.Errorf("got %+v, want %+v", *r.Arrivals, want)
		}
		if most != 3 || made != 3 || len(inside) != 0 {
			t.Errorf("%d at once, %d robots, and %d still inside", most, made, len(inside))
		}
		i := slices.IndexFunc(r.Operations, func(o Operation) bool { return o.Name == visitWhole })
		if i < 0 || r.Operations[i].Count != 12 || !r.Operations[i].Corrected || !r.Operations[i].Waits || r.Operations[i].P50 < 4490 || r.Operations[i].P50 > 4510 {
			t.Errorf("%+v", r.Operations)
		}
	})
}

// TestDroppedArrivals: a run fails when arrivals found no room or were never made, unless as many are allowed. Of everything else in it, nothing is wrong.
func TestDroppedArrivals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		robots, behind int
		allowed        string
		failure        string
	}{
		"room for all":       {robots: 10},
		"no room":            {robots: 1, failure: "threshold arrival.errors=0: arrival had 8 errors"},
		"as many as allowed": {robots: 1, allowed: "arrival.errors=8"},
		"more than allowed":  {robots: 1, allowed: "arrival.errors=7", failure: "threshold arrival.errors=7: arrival had 8 errors"},
		"another threshold":  {robots: 1, allowed: "arrival.max=1h", failure: "threshold arrival.errors=0: arrival had 8 errors"},
		"never made":         {robots: 10, behind: 7, failure: "threshold arrival.errors=0: arrival had 7 errors"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cfg := Config{Rate: 1, Robots: test.robots, For: 10 * time.Second}
				if test.allowed != "" {
					allowed, err := ParseThreshold(test.allowed)
					if err != nil {
						t.Fatal(err)
					}
					cfg.Thresholds = []Threshold{allowed}
				}
				cfg = cfg.withDefaults()
				tl := newTally(t.Context())
				began := time.Now()
				playing, stop := context.WithDeadline(t.Context(), began.Add(cfg.For))
				defer stop()
				visits := 0
				fresh := func(int) *robot {
					if visits++; visits == 10-test.behind && test.behind > 0 {
						time.Sleep(time.Minute) // whoever makes arrivals is held up
					}
					return &robot{}
				}
				newOpen(cfg, tl, fresh, func(*robot, time.Time) outcome {
					time.Sleep(4500 * ms)
					tl.wait(scenarioPrefix+"look", 0, nil)
					return whole
				}).run(playing, began)
				r := tl.report(cfg, cfg.For, false)
				if want := []string{test.failure}; test.failure == "" && r.Failed() || test.failure != "" && !slices.Equal(r.Failures, want) {
					t.Errorf("failures are %q, want %q; %+v", r.Failures, want, *r.Arrivals)
				}
				dropped := r.Arrivals.NoRoom + r.Arrivals.Unmade
				i := slices.IndexFunc(r.Operations, func(o Operation) bool { return o.Name == arrivalMade })
				if i < 0 || r.Operations[i].Errors != dropped || r.Operations[i].Count != 10-dropped || r.Requests.Errors != dropped {
					t.Errorf("%+v: %+v", r.Arrivals, r.Operations)
				}
			})
		})
	}
}

// TestAnOpenRun plays on an honest stack: every visit is accounted for, and those that were whole have been timed from when they were due.
func TestAnOpenRun(t *testing.T) {
	t.Parallel()
	s := startStack(t, "")
	cfg := settings(t, s.web.URL)
	cfg.Robots, cfg.Rate, cfg.For = 10, 5, 4*time.Second // time for whole visits, also on a busy machine
	cfg.Mix = Mix{"look": 1, "mail": 1, "greet": 1}
	report, text := play(t, cfg)
	a := report.Arrivals
	if a == nil || a.Arrived+a.Unmade != 20 || a.NoRoom+a.Whole+a.Failed+a.CutShort != a.Arrived || a.Whole == 0 || a.Failed > 0 {
		t.Fatalf("%+v\n%s", a, text)
	}
	for _, i := range report.Invariants {
		if i.Broken > 0 {
			t.Errorf("%+v", i)
		}
	}
	count := map[string]int64{}
	for _, o := range report.Operations {
		count[o.Name] = o.Count
		if is := o.Name == visitWhole || o.Name == visitEntered || o.Name == arrivalMade; o.Corrected != is {
			t.Errorf("%+v", o)
		}
	}
	if count[visitWhole] != a.Whole || count[visitEntered] != report.Funnel[inWorld].Robots || count["scenario.look"]+count["scenario.mail"]+count["scenario.greet"] != a.Whole {
		t.Errorf("%+v: %v", a, count)
	}
}
