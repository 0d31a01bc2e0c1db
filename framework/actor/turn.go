package actor

import (
	"context"
	"log/slog"
	"reflect"
	"runtime"
	"runtime/debug"
	"time"

	"loumiao/framework/fault"
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

const (
	// fairShare is the number of messages after which a busy actor lets others run.
	fairShare = 256
	// sampleEvery is how many messages share one precise measurement of latency; a power of two.
	sampleEvery = 16
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

// handle runs the handler for one message and answers.
func (t *turn) handle(e *envelope) {
	msg := e.msg
	if tick, ok := msg.(*timer); ok {
		if msg, ok = tick.claim(); !ok {
			*e = envelope{}
			return
		}
	}
	t.open(*e)
	*e = envelope{}
	t.seen++
	if t.seen%fairShare == 0 {
		runtime.Gosched()
		t.beat = t.cell.sys.clock.beats.Load()
	}
	if message := reflect.TypeOf(msg); message != t.message {
		t.settle()
		t.message, t.route = message, t.kind.routes[message]
		if t.route == nil {
			t.route = t.kind.unknown
		}
	}
	t.inHand = true
	reply, err := t.invoke(msg)
	t.answer(reply, err)
	t.inHand = false
	t.close()
}

// invoke calls the handler and keeps the times.
func (t *turn) invoke(msg any) (reply any, err error) {
	if t.route.handler == nil {
		return nil, t.unhandled()
	}
	clock := t.cell.sys.clock
	if t.ctx.deadline != 0 && clock.coarse() > t.ctx.deadline {
		t.cell.kind.expired.Add(1)
		return nil, fault.Wrap(context.DeadlineExceeded, fault.Deadline, "still queued at its deadline")
	}
	t.handled++
	if t.seen%sampleEvery == 0 {
		start := clock.precise()
		reply, err = t.route.invoke(t.state, t.ctx, msg)
		t.route.shards[t.shard].latency.observe(clock.precise() - start)
	} else {
		reply, err = t.route.invoke(t.state, t.ctx, msg)
	}
	beat := clock.beats.Load()
	if took := beat - t.beat; took >= t.cell.sys.slow {
		t.cell.sys.report.log(aboutSlow, slog.LevelWarn, "slow handler", slog.String("actor", t.cell.label()),
			slog.String("message", t.route.name), slog.Duration("took", time.Duration(took)*clock.tick))
	}
	t.beat = beat
	return reply, err
}

// unhandled is the error for a message without a handler.
func (t *turn) unhandled() error {
	t.handled++
	return fault.Errorf(fault.Unimplemented, "actor %s has no handler for %s", t.cell.label(), typeName(t.message))
}

// answer passes the outcome to whoever asked; an error for nobody is logged.
func (t *turn) answer(reply any, err error) {
	if err != nil {
		t.route.shards[t.shard].failed.Add(1)
	}
	if t.ctx.deferred {
		return
	}
	if to := t.ctx.reply; to != nil {
		t.ctx.reply = nil
		to.Respond(reply, err)
	} else if err != nil {
		about := aboutError
		if t.route.handler == nil {
			about = aboutUnknown
		}
		t.cell.sys.report.log(about, slog.LevelError, "message failed", slog.String("actor", t.cell.label()),
			slog.String("message", t.subject()), slog.Any("error", err))
	}
}

// open makes the Context mean the given message.
func (t *turn) open(e envelope) {
	t.ctx.reply, t.ctx.deadline, t.ctx.deferred = e.reply, e.deadline, false
}

// close ends the Context's meaning. One that somebody may have kept is left to them.
func (t *turn) close() {
	if t.ctx.lent.Load() {
		t.ctx.release()
		t.ctx = &Context{cell: t.cell}
	}
}

// settle adds what was handled since the last time to the route's counts.
func (t *turn) settle() {
	if t.handled > 0 {
		t.route.shards[t.shard].handled.Add(t.handled)
		t.handled = 0
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
		t.crash()
	}
	t.drop()
	t.ctx.cell, t.ctx.reply = nil, nil
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
		}
	}()
	t.open(envelope{})
	hook(t.state, t.ctx)
	t.close()
}
