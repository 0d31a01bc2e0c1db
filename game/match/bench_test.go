package match

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

func eachEngine(b *testing.B, bench func(b *testing.B, stores *store.Stores)) {
	b.Run("embedded", func(b *testing.B) { bench(b, storetest.Embedded(b)) })
	b.Run("real", func(b *testing.B) { bench(b, storetest.Real(b)) })
}

// BenchmarkJoin is tickets that come in, from many callers at once.
func BenchmarkJoin(b *testing.B) {
	eachEngine(b, func(b *testing.B, stores *store.Stores) {
		s := NewStore(stores)
		var n atomic.Int64
		b.SetParallelism(32)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := s.Join(b.Context(), arena, ticket(int(n.Add(1))), 0); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tickets/s")
	})
}

// BenchmarkWhole is tickets from their join to their match, with rooms and owners that answer at once.
func BenchmarkWhole(b *testing.B) {
	eachEngine(b, func(b *testing.B, stores *store.Stores) {
		cfg := Config{Modes: map[string]Mode{"arena": {}}}.WithDefaults()
		w := newWorld(b, 40)
		stats := newStats()
		s := NewStore(stores)
		log := slog.New(slog.DiscardHandler)
		m := &matcher{
			pool: arena, mode: cfg.Modes["arena"], cfg: cfg, self: "a", store: s, mesh: w, ids: id.NewGenerator(1, nil).Next,
			work: newAssigner(cfg, s, w, log, stats), log: log, stats: stats.pool(arena),
		}
		defer m.work.cut()
		const round = 4096
		var n atomic.Int64
		b.SetParallelism(32)
		b.ReportAllocs()
		for b.Loop() {
			var done atomic.Int64
			gate := make(chan struct{}, 64)
			for range 64 {
				gate <- struct{}{}
				go func() {
					defer func() { <-gate }()
					for range round / 64 {
						i := int(n.Add(1))
						t := Ticket{ID: api.TicketID(i), Player: api.PlayerID(i), Rating: 1500 + rand.Int32N(50)}
						if _, err := s.Join(b.Context(), arena, t, 0); err != nil {
							b.Error(err)
						}
						done.Add(1)
					}
				}()
			}
			for int64(w.told()) < n.Load() || done.Load() < round {
				if err := m.step(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		}
		m.work.running.Wait()
		b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "tickets/s")
	})
}

// timed notes how long each ticket has waited from its join until its owner was told.
type timed struct {
	mesh
	mu     sync.Mutex
	joined map[api.TicketID]time.Time
	waited []time.Duration
}

func (m *timed) join(t api.TicketID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.joined[t] = time.Now()
}

func (m *timed) told() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waited)
}

func (m *timed) Matched(ctx context.Context, match Match, t Ticket) error {
	err := m.mesh.Matched(ctx, match, t)
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.joined[t.ID]; ok && err == nil {
		m.waited = append(m.waited, time.Since(at))
		delete(m.joined, t.ID)
	}
	return err
}

// BenchmarkDeep is two nodes that run as they do in a cluster, over a pool of 100,000 tickets that fit nobody. In each operation, which lasts a second, so many more come, paced, each of which
// fits one other of them. Reported is how long these wait until their owner, who answers at once, is told. Only on a real Redis: the embedded one is a server for tests.
func BenchmarkDeep(b *testing.B) {
	for _, perSecond := range []int{2_000, 10_000} {
		b.Run(strconv.Itoa(perSecond), func(b *testing.B) { benchDeep(b, storetest.Real(b), 100_000, perSecond) })
	}
}

func benchDeep(b *testing.B, stores *store.Stores, deep, perSecond int) {
	const slots = 100
	cfg := Config{
		Modes:       map[string]Mode{"arena": {Players: 2, Window: 1, WidenPerSecond: 1, MaxWindow: 1, Starving: time.Hour}},
		TicketTTL:   time.Hour,
		Unattended:  time.Hour,
		Assignments: 4096,
	}.WithDefaults()
	w := &timed{mesh: newWorld(b, 40), joined: map[api.TicketID]time.Time{}}
	s := NewStore(stores)
	var n atomic.Int64
	join := func(rating int32) {
		id := n.Add(1)
		w.join(api.TicketID(id))
		if _, err := s.Join(b.Context(), arena, Ticket{ID: api.TicketID(id), Player: api.PlayerID(id), Rating: rating}, 0); err != nil {
			b.Error(err)
		}
	}
	var all sync.WaitGroup
	for part := range 64 {
		all.Go(func() {
			for i := part; i < deep; i += 64 {
				join(int32(10 * i))
			}
		})
	}
	all.Wait()
	clear(w.joined)
	for _, self := range []string{"a", "bb"} {
		open(b, stores, w, cfg, arena.Area, self)
	}
	join(-5)
	join(-5)
	until(b, "a node has read the pool", func() bool { return w.told() == 2 })
	w.waited = nil

	start := time.Now()
	rating, came := int32(-10), 0
	for b.Loop() {
		began := time.Now()
		for slot := range slots {
			time.Sleep(time.Until(began.Add(time.Duration(slot) * time.Second / slots)))
			for range perSecond / slots / 2 {
				rating -= 10
				r := rating
				all.Go(func() { join(r) })
				all.Go(func() { join(r) })
				came += 2
			}
		}
		time.Sleep(time.Until(began.Add(time.Second)))
		all.Wait()
	}
	until(b, "all are told", func() bool { return w.told() == came })
	took := time.Since(start) // until the last was told
	slices.Sort(w.waited)
	b.ReportMetric(float64(came)/took.Seconds(), "tickets/s")
	b.ReportMetric(float64(w.waited[len(w.waited)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(w.waited[len(w.waited)*99/100].Milliseconds()), "p99-ms")
}
