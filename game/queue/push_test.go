package queue

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/link/linktest"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// A reader counts what he is told.
type reader struct{ told *int }

func (r reader) Push(proto.Message) error {
	*r.told++
	return nil
}

// TestUpdatesAreSpread has more players wait than may be told in time, in two lanes, of whom some are let in and others come. No tick tells more than it may, and
// everybody is told again as soon as that allows.
func TestUpdatesAreSpread(t *testing.T) {
	t.Parallel()
	cfg := Config{Tick: 100 * time.Millisecond, UpdateEvery: 400 * time.Millisecond, UpdateRate: 300}.WithDefaults()
	d := newDesk(0, cfg, func() bool { return true }, nil, newStats())
	const most = 30 // of UpdateRate, in a tick
	now, next := time.Now(), api.PlayerID(0)
	orders := map[string][]api.PlayerID{}
	told, silent := map[api.PlayerID]*int{}, map[api.PlayerID]int{}
	join := func(lane string, n int) {
		for range n {
			next++
			told[next] = new(int)
			orders[lane] = append(orders[lane], next)
			d.guests[next] = &guest{player: next, area: area, lane: lane, client: reader{told[next]}, waiting: true, number: int64(next)}
		}
	}
	join("standard", 300)
	join("priority", 60)
	total := 0
	for n := range 400 {
		if n%4 == 0 {
			for lane, order := range orders {
				for range rand.IntN(4) {
					d.remove(order[0]) // let in
					delete(silent, order[0])
					order = order[1:]
				}
				orders[lane] = order
				join(lane, rand.IntN(4))
				d.ordered(&ordered{lineID{area, lane}, orders[lane]})
			}
		}
		before := map[api.PlayerID]int{}
		for p, n := range told {
			before[p] = *n
		}
		d.tick(&tick{now})
		sum := 0
		for _, order := range orders {
			for _, p := range order {
				switch got := *told[p] - before[p]; {
				case got > 1:
					t.Fatalf("tick %d: player %v is told %d times", n, p, got)
				case got == 1:
					silent[p], sum = 0, sum+1
				default:
					// All are told in 13 ticks if nobody is in the way; a lane waits for the order to be read, and goes short when the other is first.
					if silent[p]++; silent[p] > 2*13 {
						t.Fatalf("tick %d: player %v has been told nothing for %d ticks", n, p, silent[p])
					}
				}
			}
		}
		if sum > most {
			t.Fatalf("tick %d: %d are told", n, sum)
		}
		total += sum
	}
	if total < 400*most/2 {
		t.Errorf("only %d updates in 400 ticks", total)
	}
}

// TestFewAreToldSeldom has one player wait: he is told once each time that the order is read, and not at each tick.
func TestFewAreToldSeldom(t *testing.T) {
	t.Parallel()
	d := newDesk(0, Config{}.WithDefaults(), func() bool { return true }, nil, newStats())
	n := 0
	d.guests[1] = &guest{player: 1, area: area, lane: standard.lane, client: reader{&n}, waiting: true, number: 1}
	for range 5 {
		d.ordered(&ordered{standard, []api.PlayerID{1}})
		for range d.parts {
			d.tick(&tick{time.Now()})
		}
	}
	if n != 5 {
		t.Errorf("told %d times", n)
	}
}

// behind is stores whose Redis can be cut off.
type behind struct {
	*store.Stores
	client redis.UniversalClient
}

func (b behind) Redis() redis.UniversalClient { return b.client }

// TestRedisAway cuts Redis off: nobody is let in although there is room, who asks is told so, and when it is back everybody stands where he stood, also one who was
// away meanwhile.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	stores := storetest.Embedded(t)
	way := linktest.NewProxy(t, stores.RedisAddr())
	client := redis.NewClient(&redis.Options{Addr: way.Addr(), MaxRetries: -1, DialTimeout: 5 * time.Second})
	t.Cleanup(func() { _ = client.Close() })
	o := openOn(t, behind{stores, client}, quick(1), 1)
	next[*pb.QueueStatus](t, o.enter(1))
	var line []*visitor
	for p := range 4 {
		v := o.enter(api.PlayerID(2 + p))
		next[*pb.QueueStatus](t, v)
		line = append(line, v)
	}
	way.Refuse()
	way.Cut()
	if err := next[error](t, o.enter(9)); fault.CodeOf(err) != fault.Unavailable {
		t.Fatalf("while Redis is away one is told %v", err)
	}
	direct := NewStore(stores, quick(1))
	if r := direct.Apply(t.Context(), newest, []Op{{Leave, area, 1, ""}})[0]; r.Err != nil { // there is room now
		t.Fatal(r.Err)
	}
	o.gone(line[1])
	for range 5 { // time and again: each waits until the clerk has tried
		if err := next[error](t, o.enter(3)); fault.CodeOf(err) != fault.Unavailable {
			t.Fatalf("while Redis is away one who comes back is told %v", err)
		}
	}
	for _, v := range line {
		for len(v.got) > 0 {
			if m, ok := (<-v.got).(*pb.Admitted); ok {
				t.Fatalf("player %v is let in while Redis is away: %v", v.player, m)
			}
		}
	}
	way.Heal()
	next[*pb.Admitted](t, line[0])
	again := o.enter(3)
	for _, isErr := (<-again.got).(error); isErr; _, isErr = (<-again.got).(error) {
		again = o.enter(3) // the connections are being made again
	}
	order, err := direct.Order(t.Context(), area, standard.lane)
	if err != nil {
		t.Fatal(err)
	}
	wantPlayers(t, "order", order, 3, 4, 5)
	updated(t, line[3], 3)
}
