package robot

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

const (
	requestTimeout = 10 * time.Second
	matchTimeout   = 2 * time.Minute // for a match to be found, and for one to end
	queueTimeout   = 10 * time.Minute
	firstPause     = 100 * time.Millisecond // before coming back after an error; doubles
	longestPause   = 5 * time.Second
	inbox          = 1024 // pushes that a robot may lag behind
)

// A robot is one player. Its methods are called by one goroutine.
type robot struct {
	cfg    Config
	tally  *tally
	number int
	rand   *rand.Rand
	login  client.Login

	refresh  string
	player   int64
	conn     *client.Conn
	pushes   chan proto.Message
	furthest stage // -1 before the first
	greeted  int64 // how often, as the server counts
	playing  *pb.MatchFound
	ended    int64 // the last match whose end was told
}

// newRobot is the number-th robot of a run.
func newRobot(cfg Config, t *tally, number int, login client.Login) *robot {
	return &robot{
		cfg: cfg, tally: t, number: number, login: login, furthest: -1,
		rand: rand.New(rand.NewPCG(uint64(cfg.Seed), uint64(number))),
	}
}

// play plays until playing ends, and the match that has begun by then to its end; ctx ends everything. After an error the robot comes
// back, as a player would.
func (r *robot) play(ctx, playing context.Context) {
	pause := firstPause
	for playing.Err() == nil && ctx.Err() == nil {
		began := time.Now()
		err := r.visit(ctx, playing)
		r.leave()
		if err == nil || ctx.Err() != nil {
			return
		}
		if time.Since(began) > longestPause {
			pause = firstPause
		}
		if !sleep(playing, pause+time.Duration(r.rand.Int64N(int64(pause)))) {
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// visit is one session, from login to the end of the run or an error, which has been counted.
func (r *robot) visit(ctx, playing context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	pass, err := r.queue(ctx)
	if err != nil {
		return err
	}
	if err := r.enter(ctx, pass); err != nil {
		return err
	}
	for playing.Err() == nil || r.playing != nil {
		if err := r.idle(ctx, playing); err != nil {
			return err
		}
		if playing.Err() != nil && r.playing == nil {
			break
		}
		if err := r.match(ctx, playing); err != nil {
			return err
		}
	}
	return nil
}

// reach notes how far the robot has come.
func (r *robot) reach(s stage) {
	for r.furthest < s {
		r.furthest++
		r.tally.reach(r.furthest)
	}
}

// leave ends the session and checks what it kept.
func (r *robot) leave() {
	if r.conn == nil {
		return
	}
	r.tally.hold(orderKept, r.conn.Disorder())
	_ = r.conn.Close()
	r.conn = nil
}

// connect logs in and comes to a gate.
func (r *robot) connect(ctx context.Context) error {
	ticket, err := r.logIn(ctx)
	if err != nil {
		return err
	}
	r.refresh, r.player = ticket.Refresh, ticket.Player
	r.reach(loggedIn)

	r.pushes = make(chan proto.Message, inbox)
	pushes := r.pushes
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	r.conn, err = client.Dial(ctx, r.address(ticket.Gates), client.Options{
		Registry: r.cfg.Registry, Token: ticket.Token, Version: "1.0.0", JSON: r.rand.Float64() < r.cfg.JSON,
		OnPush: func(m proto.Message) {
			select {
			case pushes <- m:
			default: // only snapshots come faster than they are taken, and those may be lost
			}
		},
	})
	r.tally.request("connect", time.Since(began), err)
	return err
}

// logIn is one of the ways that players have: most are guests, some have a password, and who was here before comes with a refresh token.
func (r *robot) logIn(ctx context.Context) (*client.Ticket, error) {
	if r.refresh != "" && r.rand.IntN(2) == 0 {
		refresh := r.refresh
		r.refresh = ""
		return timed(r, ctx, "login.refresh", func(ctx context.Context) (*client.Ticket, error) {
			return r.login.Refresh(ctx, refresh, r.cfg.Area)
		})
	}
	if r.number%4 != 3 {
		return timed(r, ctx, "login.guest", func(ctx context.Context) (*client.Ticket, error) {
			return r.login.Guest(ctx, fmt.Sprintf("robot-device-%d-%d", r.cfg.Seed, r.number), r.cfg.Area)
		})
	}
	name, password := fmt.Sprintf("robot-%d-%d", r.cfg.Seed, r.number), fmt.Sprintf("secret-%d-%d", r.cfg.Seed, r.number)
	var known bool
	ticket, err := timed(r, ctx, "login.register", func(ctx context.Context) (*client.Ticket, error) {
		ticket, err := r.login.Register(ctx, name, password, r.cfg.Area)
		if known = fault.CodeOf(err) == fault.AlreadyExists; known {
			return nil, nil
		}
		return ticket, err
	})
	if !known {
		return ticket, err
	}
	return timed(r, ctx, "login.password", func(ctx context.Context) (*client.Ticket, error) {
		return r.login.Password(ctx, name, password, r.cfg.Area)
	})
}

// address is the gate to connect to.
func (r *robot) address(gates []client.Address) string {
	if len(gates) == 0 {
		return ""
	}
	g := gates[0]
	if g.WS != "" && (g.TCP == "" || r.cfg.Transport == "ws" || r.cfg.Transport == "mix" && r.number%2 == 1) {
		return g.WS
	}
	return "tcp://" + g.TCP
}

// queue waits to be let in, and returns the pass.
func (r *robot) queue(ctx context.Context) (string, error) {
	status, err := ask[*pb.QueueStatus](r, ctx, "queue.enter", &pb.EnterQueue{})
	if err != nil {
		return "", err
	}
	r.reach(queued)
	if status.GetPass() != "" {
		return status.GetPass(), nil
	}
	began := time.Now()
	admitted, err := await[*pb.Admitted](r, ctx, queueTimeout)
	r.tally.wait("queue.wait", time.Since(began), err)
	return admitted.GetPass(), err
}

// enter enters the world, and goes back to a match that is still on.
func (r *robot) enter(ctx context.Context, pass string) error {
	reply, err := ask[*pb.EnterWorldReply](r, ctx, "world.enter", &pb.EnterWorld{Pass: pass})
	if err != nil {
		return err
	}
	r.reach(inWorld)
	r.playing, r.greeted = nil, 0
	if found := reply.GetMatch(); found != nil {
		return r.found(found)
	}
	return nil
}

// idle is what players do between matches.
func (r *robot) idle(ctx, playing context.Context) error {
	if r.playing != nil {
		return nil
	}
	for range r.rand.IntN(3) {
		if !sleep(playing, time.Duration(50+r.rand.IntN(400))*time.Millisecond) {
			return nil
		}
		var err error
		switch r.rand.IntN(4) {
		case 0:
			_, err = ask[*pb.GetProfileReply](r, ctx, "world.profile", &pb.GetProfile{})
		case 1:
			_, err = ask[*pb.GetMatchesReply](r, ctx, "world.matches", &pb.GetMatches{Limit: 10})
		default:
			err = r.greet(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// greet sends a few greetings without waiting in between: the server's count must follow the order of sending.
func (r *robot) greet(ctx context.Context) error {
	const several = 3
	type outcome struct {
		reply *pb.GreetReply
		err   error
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	began := time.Now()
	var outcomes [several]chan outcome
	for i := range outcomes {
		outcomes[i] = make(chan outcome, 1)
		wait, err := client.Start[*pb.GreetReply](r.conn, &pb.Greet{Greeting: "Hello"})
		if err != nil {
			r.tally.request("world.greet", 0, err)
			return err
		}
		go func() {
			reply, err := wait(ctx)
			outcomes[i] <- outcome{reply, err}
		}()
	}
	for i := range outcomes {
		o := <-outcomes[i]
		r.tally.request("world.greet", time.Since(began), o.err)
		if o.err != nil {
			return o.err
		}
		var broken error
		if count := o.reply.GetCount(); r.greeted != 0 && count != r.greeted+1 {
			broken = fmt.Errorf("player %d: greeting %d is counted as number %d", r.player, r.greeted+1, count)
		}
		r.tally.hold(orderKept, broken)
		r.greeted = o.reply.GetCount()
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

// await waits for a push of type R and drops others that are of no matter to it.
func await[R proto.Message](r *robot, ctx context.Context, limit time.Duration) (R, error) {
	var none R
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case m := <-r.pushes:
			if m, ok := m.(R); ok {
				return m, nil
			}
			if err := r.lost(m); err != nil {
				return none, err
			}
		case <-r.conn.Done():
			return none, r.conn.Err()
		case <-timer.C:
			return none, fault.Errorf(fault.Deadline, "no %T came", none)
		case <-ctx.Done():
			return none, ctx.Err()
		}
	}
}

// lost says whether a push means that the robot's world is gone: it begins again.
func (r *robot) lost(m proto.Message) error {
	if reset, ok := m.(*wirepb.Reset); ok && r.conn.TypeOf(reset) != "zone" {
		return fault.New(fault.Lost, "the "+r.conn.TypeOf(reset)+" is gone: "+reset.GetReason())
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
