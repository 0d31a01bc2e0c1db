package zone

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/tables"
)

// A notebook is a directory in memory: what the one in Redis is to do.
type notebook struct {
	mu      sync.Mutex
	lines   map[string]map[int32]listing // by map and area
	failing error
}

func newNotebook() *notebook { return &notebook{lines: map[string]map[int32]listing{}} }

func (d *notebook) of(area api.Area, name string) map[int32]listing {
	key := fmt.Sprint(area, name)
	if d.lines[key] == nil {
		d.lines[key] = map[int32]listing{}
	}
	return d.lines[key]
}

func (d *notebook) open(_ context.Context, l listing, m tables.Map, full []int64) (listing, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines, room := d.of(l.Area, l.Map), false
	for _, other := range lines {
		room = room || other.Players < other.Soft && !slices.Contains(full, int64(other.Field))
	}
	if d.failing != nil || len(lines) >= m.LinesMin && room {
		return l, false, d.failing
	}
	for n := int32(1); n <= int32(m.LinesMax); n++ {
		if _, taken := lines[n]; !taken {
			l.Line = n
			lines[n] = l
			return l, true, nil
		}
	}
	return l, false, nil
}

func (d *notebook) renew(_ context.Context, l listing) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.of(l.Area, l.Map)
	if other, taken := lines[l.Line]; d.failing != nil || taken && other.Field != l.Field {
		return false, d.failing
	}
	lines[l.Line] = l
	return true, nil
}

func (d *notebook) close(_ context.Context, l listing, least int) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines, room := d.of(l.Area, l.Map), false
	if d.failing != nil {
		return false, d.failing
	}
	if lines[l.Line].Field != l.Field {
		return true, nil
	}
	for n, other := range lines {
		room = room || n != l.Line && other.Players < other.Soft
	}
	if least >= 0 && (len(lines) <= least || len(lines) > 1 && !room) {
		return false, nil
	}
	delete(lines, l.Line)
	return true, nil
}

func (d *notebook) list(_ context.Context, area api.Area, name string) ([]listing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.of(area, name)
	var list []listing
	for _, n := range slices.Sorted(maps.Keys(lines)) {
		list = append(list, lines[n])
	}
	return list, d.failing
}

// lose is what a silent zone does after a while.
func (d *notebook) lose(l listing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.of(l.Area, l.Map), l.Line)
}

// Whatever happens to the directory in Redis, it is as the one in memory.
func TestDirectory(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		rng := rand.New(rand.NewPCG(1, 2))
		reg, book := &register{stores.Redis(), stores.Key}, newNotebook()
		rows := []tables.Map{{ID: "a", LinesMin: 2, LinesMax: 5, Soft: 3, Hard: 5}, {ID: "b", LinesMin: 0, LinesMax: 3, Soft: 1, Hard: 2}}
		var made []listing
		for step := range 1200 {
			m := rows[rng.IntN(2)]
			l := listing{
				Area: api.Area(rng.IntN(2)), Map: m.ID, Field: api.FieldID(step + 1), Zone: id.Node(rng.IntN(5)), Boot: id.Boot(1<<63 + rng.Uint64N(10)), Soft: m.Soft, Hard: m.Hard,
			}
			if len(made) > 0 && rng.IntN(5) > 0 {
				l = made[rng.IntN(len(made))]
				l.Players = rng.IntN(l.Hard + 1)
				m = rows[slices.IndexFunc(rows, func(m tables.Map) bool { return m.ID == l.Map })]
			}
			var got, want any
			var err error
			what := rng.IntN(10)
			switch {
			case l.Line == 0 || what == 0: // is not there yet
				l.Line, l.Players, l.Field = 0, 0, api.FieldID(step+1)
				full := []int64{int64(step) - rng.Int64N(10), int64(step) - rng.Int64N(10)}
				one, ok, oneErr := reg.open(t.Context(), l, m, full)
				other, otherOK, _ := book.open(t.Context(), l, m, full)
				got, want, err = fmt.Sprint(one.Line, ok), fmt.Sprint(other.Line, otherOK), oneErr
				if ok {
					made = append(made, one)
				}
			case what < 6:
				got, err = reg.renew(t.Context(), l)
				want, _ = book.renew(t.Context(), l)
			case what < 9:
				least := rng.IntN(4) - 1
				got, err = reg.close(t.Context(), l, least)
				want, _ = book.close(t.Context(), l, least)
			default: // its zone is silent for too long
				key := reg.keys(l.Area, l.Map, int(l.Line))[l.Line-1]
				err = stores.Redis().Del(t.Context(), key).Err()
				book.lose(l)
			}
			if err != nil || got != want {
				t.Fatalf("step %d, %d with %+v: %v, %v; want %v", step, what, l, got, err, want)
			}
			list, err := reg.list(t.Context(), l.Area, l.Map)
			if theirs, _ := book.list(t.Context(), l.Area, l.Map); err != nil || !slices.Equal(list, theirs) {
				t.Fatalf("step %d: there are %+v, %v, want %+v", step, list, err, theirs)
			}
		}
		key := reg.keys(1, "a", 1)[0]
		if _, err := reg.renew(t.Context(), listing{Area: 1, Map: "a", Line: 1, Field: 1 << 62, Soft: 1, Hard: 1}); err != nil {
			t.Fatal(err)
		}
		if left, err := stores.Redis().PTTL(t.Context(), key).Result(); err != nil || left <= 0 || left > claimTTL {
			t.Errorf("a line stays for %s, %v", left, err)
		}
	})
}

func FuzzListing(f *testing.F) {
	f.Add("1 2 3 4 5 6")
	f.Add("1 2 3 4 5 6 7")
	f.Add("-1 2 3 4 5 " + strconv.FormatUint(1<<64-1, 10))
	f.Fuzz(func(t *testing.T, value string) {
		l, err := parseListing(3, "a", 7, value)
		if err != nil {
			return
		}
		if again, err := parseListing(3, "a", 7, l.value()); err != nil || again != l {
			t.Fatalf("%q is %+v, and then %+v, %v", value, l, again, err)
		}
	})
}
