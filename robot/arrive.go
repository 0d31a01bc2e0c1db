package robot

import (
	"context"
	"errors"
	"fmt"
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
	ticket, err := r.logIn(ctx)
	if err != nil {
		return err
	}
	r.refresh, r.player = ticket.Refresh, ticket.Player
	r.reach(loggedIn)
	r.pushes = make(chan proto.Message, inbox)
	r.worldGone = false
	conn, err := timed(r, ctx, "connect", func(ctx context.Context) (*client.Conn, error) {
		addr, err := r.address(ticket.Gates)
		if err != nil {
			return nil, err
		}
		return client.Dial(ctx, addr, client.Options{
			Registry: r.cfg.Registry, Token: ticket.Token, Version: version, JSON: r.chance(r.cfg.JSON), OnPush: r.receiver(),
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

// logIn is one of the ways that players have: most are guests, some have a password, and who was here before may come with a refresh token.
func (r *robot) logIn(ctx context.Context) (*client.Ticket, error) {
	if r.refresh != "" && r.chance(0.5) {
		refresh := r.refresh
		r.refresh = ""
		return timed(r, ctx, "login.refresh", func(ctx context.Context) (*client.Ticket, error) { return r.login.Refresh(ctx, refresh) })
	}
	if r.number%4 != 3 {
		return timed(r, ctx, "login.guest", func(ctx context.Context) (*client.Ticket, error) {
			return r.login.Guest(ctx, fmt.Sprintf("robot-device-%d-%d", r.cfg.Seed, r.number), r.cfg.Area)
		})
	}
	name, password := fmt.Sprintf("robot%d.%d", r.cfg.Seed, r.number), fmt.Sprintf("secret-%d-%d", r.cfg.Seed, r.number)
	if !r.registered {
		ticket, err := timed(r, ctx, "login.register", func(ctx context.Context) (*client.Ticket, error) {
			ticket, err := r.login.Register(ctx, name, password, r.cfg.Area)
			if fault.CodeOf(err) == fault.AlreadyExists {
				return nil, nil // by an earlier run, which is as good
			}
			return ticket, err
		})
		r.registered = err == nil
		if err != nil || ticket != nil {
			return ticket, err
		}
	}
	ticket, err := timed(r, ctx, "login.password", func(ctx context.Context) (*client.Ticket, error) {
		return r.login.Password(ctx, name, password, r.cfg.Area)
	})
	if fault.CodeOf(err) == fault.Unauthenticated {
		r.registered = false // the server may have begun anew
	}
	return ticket, err
}

// address is the gate to connect to: the best one, and after failures the others in turn.
func (r *robot) address(gates []client.Address) (string, error) {
	if len(gates) == 0 {
		return "", errors.New("the login web knows no gate")
	}
	g := gates[r.misses%len(gates)]
	overWS := r.cfg.Transport == "ws" || r.cfg.Transport == "mix" && (r.number%2 == 1 && g.WS != "" || g.TCP == "")
	switch {
	case overWS && g.WS != "":
		return g.WS, nil
	case !overWS && g.TCP != "":
		return g.OverTCP(), nil
	}
	return "", fmt.Errorf("the gate does not speak %s", r.cfg.Transport)
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
	r.reach(inWorld)
	r.entered, r.worldGone = true, false
	r.playing, r.greeted, r.heard = nil, 0, nil // what the server has forgotten of greetings was not saved yet
	if found := reply.GetMatch(); found != nil {
		r.found(found)
	}
	return nil
}

// ask is a request that is counted.
func ask[R proto.Message](r *robot, ctx context.Context, name string, m proto.Message) (R, error) {
	return timed(r, ctx, name, func(ctx context.Context) (R, error) { return client.Request[R](ctx, r.conn, m) })
}

// timed does something, bounded in time, and counts it.
func timed[R any](r *robot, ctx context.Context, name string, do func(context.Context) (R, error)) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	began := time.Now()
	reply, err := do(ctx)
	r.tally.request(name, time.Since(began), err)
	return reply, err
}
