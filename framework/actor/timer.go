package actor

import (
	"sync/atomic"
	"time"
)

// A Timer is a message that an actor gets from itself later. It dies with the actor. The zero Timer is stopped.
type Timer struct {
	cell  *cell
	timer *timer
	use   uint32 // of the timer, which is recycled
}

// Stop prevents the message, or all further ones: when it is called on the actor's turn, none is handled after it returns. It
// reports whether there was one to prevent.
func (t Timer) Stop() bool {
	if t.cell == nil {
		return false
	}
	c := t.cell
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.timer.use.Load() != t.use || t.timer.gone {
		return false
	}
	c.unlink(t.timer)
	if c.sys.wheel(c).disarm(&t.timer.alarm) && !t.timer.queued {
		c.sys.retire(t.timer)
	}
	return true
}

// After has msg handled once, on the actor's turn, d from now or up to some milliseconds later. It finds room in a full mailbox.
// A stopping actor's timers do not fire any more.
func (c *Context) After(d time.Duration, msg any) Timer {
	return c.cell.schedule(d, 0, msg)
}

// Every has msg handled every d, on the actor's turn, for the first time d from now; at least a millisecond. The times do not
// drift. An actor that is late skips ticks: no more than one is queued at a time. msg is the same value each time.
func (c *Context) Every(d time.Duration, msg any) Timer {
	d = max(d, wheelTick)
	return c.cell.schedule(d, d, msg)
}

// A timer is one alarm of an actor. When it is due the timer itself is the queued message, which is the reason why a stopped one
// is not handled even though it was already queued. The cell's mu guards it. When neither the wheel nor a queue has it any more, it
// is recycled: use tells whether it is still the one that a Timer means.
type timer struct {
	use        atomic.Uint32
	alarm      alarm
	cell       *cell
	msg        any
	due        int64
	period     int64 // 0: once
	next, prev *timer
	queued     bool
	gone       bool // stopped, or handled for the last time
}

func (c *cell) schedule(after, period time.Duration, msg any) Timer {
	due := c.sys.clock.precise() + int64(after)
	t, _ := c.sys.timers.Get().(*timer)
	if t == nil {
		t = new(timer)
	}
	t.cell, t.msg, t.due, t.period = c, msg, due, int64(period)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != open || !c.sys.wheel(c).arm(&t.alarm, due, t) {
		c.sys.retire(t)
		return Timer{}
	}
	m := c.more()
	if t.next = m.timers; t.next != nil {
		t.next.prev = t
	}
	m.timers = t
	return Timer{c, t, t.use.Load()}
}

// retire recycles a timer that its cell has unlinked. The caller holds the cell's mu.
func (s *System) retire(t *timer) {
	t.use.Add(1)
	t.cell, t.msg, t.queued, t.gone = nil, nil, false, false
	s.timers.Put(t)
}

// unlink forgets t. The caller holds mu.
func (c *cell) unlink(t *timer) {
	t.gone = true
	if t.next != nil {
		t.next.prev = t.prev
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		c.rare.timers = t.next
	}
	t.next, t.prev = nil, nil
}

// expire queues the tick, on the wheel's goroutine.
func (t *timer) expire() {
	c := t.cell
	c.mu.Lock()
	if t.gone || c.phase != open {
		c.mu.Unlock()
		return
	}
	start := false
	if !t.queued {
		t.queued = true
		start = c.accept(envelope{msg: t})
	}
	if t.period > 0 {
		now := c.sys.clock.precise()
		if t.due += t.period; t.due <= now {
			t.due += (now - t.due) / t.period * t.period
			if t.due <= now {
				t.due += t.period
			}
		}
		c.sys.wheel(c).arm(&t.alarm, t.due, t)
	}
	c.mu.Unlock()
	if start {
		c.sys.crew(c).enqueue(c)
	}
}

// claim takes t's tick off the queue, on the actor's turn. It returns the message, and false if there is none to handle.
func (t *timer) claim() (msg any, ok bool) {
	c := t.cell
	c.mu.Lock()
	defer c.mu.Unlock()
	t.queued = false
	msg, ok = t.msg, !t.gone
	if ok && t.period == 0 {
		c.unlink(t)
		c.sys.retire(t) // it has left the wheel, and now the queue
	}
	return msg, ok
}

// An idle watches for an actor of a pool to have had nothing to do for a while. It does not follow each message: the alarm
// looks at the time of the last one, and comes again when the rest of the while is over. The cell's mu guards it.
type idle struct {
	alarm alarm
	cell  *cell
	after time.Duration
}

// watch begins to watch a new cell.
func (c *cell) watch(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = &idle{cell: c, after: after}
	c.idle.restart()
}

// restart waits for another whole while. The caller holds the cell's mu; the alarm is not armed.
func (i *idle) restart() { i.arm(i.cell.sys.clock.precise()) }

func (i *idle) arm(since int64) {
	i.cell.sys.wheel(i.cell).arm(&i.alarm, since+int64(i.after), i)
}

func (i *idle) expire() {
	c := i.cell
	c.mu.Lock()
	start := false
	now := c.sys.clock.precise()
	switch {
	case c.phase != open:
	case c.workers > 0 || c.depth > 0:
		i.arm(now)
	case now-c.touched < int64(i.after):
		i.arm(c.touched)
	default:
		c.idleDue = true
		start = c.hire()
	}
	c.mu.Unlock()
	if start {
		c.sys.crew(c).enqueue(c)
	}
}

// disarm stops everything that might still come from the wheel. The caller holds mu.
func (c *cell) disarm() {
	w := c.sys.wheel(c)
	if c.idle != nil {
		w.disarm(&c.idle.alarm)
	}
	m := c.rare
	if m == nil {
		return
	}
	if m.recovery != nil {
		w.disarm(&m.recovery.alarm)
	}
	for t := m.timers; t != nil; {
		w.disarm(&t.alarm)
		next := t.next
		t.gone, t.next, t.prev = true, nil, nil
		t = next
	}
	m.timers = nil
}
