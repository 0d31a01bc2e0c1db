package lease_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

// ownership is what Owners and leases should do, plainly.
type ownership struct {
	boots map[id.Node]id.Boot // of the nodes that hold their lease
	bound map[int64]lease.Binding
	epoch map[int64]uint64 // newest that was ever bound
}

func (m *ownership) bind(key int64, b lease.Binding) bool {
	held, isBound := m.bound[key]
	newest, seen := m.epoch[key]
	if seen && (b.Epoch < newest || (b.Epoch == newest && !(isBound && held == b))) {
		return false
	}
	m.bound[key], m.epoch[key] = b, b.Epoch
	return true
}

func (m *ownership) unbind(key int64, b lease.Binding) {
	if held, ok := m.bound[key]; ok && held == b {
		delete(m.bound, key)
	}
}

func (m *ownership) lookup(key int64) (lease.Binding, bool) {
	b, ok := m.bound[key]
	if !ok || m.boots[b.Node] != b.Boot {
		return lease.Binding{}, false
	}
	return b, true
}

// confirm is what Confirm should say.
func (m *ownership) confirm(key int64, b lease.Binding) error {
	switch held, bound := m.bound[key]; {
	case bound && held == b:
		return nil
	case m.epoch[key] == 0:
		return lease.ErrUnbound
	default:
		return lease.ErrFenced
	}
}

func TestOwnersAgainstOracle(t *testing.T) {
	t.Parallel()
	const nodes, keys, steps = 3, 4, 1500
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		rng := rand.New(rand.NewPCG(1, 2))
		model := &ownership{boots: map[id.Node]id.Boot{}, bound: map[int64]lease.Binding{}, epoch: map[int64]uint64{}}
		leases := map[id.Node]*lease.Lease{}
		next := map[id.Node]id.Boot{}
		ctx := t.Context()
		owners := lease.NewOwners(s, "player")
		stop := func(node id.Node) {
			if err := leases[node].Stop(context.Background()); err != nil {
				t.Error(err)
			}
			delete(leases, node)
			delete(model.boots, node)
		}
		defer func() {
			for node := range leases {
				stop(node)
			}
		}()
		for step := range steps {
			node, key := id.Node(1+rng.IntN(nodes)), int64(rng.IntN(keys))
			b := lease.Binding{Node: node, Boot: max(1, next[node]-id.Boot(rng.IntN(2))), Epoch: max(1, model.epoch[key]+uint64(rng.IntN(3))-1)}
			switch op := rng.IntN(12); {
			case op == 0 && leases[node] == nil: // start, as a new boot
				next[node]++
				// The default TTL, so that nothing ends but what the test ends.
				leases[node] = lease.New(s, node, next[node], lease.Config{}, storetest.Log(t))
				if err := leases[node].Start(ctx); err != nil {
					t.Fatal(err)
				}
				model.boots[node] = next[node]
			case op == 1 && leases[node] != nil:
				stop(node)
			case op < 5:
				err := owners.Bind(ctx, key, b)
				if err != nil && !errors.Is(err, lease.ErrFenced) {
					t.Fatal(err)
				}
				if want := model.bind(key, b); (err == nil) != want {
					t.Fatalf("step %d: bind %d to %+v: %v, want bound %v", step, key, b, err, want)
				}
			case op == 5:
				if held, ok := model.bound[key]; ok && rng.IntN(2) == 0 {
					b = held
				}
				if err, want := owners.Confirm(ctx, key, b), model.confirm(key, b); !errors.Is(err, want) {
					t.Fatalf("step %d: confirm that %d is %+v's: %v, want %v", step, key, b, err, want)
				}
			case op < 7:
				if held, ok := model.bound[key]; ok && rng.IntN(2) == 0 {
					b = held
				}
				if err := owners.Unbind(ctx, key, b); err != nil {
					t.Fatal(err)
				}
				model.unbind(key, b)
			case op == 7:
				other := int64(keys - 1 - key)
				got, err := owners.Overtaken(ctx, map[int64]uint64{key: b.Epoch, other: b.Epoch})
				if got[key] != (model.epoch[key] > b.Epoch) || got[other] != (model.epoch[other] > b.Epoch) || err != nil {
					t.Fatalf("step %d: of %d and %d under epoch %d, overtaken are %v, %v; the newest are %d and %d",
						step, key, other, b.Epoch, got, err, model.epoch[key], model.epoch[other])
				}
			default:
				// New Owners know nothing of the past: what they remember of a lease is allowed to be a moment old.
				got, ok, err := lease.NewOwners(s, "player").Lookup(ctx, key)
				if want, bound := model.lookup(key); got != want || ok != bound || err != nil {
					t.Fatalf("step %d: lookup %d: %+v, %v, %v; want %+v, %v", step, key, got, ok, err, want, bound)
				}
			}
		}
	})
}

// TestBindAll binds more keys than go in one round trip, of which some are another's by now.
func TestBindAll(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		start(t, lease.New(s, 1, 1, lease.Config{}, storetest.Log(t)))
		owners := lease.NewOwners(s, "player")
		all := map[int64]lease.Binding{}
		for key := range int64(240) {
			all[key] = lease.Binding{Node: 1, Boot: 1, Epoch: 5}
			if key%100 == 0 {
				if err := owners.Bind(t.Context(), key, lease.Binding{Node: 2, Boot: 1, Epoch: 6}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 2 { // the second time nothing changes
			fenced, err := owners.BindAll(t.Context(), all)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Sort(fenced); !slices.Equal(fenced, []int64{0, 100, 200}) {
				t.Fatalf("fenced: %v", fenced)
			}
		}
		for _, key := range []int64{1, 99, 101, 239} {
			if got, ok, err := owners.Lookup(t.Context(), key); got != all[key] || !ok || err != nil {
				t.Errorf("Lookup(%d) = %+v, %v, %v", key, got, ok, err)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := owners.BindAll(ended, all); err == nil {
			t.Error("keys were bound without Redis")
		}
	})
}

// Many take one key, each with an epoch of its own: in the end it belongs to the newest, whatever the order.
func TestNewestEpochWins(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		db := cluster(t, s)
		start(t, lease.New(s, 1, 1, lease.Config{}, storetest.Log(t)))
		owners := lease.NewOwners(s, "player")
		var newest atomic.Uint64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 10 {
					epoch, err := lease.NextEpoch(t.Context(), db, "player 1")
					if err != nil {
						t.Error(err)
						return
					}
					for old := newest.Load(); epoch > old && !newest.CompareAndSwap(old, epoch); old = newest.Load() {
					}
					if err := owners.Bind(t.Context(), 1, lease.Binding{Node: 1, Boot: 1, Epoch: epoch}); err != nil && !errors.Is(err, lease.ErrFenced) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if newest.Load() != 80 {
			t.Errorf("newest epoch %d after 80: one was given twice", newest.Load())
		}
		if got, ok, err := owners.Lookup(t.Context(), 1); !ok || got.Epoch != 80 || err != nil {
			t.Errorf("Lookup = %+v, %v, %v", got, ok, err)
		}
	})
}

// What one has remembered of a node's lease does not hide that node's next boot.
func TestLookupAfterRestart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		owners := lease.NewOwners(s, "player")
		for boot := id.Boot(1); boot < 4; boot++ {
			l := newLease(t, s, 1, boot)
			start(t, l)
			b := lease.Binding{Node: 1, Boot: boot, Epoch: uint64(boot)}
			if err := owners.Bind(t.Context(), 1, b); err != nil {
				t.Fatal(err)
			}
			if got, ok, err := owners.Lookup(t.Context(), 1); got != b || !ok || err != nil {
				t.Errorf("Lookup = %+v, %v, %v, want %+v", got, ok, err, b)
			}
			if err := l.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	s := storetest.Embedded(b)
	l := lease.New(s, 1, 1, lease.Config{}, storetest.Log(b))
	if err := l.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Stop(context.Background()) }()
	owners := lease.NewOwners(s, "player")
	if err := owners.Bind(b.Context(), 1, lease.Binding{Node: 1, Boot: 1, Epoch: 1}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := owners.Lookup(b.Context(), 1); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
