package rpc

import (
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
)

// A pending is a call that waits for its end. Whoever takes it out of the table, and nobody else, completes it: fills it in and signals done.
type pending struct {
	done    chan struct{} // capacity 1
	body    []byte        // the reply, kept for reuse
	err     error         // why there is no reply
	refused bool          // it surely reached no handler
	ended   time.Duration // when the answer came, by the RPC's clock; 0: not noted
}

func (w *pending) reply(body []byte, now time.Duration) {
	w.body, w.ended = append(w.body[:0], body...), now
	w.done <- struct{}{}
}

func (w *pending) fail(err error, refused bool) {
	w.err, w.refused = err, refused
	w.done <- struct{}{}
}

// keepBody is the largest reply buffer that is kept for reuse.
const keepBody = 64 << 10

func (r *RPC) acquire() *pending {
	if w, ok := r.pendings.Get().(*pending); ok {
		return w
	}
	return &pending{done: make(chan struct{}, 1)}
}

func (r *RPC) release(w *pending) {
	if cap(w.body) > keepBody {
		w.body = nil
	}
	w.err, w.refused = nil, false
	r.pendings.Put(w)
}

// A call's number is its slot in the table, in the low bits, and how often the slot was used before. A late reply to a call that has ended finds
// another use count and goes nowhere.
const slotBits = 16

// A table holds the calls that wait on one link.
type table struct {
	max  int
	used atomic.Int32

	mu     sync.Mutex
	slots  []slot
	free   []uint32 // slots not in use; the last used is on top, so that few are touched
	closed error
}

type slot struct {
	uses   uint64
	w      *pending
	expire uint32 // the sweeper's tick at which it ends; 0: never
}

// add gives w a number. It fails with code fault.Overloaded when the table is full, or with what it was closed for.
func (t *table) add(w *pending, expire uint32) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed != nil {
		return 0, t.closed
	}
	var i uint32
	switch n := len(t.free); {
	case n > 0:
		i, t.free = t.free[n-1], t.free[:n-1]
	case len(t.slots) < t.max:
		i, t.slots = uint32(len(t.slots)), append(t.slots, slot{})
	default:
		return 0, fault.Errorf(fault.Overloaded, "%d calls are in flight on this link", t.max)
	}
	s := &t.slots[i]
	s.uses++
	s.w, s.expire = w, expire
	t.used.Add(1)
	return s.uses<<slotBits | uint64(i), nil
}

// take removes a call; nil if it has ended.
func (t *table) take(call uint64) *pending {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := call & (maxSlots - 1)
	if i >= uint64(len(t.slots)) {
		return nil
	}
	s := &t.slots[i]
	if s.w == nil || s.uses != call>>slotBits {
		return nil
	}
	return t.remove(uint32(i))
}

func (t *table) remove(i uint32) *pending {
	s := &t.slots[i]
	w := s.w
	s.w = nil
	t.free = append(t.free, i)
	t.used.Add(-1)
	return w
}

// expired ends every call whose time is over at the tick.
func (t *table) expired(tick uint32, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.slots {
		if s := &t.slots[i]; s.w != nil && s.expire != 0 && int32(tick-s.expire) >= 0 {
			t.remove(uint32(i)).fail(err, false)
		}
	}
}

// closeEmpty is close if no call waits; false if one does.
func (t *table) closeEmpty(err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed == nil && t.used.Load() == 0 {
		t.closed = err
	}
	return t.closed != nil
}

// close ends every call, and refuses those to come.
func (t *table) close(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed != nil {
		return
	}
	t.closed = err
	for i := range t.slots {
		if t.slots[i].w != nil {
			t.remove(uint32(i)).fail(err, false)
		}
	}
}
