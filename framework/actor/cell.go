package actor

import (
	"log/slog"
	"strconv"
	"sync"
)

// A cell is one actor. There may be millions, so it is small: what few actors have is behind the rare pointer, and while
// nothing is queued there is neither goroutine nor buffer.
//
// Its life:
//
//	open ──stop()──► stopping ──queue empty, stop hook──► stopped
//	  └────panic, failed load──► (queue answered) ────────►┘
//
// Workers are the goroutines that run its turn: at most one unless the actor is concurrent. The last one out when the cell
// is stopping buries it.
type cell struct {
	// What a message passes stands together, on the first two cache lines.
	sys      *System
	kind     *kind
	number   uint64 // unique in the system
	mu       sync.Mutex
	depth    int32 // queued envelopes
	capacity int32
	workers  int16
	limit    int16 // workers at once; 1 until the state is there
	most     int16 // limit from then on
	phase    phase
	hold     hold
	queue    queue
	line     *cell // the crew's: who is next in line
	awaited  int16 // the crew's: workers that are to come
	born     bool  // the state is there
	idleDue  bool  // the next worker is to see whether the actor may be passivated
	state    any   // *S
	touched  int64 // when it last had work

	rare       *rare
	idle       *idle  // when a pool passivates
	origin     origin // a pool's seat; nil for what Spawn made
	name       string // given to Spawn; empty for the others
	next, prev *cell  // the roster's
}

type phase uint8

const (
	open phase = iota
	stopping
	doomed // stopping, but what is queued will not be handled
	stopped
)

// hold keeps workers from starting, whatever is queued.
type hold uint8

const (
	free       hold = iota
	afterOther      // until the actor that had this key before has stopped
	afterPause      // until the pause before a restart is over
)

// rare is what most actors do without. The cell's mu guards it.
type rare struct {
	done       chan struct{} // made when somebody wants to know
	first, end *waiter       // TellWait, oldest first
	timers     *timer
	heir       *cell // the pool's next actor for the same key, held until this one has stopped
	recovery   *recovery
	cause      error  // of its end: what is still queued is answered with it; nil is ErrStopped
	after      func() // runs when the cell is buried
}

// An origin knows where a cell comes from when that is not Spawn.
type origin interface {
	load(ctx *Context) (state any, err error)
	label() string
	forget()
}

// more returns the cell's rare part. The caller holds mu.
func (c *cell) more() *rare {
	if c.rare == nil {
		c.rare = new(rare)
	}
	return c.rare
}

func (c *cell) label() string {
	switch {
	case c.origin != nil:
		return c.origin.label()
	case c.name != "":
		return c.name
	}
	return c.kind.name + "#" + strconv.FormatUint(c.number, 10)
}

// push queues e, and starts a worker if there should be one more.
func (c *cell) push(e envelope) error {
	c.mu.Lock()
	if c.phase != open {
		c.mu.Unlock()
		return ErrStopped
	}
	if c.depth >= c.capacity {
		c.mu.Unlock()
		c.kind.rejected.Add(1)
		return ErrMailboxFull
	}
	start := c.accept(e)
	c.mu.Unlock()
	if start {
		c.sys.crew(c).enqueue(c)
	}
	return nil
}

// accept queues e and reports whether the caller has to start a worker, once it has let go of mu.
func (c *cell) accept(e envelope) (start bool) {
	c.queue.push(e, &c.sys.chunks)
	c.depth++
	return c.hire()
}

// hire counts one more worker if there is a place for one. The caller holds mu, and starts it.
func (c *cell) hire() bool {
	if c.workers >= c.limit || c.hold != free || c.phase == stopped {
		return false
	}
	c.workers++
	return true
}

// stop begins a graceful stop.
func (c *cell) stop() {
	c.mu.Lock()
	if c.phase != open {
		c.mu.Unlock()
		return
	}
	c.phase = stopping
	if c.hold == afterPause && c.workers == 0 {
		c.hold = free // what is queued is worth no more delay
	}
	waiters := c.waiters()
	start := c.workers == 0 && c.hire()
	c.mu.Unlock()
	refuse(waiters)
	if start {
		c.sys.crew(c).enqueue(c)
	}
}

// release lets the workers of a held cell start. A cell whose state is not there yet gets one in any case, to load it.
func (c *cell) release(h hold) {
	c.mu.Lock()
	start := false
	if c.hold == h {
		c.hold = free
		start = (c.depth > 0 || c.phase == stopping || !c.born) && c.hire()
	}
	c.mu.Unlock()
	if start {
		c.sys.crew(c).enqueue(c)
	}
}

// bequeath has heir released when c is buried, and reports false if it is already.
func (c *cell) bequeath(heir *cell) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == stopped {
		return false
	}
	c.more().heir = heir
	return true
}

// bury ends the cell. The caller is its last worker. What is still queued is answered with an error.
func (c *cell) bury() {
	c.mu.Lock()
	c.phase = stopped
	rest := c.queue
	c.queue, c.depth = queue{}, 0
	waiters := c.waiters()
	m := c.more()
	heir := m.heir
	m.heir = nil
	c.disarm()
	cause, after := m.cause, m.after
	c.mu.Unlock()

	refuse(waiters)
	if cause == nil {
		cause = ErrStopped
	}
	c.fail(rest, cause)
	if c.origin != nil {
		c.origin.forget()
	}
	c.sys.roster.remove(c)

	c.mu.Lock()
	c.state, c.workers = nil, 0
	if m.done == nil {
		m.done = make(chan struct{})
	}
	c.mu.Unlock()
	close(m.done)
	if heir != nil {
		heir.release(afterOther)
	}
	if after != nil {
		after()
	}
}

// fail answers every envelope of q with err, and reports those that nobody waits for.
func (c *cell) fail(q queue, err error) {
	lost := 0
	for e := (envelope{}); q.pop(&e, &c.sys.chunks); {
		if _, tick := e.msg.(*timer); tick {
			continue
		}
		c.kind.dropped.Add(1)
		if e.reply != nil {
			e.reply.Respond(nil, err)
		} else {
			lost++
		}
	}
	if lost > 0 {
		c.sys.report.log(aboutDropped, slog.LevelError, "actor stopped with messages in its mailbox",
			slog.String("actor", c.label()), slog.Int("messages", lost), slog.Any("error", err))
	}
}

// done is a channel that is closed once the cell is buried.
func (c *cell) done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.more()
	if m.done == nil {
		m.done = make(chan struct{})
	}
	return m.done
}

// running reports whether the cell takes messages.
func (c *cell) running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.phase == open
}
