package rpc

import (
	"context"
	"math/rand/v2"
	"testing"
)

// Random calls in few slots beside a plain map: a cancellation reaches the call of its number and no other, however late it comes, and a call that ends late does not hide its slot's next one.
func TestCancelSlotsAgainstAMap(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	owner := &callee{ctx: context.Background(), rpc: New(Config{})}
	slots := &cancelSlots{}
	last := map[uint64]uint64{}         // by slot
	latest := map[uint64]*callContext{} // by slot: what a cancellation can reach
	var all []*callContext              // that have not ended
	cut := map[*callContext]bool{}
	for range 20000 {
		slot := rng.Uint64N(4) * (cancelBlock/2 + 1)
		switch rng.IntN(4) {
		case 0:
			last[slot] += 1 << slotBits
			c := &callContext{from: owner, call: last[slot] | slot}
			slots.add(c)
			latest[slot] = c
			all = append(all, c)
		case 1:
			if len(all) > 0 {
				i := rng.IntN(len(all))
				c := all[i]
				all[i] = all[len(all)-1]
				all = all[:len(all)-1]
				slots.remove(c)
				if s := c.call & (maxSlots - 1); latest[s] == c {
					delete(latest, s)
				}
			}
		default:
			call := last[slot] - rng.Uint64N(2)<<slotBits | slot
			slots.cut(call)
			if c := latest[slot]; c != nil && c.call == call {
				cut[c] = true
			}
		}
		for _, c := range all {
			if (c.Err() != nil) != cut[c] {
				t.Fatalf("call %x is cut: %v, want %v", c.call, c.Err(), cut[c])
			}
		}
	}
	if len(cut) == 0 {
		t.Error("nothing was cut")
	}
}
