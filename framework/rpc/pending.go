package rpc

import (
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
)

// A pending is a call that waits for its end, in a slot of a table. Whoever takes it out of the table, and nobody else, completes it: fills it in and signals done. Then it is the
// caller's, until released.
type pending struct {
	call   atomic.Uint64 // its number while it waits; 0 when somebody has taken it
	expire atomic.Uint32 // the sweeper's tick at which it ends; 0: never

	done    chan struct{} // capacity 1
	body    []byte        // the reply, kept for reuse
	err     error         // why there is no reply
	refused bool          // it surely reached no handler
	ended   time.Duration // when the answer came, by the RPC's clock; 0: not noted

	in     *table
	number uint64   // of the slot's last call
	next   *pending // in the table's free list
}

func (w *pending) reply(body []byte, now time.Duration) {
	w.body, w.ended = append(w.body[:0], body...), now
	w.done <- struct{}{}
}

func (w *pending) fail(err error, refused bool) {
	w.err, w.refused = err, refused
	w.done <- struct{}{}
}

// A call's number is its slot in the table, in the low bits, and how often the slot was used before. A late reply to a call that has ended finds
// another use count and goes nowhere.
const slotBits = 16

const (
	firstSlots = 16      // of a table; it doubles when they are all in use
	keepReply  = 1 << 10 // the largest buffer for a reply that a slot keeps for its next call
)

// A table holds the calls that wait on one link. Callers take slots under its lock; whoever ends a call needs none, for slots stay where they are.
type table struct {
	max   int
	used  atomic.Int32
	slots atomic.Pointer[[]*pending] // grows under mu, by being replaced

	mu     sync.Mutex
	free   *pending // slots not in use; the last used is first, so that few are touched
	closed error
}

// add begins a call. It fails with code fault.Overloaded when the table is full, or with what it was closed for.
func (t *table) add(expire uint32) (*pending, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed != nil {
		return nil, t.closed
	}
	if t.free == nil && !t.grow() {
		return nil, fault.Errorf(fault.Overloaded, "%d calls are in flight on this link", t.max)
	}
	w := t.free
	t.free, w.next = w.next, nil
	t.used.Add(1)
	w.number += 1 << slotBits
	w.expire.Store(expire)
	w.call.Store(w.number)
	return w, nil
}

// grow makes more slots; false when there may be no more. With the lock held.
func (t *table) grow() bool {
	old := t.all()
	n := min(max(2*len(old), firstSlots), t.max)
	if n <= len(old) {
		return false
	}
	slots := make([]*pending, n)
	copy(slots, old)
	for i := n - 1; i >= len(old); i-- {
		slots[i] = &pending{done: make(chan struct{}, 1), in: t, number: uint64(i), next: t.free}
		t.free = slots[i]
	}
	t.slots.Store(&slots)
	return true
}

func (t *table) all() []*pending {
	if slots := t.slots.Load(); slots != nil {
		return *slots
	}
	return nil
}

// take removes a call; nil if it has ended.
func (t *table) take(call uint64) *pending {
	slots, i := t.all(), call&(maxSlots-1)
	if call == 0 || i >= uint64(len(slots)) || !slots[i].call.CompareAndSwap(call, 0) {
		return nil
	}
	return slots[i]
}

// release gives the slot of a call back that was taken; what came with it may not be used any more.
func (w *pending) release() {
	if cap(w.body) > keepReply {
		w.body = nil
	}
	w.err, w.refused = nil, false
	t := w.in
	t.mu.Lock()
	defer t.mu.Unlock()
	w.next, t.free = t.free, w
	t.used.Add(-1)
}

// expired ends every call whose time is over at the tick.
func (t *table) expired(tick uint32, err error) {
	for _, w := range t.all() {
		call := w.call.Load()
		if expire := w.expire.Load(); call != 0 && expire != 0 && int32(tick-expire) >= 0 && w.call.CompareAndSwap(call, 0) {
			w.fail(err, false)
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
	for _, w := range t.all() {
		if call := w.call.Load(); call != 0 && w.call.CompareAndSwap(call, 0) {
			w.fail(err, false)
		}
	}
}
