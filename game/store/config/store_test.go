package config_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/live"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/config"
	"loumiao/migrations"
)

func anything(live.Snapshot) error { return nil }

// each runs test with the tables of each engine and an epoch to publish with.
func each(t *testing.T, test func(t *testing.T, s *config.Store, db *gorm.DB, epoch uint64)) {
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		db := storetest.Migrated(t, stores, "config", migrations.FS("config"))
		clock := time.UnixMilli(1_700_000_000_000)
		s := config.New(db, func() time.Time { clock = clock.Add(time.Second); return clock })
		test(t, s, db, newEpoch(t, db))
	})
}

func newEpoch(t *testing.T, db *gorm.DB) uint64 {
	t.Helper()
	epoch, err := lease.NextEpoch(t.Context(), db, config.Fence)
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

func publication(base uint64, changes ...live.Change) config.Publication {
	return config.Publication{Changes: changes, Base: base, Author: "ann", Reason: "because"}
}

func set(name, text string) live.Change { return live.Change{Name: name, Text: text} }

func TestAPublicationIsAllOrNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *config.Store, _ *gorm.DB, epoch uint64) {
		if first, err := s.Load(t.Context()); err != nil || first.Version != 0 || len(first.Entries) != 0 {
			t.Fatalf("begins with %+v, %v", first, err)
		}
		after, err := s.Publish(t.Context(), epoch, publication(0, set("a", "1"), live.Change{Name: "a", Area: 2, Text: "ü\n,"}, set("b", "2")), anything)
		want := live.Snapshot{Version: 1, Entries: []live.Entry{{Name: "a", Area: 0, Text: "1", Version: 1}, {Name: "a", Area: 2, Text: "ü\n,", Version: 1}, {Name: "b", Area: 0, Text: "2", Version: 1}}}
		if err != nil || !equal(after, want) {
			t.Fatalf("%+v, %v", after, err)
		}
		after, err = s.Publish(t.Context(), epoch, publication(1, set("a", "3"), live.Change{Name: "b", Remove: true}), func(now live.Snapshot) error {
			if !equal(now, want) {
				t.Errorf("the check sees %+v", now)
			}
			return nil
		})
		want = live.Snapshot{Version: 2, Entries: []live.Entry{{Name: "a", Area: 0, Text: "3", Version: 2}, {Name: "a", Area: 2, Text: "ü\n,", Version: 1}}}
		if now, loaded := s.Load(t.Context()); err != nil || loaded != nil || !equal(after, want) || !equal(now, want) {
			t.Fatalf("%+v, %v, loaded %+v, %v", after, err, now, loaded)
		}
		refused := errors.New("no")
		for name, p := range map[string]config.Publication{
			"checked":   publication(2, set("a", "9")),
			"no author": {Changes: []live.Change{set("a", "9")}, Base: 2, Author: " ", Reason: "x"},
			"no reason": {Changes: []live.Change{set("a", "9")}, Base: 2, Author: "x"},
			"long":      {Changes: []live.Change{set("a", "9")}, Base: 2, Author: "x", Reason: strings.Repeat("x", config.MaxReason+1)},
			"future":    publication(3, set("a", "9")),
			"twice":     publication(1, set("a", "9")),
			"removed":   publication(1, set("b", "9")),
			"too much":  publication(2, set("a", strings.Repeat("x", live.MaxSnapshot))),
		} {
			check := anything
			if name == "checked" {
				check = func(live.Snapshot) error { return refused }
			}
			if _, err := s.Publish(t.Context(), epoch, p, check); err == nil {
				t.Errorf("%s: it was published", name)
			} else if conflict := errors.Is(err, config.ErrConflict); conflict != (name == "twice" || name == "removed") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if now, err := s.Load(t.Context()); err != nil || !equal(now, want) {
			t.Errorf("what was refused left %+v, %v", now, err)
		}
		// An older base is no conflict for what nobody has touched since.
		if after, err = s.Publish(t.Context(), epoch, publication(1, live.Change{Name: "a", Area: 2, Text: "x"}), anything); err != nil || after.Version != 3 {
			t.Errorf("%+v, %v", after, err)
		}
		at9 := publication(3)
		at9.AtLeast = 9
		if after, err = s.Publish(t.Context(), epoch, at9, anything); err != nil || after.Version != 9 || len(after.Entries) != 2 {
			t.Errorf("a version without changes: %+v, %v", after, err)
		}
	})
}

func TestWhoIsDeposedPublishesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *config.Store, db *gorm.DB, epoch uint64) {
		inside, goOn := make(chan struct{}), make(chan struct{})
		var old sync.WaitGroup
		old.Go(func() { // is deposed in the middle of it; the new epoch waits for its end
			_, err := s.Publish(context.Background(), epoch, publication(0, set("a", "1")), func(live.Snapshot) error {
				close(inside)
				<-goOn
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-inside
		next := make(chan uint64)
		go func() {
			n, _ := lease.NextEpoch(context.Background(), db, config.Fence)
			next <- n
		}()
		close(goOn)
		old.Wait()
		newer := <-next
		if now, err := s.Load(t.Context()); err != nil || now.Version != 1 {
			t.Errorf("the new centre begins with %+v, %v", now, err)
		}
		if _, err := s.Publish(t.Context(), epoch, publication(1, set("a", "2")), anything); fault.CodeOf(err) != fault.Fenced {
			t.Errorf("a deposed centre published: %v", err)
		}
		if after, err := s.Publish(t.Context(), newer, publication(1, set("a", "3")), anything); err != nil || after.Version != 2 {
			t.Errorf("%+v, %v", after, err)
		}
	})
}

// Whatever is published, the entries are what a plain map has, and every version can be gone back to.
func TestRandomPublicationsAndReturns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *config.Store, _ *gorm.DB, epoch uint64) {
		rnd := rand.New(rand.NewPCG(3, 4))
		was := []map[string]string{{}} // by version
		for i := range 25 {
			now, err := s.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			next := map[string]string{}
			for k, v := range was[len(was)-1] {
				next[k] = v
			}
			var changes []live.Change
			if i%5 == 4 { // back to some version
				to := rnd.IntN(len(was))
				next = was[to]
				if changes, err = s.ChangesTo(t.Context(), now, uint64(to)); err != nil {
					t.Fatal(err)
				}
			} else {
				for _, name := range []string{"a", "b", "c"} {
					for area := range uint16(2) {
						switch rnd.IntN(4) {
						case 0:
							changes = append(changes, live.Change{Name: name, Area: area, Text: fmt.Sprint(rnd.IntN(3))})
							next[fmt.Sprint(name, area)] = changes[len(changes)-1].Text
						case 1:
							changes = append(changes, live.Change{Name: name, Area: area, Remove: true})
							delete(next, fmt.Sprint(name, area))
						}
					}
				}
			}
			if _, err := s.Publish(t.Context(), epoch, publication(now.Version, changes...), anything); err != nil {
				t.Fatal(err)
			}
			was = append(was, next)
			after, err := s.Load(t.Context())
			if err != nil || after.Version != uint64(len(was)-1) || len(after.Entries) != len(next) {
				t.Fatalf("version %d has %+v, want %v, %v", len(was)-1, after, next, err)
			}
			for _, e := range after.Entries {
				if next[fmt.Sprint(e.Name, e.Area)] != e.Text {
					t.Fatalf("version %d has %+v, want %v", len(was)-1, after, next)
				}
			}
		}
		now, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.ChangesTo(t.Context(), now, now.Version+1); !errors.Is(err, config.ErrNoVersion) {
			t.Errorf("back to the future: %v", err)
		}
		// The history is all of it, in pages, the newest first.
		var seen []uint64
		for before := uint64(0); ; {
			page, err := s.History(t.Context(), before, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, v := range page {
				seen = append(seen, v.Version)
				if v.Author != "ann" || v.Reason != "because" || v.At.IsZero() {
					t.Errorf("version %+v", v)
				}
			}
			before = page[len(page)-1].Version
		}
		if len(seen) != len(was)-1 || !slices.IsSortedFunc(seen, func(a, b uint64) int { return int(b) - int(a) }) {
			t.Errorf("the history has %v", seen)
		}
	})
}

func equal(a, b live.Snapshot) bool {
	return a.Version == b.Version && slices.Equal(a.Entries, b.Entries)
}
