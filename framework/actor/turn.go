package actor

import (
	"reflect"
	"runtime/debug"

	"loumiao/framework/trace"
)

// A turn is what a worker needs while it serves an actor. It is used again for the worker's next actor.
type turn struct {
	cell  *cell
	state any
	ctx   *Context
	first envelope // in hand, if has is set
	has   bool
	batch *chunk // in hand after that; may be nil

	kind    *kind        // of the last actor
	message reflect.Type // of its last message
	route   *route       // to the handler of that
	shard   int          // of the route's counts
	handled uint64       // by this route and not yet counted
	seen    uint64       // messages since the turn was made
	now     int64        // coarse time when the batch was taken
	beat    int64        // of the clock when the last handler ended

	inHand  bool   // a message is being handled
	doing   string // what is being run when no message is in hand
	outcome outcome
	failure error
}

type outcome uint8

const (
	left     outcome = iota // no more work, or it is somebody else's
	finished                // stopping, and the queue is empty
	dead                    // doomed, or stopping before there was a state
	crashed                 // failure says why
)

// work has c served by the calling worker. The end is deferred because a handler may leave by runtime.Goexit.
func (c *cell) work(t *turn) {
	t.begin(c)
	defer t.end()
	t.serve()
}

// begin makes t a turn of c.
func (t *turn) begin(c *cell) {
	if t.ctx == nil {
		t.ctx = new(Context)
	}
	t.cell, t.ctx.cell = c, c
	if t.kind != c.kind {
		t.kind, t.message, t.route = c.kind, nil, nil
	}
	t.shard = int(c.number % statShards)
	t.beat = c.sys.clock.beats.Load()
	t.outcome, t.failure = crashed, errGoexit // unless it turns out otherwise
}

// serve handles messages until there are none, or until a panic.
func (t *turn) serve() {
	defer t.catch()
	for t.next() {
		if t.has {
			t.has = false
			t.handle(&t.first)
		}
		if b := t.batch; b != nil {
			for b.read < b.write {
				e := &b.envelopes[b.read]
				b.read++
				t.handle(e)
			}
		}
	}
}

// catch is the panic boundary.
func (t *turn) catch() {
	if v := recover(); v != nil {
		t.outcome = crashed
		t.failure = &PanicError{Actor: t.cell.label(), Message: t.subject(), Value: v, Stack: debug.Stack()}
	}
}

// subject says what the worker is doing.
func (t *turn) subject() string {
	switch {
	case !t.inHand:
		return t.doing
	case t.route.handler == nil:
		return typeName(t.message)
	}
	return t.route.name
}

// next takes what is to be handled next, and reports false when this worker is to leave. Before anything else it makes the
// actor's state, if that is not there yet.
func (t *turn) next() bool {
	c := t.cell
	t.settle()
	t.drop()
	t.now = c.sys.clock.coarse()
	c.mu.Lock()
	t.state = c.state
	for {
		switch {
		case c.hold != free:
			t.leave(left)
			return false
		case c.phase == doomed || !c.born && c.phase == stopping && c.depth == 0:
			t.leave(dead)
			return false
		case !c.born:
			if !t.birth() {
				return false
			}
		case t.take():
			if c.idleDue { // a message was faster than the worker that was to look
				c.idleDue = false
				c.idle.restart()
			}
			c.mu.Unlock()
			return true
		case c.idleDue:
			t.passivate()
		case c.phase == stopping:
			t.leave(finished)
			return false
		default:
			t.leave(left)
			return false
		}
	}
}

// birth makes the actor's state. The caller holds the cell's mu, and has it again if that went well.
func (t *turn) birth() bool {
	c := t.cell
	c.mu.Unlock()
	t.doing = "load"
	t.open(envelope{})
	state, err := c.load(t.ctx)
	t.close()
	if err != nil {
		t.outcome, t.failure = crashed, err
		return false
	}
	c.mu.Lock()
	c.state, c.born, c.limit = state, true, c.most
	t.state = state
	for n := 1; n < int(c.depth) && c.hire(); n++ {
		c.sys.crew(c).enqueue(c)
	}
	return true
}

// take puts queued messages in hand. The caller holds the cell's mu.
func (t *turn) take() bool {
	c := t.cell
	if c.most == 1 {
		t.has = c.queue.takeOne(&t.first)
		if t.batch = c.queue.take(); t.batch != nil {
			c.depth -= int32(t.batch.len())
		} else if !t.has {
			return false
		}
	} else if t.has = c.queue.pop(&t.first, &c.sys.chunks); !t.has {
		return false
	}
	if t.has {
		c.depth--
	}
	if c.rare != nil && c.rare.first != nil {
		c.admit()
	}
	return true
}

// drop gives a batch that has been handled back.
func (t *turn) drop() {
	if t.batch != nil {
		t.cell.sys.chunks.put(t.batch)
		t.batch = nil
	}
}

// leave ends the worker's part and unlocks the cell's mu. The last one out does what is to be done then; until it has, it still
// counts as a worker.
func (t *turn) leave(as outcome) {
	c := t.cell
	t.outcome = left
	switch {
	case c.workers > 1:
		c.workers--
	case as == left:
		c.workers--
		c.touched = t.now
		if c.hold == afterPause {
			c.rare.recovery.pause()
		}
	default:
		t.outcome = as
	}
	c.mu.Unlock()
}

// passivate decides whether the actor, which has been idle for long enough, stops. The caller holds the cell's mu and has it again
// afterwards.
func (t *turn) passivate() {
	c := t.cell
	c.idleDue = false
	if c.phase != open {
		return
	}
	if ask := c.kind.onIdle; ask != nil {
		c.mu.Unlock()
		t.doing = "idle hook"
		t.open(envelope{})
		agreed := ask(t.state, t.ctx)
		t.close()
		c.mu.Lock()
		if !agreed {
			c.idle.restart()
			return
		}
	}
	if c.depth > 0 { // it is not idle any more
		c.idle.restart()
	} else if c.phase == open {
		c.phase = stopping
	}
}

// end does what the outcome asks for.
func (t *turn) end() {
	c := t.cell
	t.settle()
	switch t.outcome {
	case finished:
		defer c.bury() // even if the hook leaves by runtime.Goexit
		t.farewell()
	case dead:
		c.bury()
	case crashed:
		t.ctx.span.End(t.failure)
		t.crash()
	}
	t.drop()
	t.ctx.cell, t.ctx.reply, t.ctx.span = nil, nil, trace.Span{}
	t.cell, t.state, t.failure = nil, nil, nil
}

// farewell runs the stop hook.
func (t *turn) farewell() {
	hook := t.cell.kind.onStop
	if hook == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			t.cell.kind.panics.Add(1)
			t.report(&PanicError{Actor: t.cell.label(), Message: "stop hook", Value: v, Stack: debug.Stack()})
			t.close()
		}
	}()
	t.open(envelope{})
	hook(t.state, t.ctx)
	t.close()
}
