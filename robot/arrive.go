package robot

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

// version is what robots say that they are.
const version = "1.0.0"

// Types of node that streams lead to.
const (
	worldType = "world"
	queueType = "queue"
)

// connect logs in and comes to a gate.
func (r *robot) connect(ctx context.Context) error {
	ticket, err := r.entrance.logIn(ctx)
	if err != nil {
		return err
	}
	r.player, r.token = ticket.Player, ticket.Token
	r.tokenEnds = time.Now().Add(time.Duration(ticket.ExpiresIn) * time.Second)
	r.reach(loggedIn)
	r.pushes = make(chan proto.Message, inbox)
	r.worldGone = false
	r.ticket = 0 // what is heard of it now may as well be of a later one
	conn, err := timed(r.tally, ctx, "connect", func(ctx context.Context) (*client.Conn, error) {
		addr, err := r.entrance.choose(ticket.Gates, r.misses)
		if err != nil {
			return nil, err
		}
		return client.Dial(ctx, addr, client.Options{
			Registry: r.cfg.Registry, Token: ticket.Token, Version: version, JSON: r.chance(r.cfg.JSON), OnPush: r.receiver(),
			Reconnect: r.entrance.again, OnResume: r.entrance.resumed,
		})
	})
	if err != nil {
		return err
	}
	r.conn = conn
	return nil
}

// receiver takes pushes on the connection's goroutine. When the robot lags behind, what may be lost is; anything else is an error.
func (r *robot) receiver() func(proto.Message) {
	pushes, registry, tally := r.pushes, r.cfg.Registry, r.tally
	return func(m proto.Message) {
		select {
		case pushes <- m:
		default:
			if msg, ok := registry.ForType(m); !ok || !msg.Droppable() {
				tally.wait("push", 0, fault.Errorf(fault.Slow, "the robot is %d messages behind and misses one", inbox))
			}
		}
	}
}

// queue waits to be let in, and returns the pass.
func (r *robot) queue(ctx, playing context.Context) (string, error) {
	until := r.patience(ctx, playing)
	for {
		status, err := ask[*pb.QueueStatus](r, ctx, "queue.enter", &pb.EnterQueue{})
		if err != nil {
			return "", err
		}
		r.reach(queued)
		r.note("queue", nil)
		if status.GetPass() != "" {
			return status.GetPass(), nil
		}
		began := time.Now()
		pass, err := r.awaitTurn(until)
		if errors.Is(err, errTimeUp) {
			return "", err
		}
		r.tally.wait("queue.wait", time.Since(began), err)
		if !errors.Is(err, errQueueGone) {
			return pass, err
		}
		if !sleep(until, around(r.rand, firstPause)) {
			return "", errTimeUp
		}
	}
}

// errQueueGone says that the queue's node is gone. It knows everybody's place, so asking again is all that there is to do.
var errQueueGone = fault.New(fault.Lost, "the queue is gone")

func (r *robot) awaitTurn(until context.Context) (string, error) {
	deadline := time.Now().Add(queueTimeout)
	for {
		m, err := r.next(until, time.Until(deadline))
		switch m := m.(type) {
		case *pb.Admitted:
			return m.GetPass(), nil
		case *wirepb.Reset:
			if err == nil && r.conn.TypeOf(m) == queueType {
				return "", errQueueGone
			}
		}
		if err != nil {
			return "", err
		}
	}
}

// enter enters the world, and goes back to a match that is still on.
func (r *robot) enter(ctx context.Context, pass string) error {
	reply, err := ask[*pb.EnterWorldReply](r, ctx, "world.enter", &pb.EnterWorld{Pass: pass})
	if err != nil {
		return err
	}
	if !r.due.IsZero() && r.furthest < inWorld {
		r.tally.corrected(visitEntered, time.Since(r.due))
	}
	r.reach(inWorld)
	r.note("enter", nil)
	r.entered, r.worldGone = true, false
	r.playing, r.greeted, r.heard = nil, 0, nil // what the server has forgotten of greetings was not saved yet
	if ticket := reply.GetTicket(); ticket != 0 {
		r.seeking, r.ticket = true, ticket // also one of an earlier run with this seed
	}
	if found := reply.GetMatch(); found != nil {
		r.found(found)
	}
	return nil
}

// ask is a request that is counted.
func ask[R proto.Message](r *robot, ctx context.Context, name string, m proto.Message) (R, error) {
	return timed(r.tally, ctx, name, func(ctx context.Context) (R, error) { return client.Request[R](ctx, r.conn, m) })
}

// timed does something, bounded in time, and counts it.
func timed[R any](t *tally, ctx context.Context, name string, do func(context.Context) (R, error)) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	began := time.Now()
	reply, err := do(ctx)
	t.request(name, time.Since(began), err)
	return reply, err
}
