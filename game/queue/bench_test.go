package queue

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/pb"
)

func eachEngine(b *testing.B, bench func(b *testing.B, stores *store.Stores)) {
	b.Run("embedded", func(b *testing.B) { bench(b, storetest.Embedded(b)) })
	b.Run("real", func(b *testing.B) { bench(b, storetest.Real(b)) })
}

// BenchmarkEnter is players who join a full area's queue, in batches as the clerk sends them.
func BenchmarkEnter(b *testing.B) {
	eachEngine(b, func(b *testing.B, stores *store.Stores) {
		s := NewStore(stores, Config{Capacity: 1})
		if err := s.Open(b.Context(), area, 1, false); err != nil {
			b.Fatal(err)
		}
		n := 0
		const batch = 64
		ops := make([]Op, batch)
		b.ReportAllocs()
		for b.Loop() {
			for i := range ops {
				n++
				ops[i] = Op{Enter, area, api.PlayerID(n), ""}
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

// counted is where the desk's answers go.
type counted struct {
	b    *testing.B
	left *sync.WaitGroup
}

func (c counted) Respond(m any, err error) {
	if s, ok := m.(*pb.QueueStatus); err != nil || !ok || s.GetPosition() == 0 {
		c.b.Errorf("answered %v, %v", m, err)
	}
	c.left.Done()
}

// BenchmarkDesk is players who line up behind 100,000 others, by way of the desk and its clerk, who tell those others meanwhile where they stand.
func BenchmarkDesk(b *testing.B) {
	eachEngine(b, func(b *testing.B, stores *store.Stores) {
		const many, batch = 100_000, 2000
		cfg := Config{Capacity: 1}.WithDefaults()
		o := open(b, stores, cfg, 1)
		if r := o.store.Report(b.Context(), area, worldA, []api.PlayerID{1 << 61}, nil); r != nil {
			b.Fatal(r)
		}
		n := 0
		join := func(players int) {
			var left sync.WaitGroup
			for range players {
				n++
				player := api.PlayerID(1<<60 + n)
				left.Add(1)
				o.mu.Lock()
				err := o.desk.enter(deaf{}, player, area, []string{"standard", "priority"}[n%2], counted{b, &left})
				o.mu.Unlock()
				if err != nil {
					b.Fatal(err)
				}
			}
			left.Wait()
		}
		for range many / batch {
			join(batch)
		}
		b.ReportAllocs()
		for b.Loop() {
			join(batch)
		}
		b.ReportMetric(float64(n-many)/b.Elapsed().Seconds(), "entries/s")
		b.ReportMetric(float64(n), "waiting")
	})
}

// deaf is a client that is sent nothing over any wire.
type deaf struct{}

func (deaf) Push(proto.Message) error { return nil }

// BenchmarkRefresh reads the order of 100,000 who wait and tells each his position.
func BenchmarkRefresh(b *testing.B) {
	eachEngine(b, func(b *testing.B, stores *store.Stores) {
		const many = 100_000
		cfg := Config{UpdateRate: many}.WithDefaults()
		s := NewStore(stores, cfg)
		d := newDesk(0, cfg, func() bool { return true }, nil, newStats())
		all := make([]redis.Z, many)
		for i := range all {
			player := api.PlayerID(1<<60 + i)
			all[i] = redis.Z{Score: float64(1 + i), Member: int64(player)}
			d.guests[player] = &guest{player: player, area: area, lane: standard.lane, number: int64(1 + i), client: deaf{}, waiting: true}
		}
		for page := range slices.Chunk(all, 5000) {
			if err := s.client.ZAdd(b.Context(), s.waiting(area, "standard"), page...).Err(); err != nil {
				b.Fatal(err)
			}
		}
		d.line(standard).pace.add(1, time.Now())
		b.ReportAllocs()
		for b.Loop() {
			order, err := s.Order(b.Context(), area, "standard")
			if err != nil {
				b.Fatal(err)
			}
			d.ordered(&ordered{standard, order})
			for range d.parts {
				d.tick(&tick{time.Now()})
			}
			if l := d.line(standard); l.next != many {
				b.Fatalf("%d were told", l.next)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/waiter")
	})
}
