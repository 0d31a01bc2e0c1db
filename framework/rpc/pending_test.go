package rpc

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"loumiao/framework/fault"
)

// Random operations on a table beside a plain map: each call is ended exactly once, by whoever the map says.
func TestTableAgainstAMap(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		const limit = 8
		tab := &table{max: limit}
		type entry struct {
			w      *pending
			expire uint32
		}
		oracle := map[uint64]entry{}
		var gone []uint64
		now := ^uint32(0) - 20 // ticks wrap around
		for range 2000 {
			switch op := rng.IntN(10); {
			case op < 4:
				expire := uint32(0)
				if rng.IntN(2) == 0 {
					expire = max(1, now+uint32(rng.IntN(5)))
				}
				w, err := tab.add(expire)
				if full := len(oracle) == limit; full != (fault.CodeOf(err) == fault.Overloaded) {
					t.Fatalf("seed %d: add with %d of %d in use: %v", seed, len(oracle), limit, err)
				}
				if err != nil {
					continue
				}
				call := w.number
				if _, ok := oracle[call]; ok || call < 1<<slotBits || slices.Contains(gone, call) {
					t.Fatalf("seed %d: number %x given twice", seed, call)
				}
				oracle[call] = entry{w, expire}
			case op < 8:
				for call, e := range oracle {
					if got := tab.take(call); got != e.w {
						t.Fatalf("seed %d: take gave another call", seed)
					}
					e.w.release()
					delete(oracle, call)
					gone = append(gone, call)
					break
				}
			case op < 9:
				call := rng.Uint64N(1 << 20)
				if len(gone) > 0 {
					call = gone[rng.IntN(len(gone))]
				}
				if _, there := oracle[call]; !there && tab.take(call) != nil {
					t.Fatalf("seed %d: call %x ended twice", seed, call)
				}
			default:
				now++
				tab.expired(now, errTimeout)
				for call, e := range oracle {
					over := e.expire != 0 && int32(now-e.expire) >= 0
					if over != (len(e.w.done) == 1) {
						t.Fatalf("seed %d: tick %d, call that expires at %d: ended is %v", seed, now, e.expire, !over)
					}
					if over {
						<-e.w.done
						if e.w.err != errTimeout {
							t.Fatalf("seed %d: expired with %v", seed, e.w.err)
						}
						e.w.release()
						delete(oracle, call)
						gone = append(gone, call)
					}
				}
			}
			if int(tab.used.Load()) != len(oracle) {
				t.Fatalf("seed %d: %d in use, want %d", seed, tab.used.Load(), len(oracle))
			}
		}
		reason := errors.New("over")
		tab.close(reason)
		for _, e := range oracle {
			if len(e.w.done) != 1 || e.w.err != reason {
				t.Fatalf("seed %d: a call was not ended by close", seed)
			}
		}
		for _, e := range oracle {
			e.w.release()
		}
		if _, err := tab.add(0); err != reason || tab.used.Load() != 0 {
			t.Fatalf("seed %d: closed table: %v, %d in use", seed, err, tab.used.Load())
		}
	}
}

// Callers, answers and the clock race for the same calls: each ends once, and its slot is used again.
func TestTableUnderRaces(t *testing.T) {
	t.Parallel()
	tab := &table{max: 64}
	const callers, calls = 8, 2000
	numbers := make(chan uint64, callers)
	var answerers, running sync.WaitGroup
	for range 2 {
		answerers.Go(func() {
			for call := range numbers {
				if w := tab.take(call); w != nil {
					w.reply([]byte{byte(call >> slotBits)}, 0)
				}
				if w := tab.take(call); w != nil {
					t.Error("taken twice")
				}
			}
		})
	}
	for i := range callers {
		running.Go(func() {
			for n := range calls {
				w, err := tab.add(1)
				if err != nil {
					t.Error(err)
					return
				}
				call := w.number
				if n%3 == i%3 {
					tab.expired(1, errTimeout)
				}
				numbers <- call
				if n%5 == 0 && tab.take(call) != nil { // given up
					w.release()
					continue
				}
				<-w.done
				if w.err == nil && w.body[0] != byte(call>>slotBits) || w.err != nil && w.err != errTimeout {
					t.Errorf("call %x ended with %x, %v", call, w.body, w.err)
				}
				w.release()
			}
		})
	}
	running.Wait()
	close(numbers)
	answerers.Wait()
	if n := tab.used.Load(); n != 0 || len(tab.all()) > firstSlots {
		t.Errorf("%d in use of %d slots", n, len(tab.all()))
	}
}
