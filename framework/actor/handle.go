package actor

import (
	"context"
	"log/slog"
	"reflect"
	"runtime"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/trace"
)

const (
	// fairShare is the number of messages after which a busy actor lets others run.
	fairShare = 256
	// sampleStep spreads the measured messages, one in sixteen: multiples of it, modulo 2^32, are spread evenly also where every n-th is looked at
	// (Weyl's sequence of the golden ratio), so that types of messages that take turns are all measured.
	sampleStep  = 0x9e3779b1
	sampleBelow = 1 << 32 / 16
)

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
	if t.cell.sys.cfg.Traced {
		t.trace()
	}
	reply, err := t.invoke(msg)
	t.ctx.span.End(err)
	t.answer(reply, err)
	t.inHand = false
	t.close()
}

// trace gives the handler a span within that of whoever gets its answer.
func (t *turn) trace() {
	if from, ok := t.ctx.reply.(trace.Carrier); ok {
		if t.ctx.span = from.Span().Child(trace.Internal, t.route.name); !t.ctx.span.IsZero() {
			t.ctx.span.Set("actor", t.cell.label())
		}
	}
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
	if uint32(t.seen)*sampleStep < sampleBelow {
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
	t.ctx.reply, t.ctx.deadline, t.ctx.deferred, t.ctx.span = e.reply, e.deadline, false, trace.Span{}
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
