package queue

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

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
			for _, r := range s.Apply(b.Context(), 1, ops) {
				if r.Err != nil {
					b.Fatal(r.Err)
				}
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
	})
}

// deaf is a client that is sent nothing over any wire.
type deaf struct{}

func (deaf) Push(proto.Message) error { return nil }

// BenchmarkRefresh reads the order of 100,000 who wait and tells each his position.
func BenchmarkRefresh(b *testing.B) {
	eachEngine(b, func(b *testing.B, stores *store.Stores) {
		const many = 100_000
		cfg := Config{}.WithDefaults()
		s := NewStore(stores, cfg)
		d := newDesk(0, cfg, func() bool { return true }, nil, newStats())
		all := make([]redis.Z, many)
		for i := range all {
			player := api.PlayerID(1<<60 + i)
			all[i] = redis.Z{Score: float64(1 + i), Member: int64(player)}
			d.guests[player] = &guest{player: player, area: area, client: deaf{}, waiting: true}
		}
		for page := range slices.Chunk(all, 5000) {
			if err := s.client.ZAdd(b.Context(), s.at(area, "waiting"), page...).Err(); err != nil {
				b.Fatal(err)
			}
		}
		d.line(area).pace.add(1, time.Now())
		b.ReportAllocs()
		for b.Loop() {
			order, err := s.Order(b.Context(), area)
			if err != nil {
				b.Fatal(err)
			}
			d.ordered(&ordered{area, order})
			for range d.parts {
				d.tick(&tick{time.Now()})
			}
			if l := d.line(area); l.next != many {
				b.Fatalf("%d were told", l.next)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/waiter")
	})
}
