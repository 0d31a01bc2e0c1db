package live_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"loumiao/framework/live"
)

// apply has a set take what a publication of these entries would bring.
func apply(s *live.Set, entries ...live.Entry) {
	live.Apply(s, live.Snapshot{Entries: entries})
}

func newSet(t *testing.T, area uint16) *live.Set {
	var none *live.Feed
	s := none.NewSet(area, slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(s.Close)
	return s
}

func TestKinds(t *testing.T) {
	t.Parallel()
	feature := live.Feature("f", false, "doc")
	for _, test := range []struct {
		key       live.Declaration
		good, bad string // separated by blanks
	}{
		{live.Bool("b", true, "doc"), "true false", "yes 1 TRUE"},
		{live.Int("i", 1, 0, 10, "doc"), "0 10 7", "-1 11 1.5 x 99999999999999999999"},
		{live.Duration("d", time.Second, time.Second, time.Minute, "doc"), "1s 1m 30s", "0s 61s 5 x"},
		{live.Text("t", "", 3, "doc"), "abc äöü", "abcd \xff"},
		{live.OneOf("o", "a", []string{"a", "b"}, "doc"), "a b", "c A"},
		{feature, "on off 0% 25% 100%", "101% -1% 2.5% yes"},
		{live.LogLevel, "info world=debug 12=warn a.b=error", "world=loud =info 99999999=info Info"},
	} {
		name := test.key.Spec().Name
		for _, text := range strings.Fields(test.good) {
			if err := test.key.Check(text); err != nil {
				t.Errorf("%s: %q: %v", name, text, err)
			}
		}
		for _, text := range strings.Fields(test.bad) {
			if err := test.key.Check(text); err == nil {
				t.Errorf("%s: %q is taken", name, text)
			}
		}
		if err := test.key.Check(strings.Repeat(" ", live.MaxText+1)); err == nil {
			t.Errorf("%s: a text over the limit is taken", name)
		}
	}
}

func TestAreasAndRefusals(t *testing.T) {
	t.Parallel()
	key := live.Int("a.b", 1, 0, 100, "doc", live.PerArea())
	whole := live.Int("a.c", 1, 0, 100, "doc")
	all, two := newSet(t, 0), newSet(t, 2)
	v, w, nearby := key.Or(all, 5), whole.Of(all), key.Of(two)
	changes := 0
	v.OnChange(func() { changes++ })
	check := func(wantAll, wantOne, wantTwo, wantNearby int64, wantChanges int) {
		t.Helper()
		if v.Get() != wantAll || v.In(1) != wantOne || v.In(2) != wantTwo || nearby.Get() != wantNearby || changes != wantChanges {
			t.Errorf("all %d, one %d, two %d, near %d, %d changes; want %d %d %d %d, %d", v.Get(), v.In(1), v.In(2), nearby.Get(), changes,
				wantAll, wantOne, wantTwo, wantNearby, wantChanges)
		}
	}
	both := func(entries ...live.Entry) { apply(all, entries...); apply(two, entries...) }
	check(5, 5, 5, 1, 0)
	both(live.Entry{Name: "a.b", Text: "10"}, live.Entry{Name: "a.b", Area: 2, Text: "20"}, live.Entry{Name: "a.c", Area: 2, Text: "9"})
	check(10, 10, 20, 20, 1)
	if w.In(2) != 1 {
		t.Error("a key that is the same for all has a value of its own in an area")
	}
	both(live.Entry{Name: "a.b", Text: "10"}, live.Entry{Name: "a.b", Area: 2, Text: "20"})
	check(10, 10, 20, 20, 1)
	both(live.Entry{Name: "a.b", Text: "bad"}, live.Entry{Name: "a.b", Area: 1, Text: "worse"}, live.Entry{Name: "a.b", Area: 2, Text: "999"})
	check(10, 10, 20, 20, 1)
	both(live.Entry{Name: "a.b", Text: "11"}, live.Entry{Name: "a.b", Area: 2, Text: "999"})
	check(11, 11, 20, 20, 2)
	both()
	check(5, 5, 5, 1, 3)
}

func TestABundleChangesAsAWhole(t *testing.T) {
	t.Parallel()
	low, high := live.Int("low", 1, 0, 100, "doc", live.PerArea()), live.Int("high", 2, 0, 100, "doc", live.PerArea())
	span := live.Together(func(texts live.Texts) ([2]int64, error) {
		l, lowErr := low.Read(texts)
		h, highErr := high.Read(texts)
		if err := errors.Join(lowErr, highErr); err != nil {
			return [2]int64{}, err
		}
		if l > h {
			return [2]int64{}, errors.Join(errors.New("low is over high"), errors.New("high is under low"))
		}
		return [2]int64{l, h}, nil
	}, low, high)
	s := newSet(t, 0)
	v, hooked := span.Of(s), 0
	separate := low.Of(s)
	v.OnChange(func() {
		if hooked++; hooked == 1 && separate.Get() != v.Get()[0] {
			t.Error("a hook ran before all values were new")
		}
	})
	apply(s, live.Entry{Name: "low", Text: "5"}, live.Entry{Name: "high", Text: "9"}, live.Entry{Name: "low", Area: 3, Text: "7"})
	if v.Get() != [2]int64{5, 9} || v.In(3) != [2]int64{7, 9} || hooked != 1 {
		t.Errorf("is %v, in area 3 %v, %d calls", v.Get(), v.In(3), hooked)
	}
	apply(s, live.Entry{Name: "low", Text: "50"}, live.Entry{Name: "high", Text: "9"})
	if v.Get() != [2]int64{5, 9} {
		t.Errorf("a bundle that does not fit gave %v", v.Get())
	}

	schema, err := live.NewSchema(span)
	if err != nil {
		t.Fatal(err)
	}
	now := live.Snapshot{Entries: []live.Entry{{Name: "low", Text: "5"}, {Name: "high", Text: "9"}, {Name: "gone", Text: "x"}}}
	for _, test := range []struct {
		changes []live.Change
		want    string
	}{
		{[]live.Change{{Name: "low", Text: "9"}}, ""},
		{[]live.Change{{Name: "low", Text: "10"}}, "low is over high; high is under low"},
		{[]live.Change{{Name: "low", Text: "10"}, {Name: "high", Text: "11"}}, ""},
		{[]live.Change{{Name: "low", Area: 4, Text: "10"}}, "low is over high; high is under low"},
		{[]live.Change{{Name: "high", Remove: true}}, "low is over high; high is under low"},
		{[]live.Change{{Name: "gone", Remove: true}}, ""},
		{[]live.Change{{Name: "low", Area: 1, Remove: true}}, "low (area 1): has nothing that could be removed"},
		{[]live.Change{{Name: "gone", Text: "1"}, {Name: "low", Text: "x"}},
			`gone: there is no such key; low: is "x"; must be a whole number, 0 to 100`},
		{[]live.Change{{Name: "low", Text: "1"}, {Name: "low", Text: "1"}}, "low: is changed twice"},
		{nil, "there are 0 changes; must be 1 to 256"},
	} {
		var got []string
		for _, p := range schema.Check(now, test.changes) {
			got = append(got, p.String())
		}
		if strings.Join(got, "; ") != test.want {
			t.Errorf("%v: %q, want %q", test.changes, got, test.want)
		}
	}
}

func TestSchemaRefusesBadDeclarations(t *testing.T) {
	t.Parallel()
	twice := live.Bool("a", false, "doc")
	if _, err := live.NewSchema(twice, twice); err != nil {
		t.Error("the same key in two parts:", err)
	}
	_, err := live.NewSchema(
		live.Bool("a", false, "doc"), live.Bool("a", false, "doc"), live.Int("b", 5, 0, 1, "doc"), live.Bool("Bad", true, "doc"), live.Bool("c", true, ""),
		live.Together(func(live.Texts) (int, error) { return 0, errors.New("never good") }),
	)
	for _, want := range []string{`"a" is declared twice`, `"b": the default is "5"`, `"Bad": the name`, `"c" has no doc`, "never good"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s: %v", want, err)
		}
	}
}

func TestASetThatIsClosedStaysAsItIs(t *testing.T) {
	t.Parallel()
	key := live.Int("a", 1, 0, 100, "doc")
	s := newSet(t, 0)
	v := key.Of(s)
	v.OnChange(func() { t.Error("a hook ran after the end of its owner") })
	s.Close()
	apply(s, live.Entry{Name: "a", Text: "2"})
	if v.Get() != 1 {
		t.Error("the value changed after the end of its owner")
	}
}

// Readers see the pairs that were published, whatever goes on.
func TestReadersSeeWholePublications(t *testing.T) {
	t.Parallel()
	a, b := live.Int("a", 0, 0, 1<<40, "doc"), live.Int("b", 0, 0, 1<<40, "doc")
	pair := live.Together(func(x live.Texts) ([2]int64, error) {
		first, err1 := a.Read(x)
		second, err2 := b.Read(x)
		return [2]int64{first, second}, errors.Join(err1, err2)
	}, a, b)
	s := newSet(t, 0)
	v := pair.Of(s)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			last := int64(0)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if p := v.Get(); p[0] != p[1] || p[0] < last {
					t.Errorf("read %v after %d", p, last)
					return
				} else {
					last = p[0]
				}
			}
		})
	}
	for i := range 500 {
		text := fmt.Sprint(i)
		apply(s, live.Entry{Name: "a", Text: text}, live.Entry{Name: "b", Text: text})
		if i%100 == 0 {
			pair.Of(s).OnChange(func() {}) // a node binds while publications come
		}
	}
	close(stop)
	readers.Wait()
}

// A larger share has everybody of a smaller one, and is about as large as it says.
func TestShares(t *testing.T) {
	t.Parallel()
	s := newSet(t, 0)
	v := live.Feature("f", false, "doc").Of(s)
	has := map[int64]bool{}
	for _, percent := range []int{0, 1, 10, 50, 99, 100} {
		apply(s, live.Entry{Name: "f", Text: fmt.Sprintf("%d%%", percent)})
		n := 0
		for id := range int64(10_000) {
			if v.Get().Has(id) {
				n++
				has[id] = true
			} else if has[id] {
				t.Fatalf("%d lost the feature at %d%%", id, percent)
			}
		}
		if n < percent*100-200 || n > percent*100+200 || percent == 0 && n != 0 {
			t.Errorf("%d of 10000 at %d%%", n, percent)
		}
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	s := newSet(t, 0)
	v := live.LogLevel.Of(s)
	if _, ok := v.Get().Of("world", "7"); ok {
		t.Error("there is a level where nothing is said")
	}
	apply(s, live.Entry{Name: "log.level", Text: "warn world=debug 7=error"})
	for _, test := range []struct {
		typ, id string
		want    slog.Level
	}{{"gate", "1", slog.LevelWarn}, {"world", "1", slog.LevelDebug}, {"world", "7", slog.LevelError}} {
		if got, ok := v.Get().Of(test.typ, test.id); !ok || got != test.want {
			t.Errorf("%s %s: %v", test.typ, test.id, got)
		}
	}
}

// Whatever is published in whatever order, a value is what the last texts say, or what it was where they are refused.
func TestRandomPublications(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	key := live.Int("k", 7, 0, 9, "doc", live.PerArea())
	s := newSet(t, 0)
	v := key.Of(s)
	own := map[uint16]int64{} // the oracle: by area, where it has its own
	all := int64(7)
	lastAll := "none"
	last := map[uint16]string{}
	for range 3000 {
		var entries []live.Entry
		texts := map[uint16]string{}
		for area := range uint16(4) {
			if rnd.IntN(3) == 0 {
				texts[area] = []string{"1", "2", "x", "77", "5"}[rnd.IntN(5)]
				entries = append(entries, live.Entry{Name: "k", Area: area, Text: texts[area]})
			}
		}
		good := func(text string) (int64, bool) {
			n := int64(text[0] - '0')
			return n, len(text) == 1 && text != "x"
		}
		text, ok := texts[0]
		switch n, fine := int64(7), true; {
		case ok:
			if n, fine = good(text); fine {
				all = n
			}
		default:
			all = n
		}
		lastAll = text
		for area := uint16(1); area < 4; area++ {
			text, ok := texts[area]
			if !ok {
				delete(own, area)
				delete(last, area)
				continue
			}
			if n, fine := good(text); fine {
				own[area] = n
			}
			last[area] = text
		}
		apply(s, entries...)
		for area := range uint16(5) {
			want, ok := own[area]
			if !ok {
				want = all
			}
			if got := v.In(area); got != want {
				t.Fatalf("area %d: %d, want %d after %v (all %q, own %v)", area, got, want, entries, lastAll, last)
			}
		}
	}
}
