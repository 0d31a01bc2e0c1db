package match

import (
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"

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
				if _, err := s.Join(b.Context(), arena, ticket(int(n.Add(1)))); err != nil {
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
						if _, err := s.Join(b.Context(), arena, t); err != nil {
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
