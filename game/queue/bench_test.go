package queue

import (
	"testing"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

func eachEngine(b *testing.B, bench func(b *testing.B, stores *store.Stores)) {
	b.Run("embedded", func(b *testing.B) { bench(b, storetest.Embedded(b)) })
	b.Run("real", func(b *testing.B) { bench(b, storetest.Real(b)) })
}

// BenchmarkEnter is players who join a full area's queue, in batches as the clerk sends them.
func BenchmarkEnter(b *testing.B) {
	eachEngine(b, func(b *testing.B, stores *store.Stores) {
		s := NewStore(stores, Config{Capacity: 1})
		n := 0
		const batch = 64
		ops := make([]Op, batch)
		b.ReportAllocs()
		for b.Loop() {
			for i := range ops {
				n++
				ops[i] = Op{Enter, area, api.PlayerID(n)}
			}
			for _, r := range s.Apply(b.Context(), ops) {
				if r.Err != nil {
					b.Fatal(r.Err)
				}
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
	})
}
