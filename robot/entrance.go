package robot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"loumiao/framework/fault"
	"loumiao/robot/client"
)

// An entrance is how a robot comes in: with which login, and by which gate. It belongs to the robot while that has no session, and to the session
// otherwise, which comes back by it; so it shares nothing with the robot.
type entrance struct {
	cfg    Config
	tally  *tally
	number int
	rand   *rand.Rand
	login  client.Login

	refresh    string // token for the next login
	registered bool   // there is an account with a password
	last       string // gate that was chosen
}

func newEntrance(cfg Config, t *tally, number int, login client.Login) *entrance {
	const stream = 1 << 32 // of random numbers; robots have the ones below
	return &entrance{cfg: cfg, tally: t, number: number, login: login, rand: rand.New(rand.NewPCG(uint64(cfg.Seed), uint64(number)+stream))}
}

// choose is the gate to connect to: the best one, and after misses the others in turn.
func (e *entrance) choose(gates []client.Address, misses int) (addr string, err error) {
	if len(gates) == 0 {
		return "", errors.New("the login web knows no gate")
	}
	e.last, err = e.address(gates[misses%len(gates)])
	return e.last, err
}

// again is where to come back to a session whose connection broke, and with which token: not where it broke, if there is another gate. An attempt that
// failed is counted as a resume that did.
func (e *entrance) again(ctx context.Context, attempt int, why error) (addr, token string, err error) {
	if attempt > 1 {
		e.tally.wait("resume", 0, why)
	}
	ticket, err := e.logIn(ctx)
	if err != nil {
		return "", "", err
	}
	before := e.last
	for misses := attempt - 1; misses <= attempt; misses++ {
		if addr, err = e.choose(ticket.Gates, misses); err == nil && addr != before {
			break
		}
	}
	return addr, ticket.Token, err
}

// resumed counts that a session goes on.
func (e *entrance) resumed(away time.Duration) { e.tally.wait("resume", away, nil) }

// logIn gets a ticket.
func (e *entrance) logIn(ctx context.Context) (*client.Ticket, error) {
	ticket, err := e.anyWay(ctx)
	if err == nil {
		e.refresh = ticket.Refresh
	}
	return ticket, err
}

// anyWay is one of the ways that players have: most are guests, some have a password, and who was here before may come with a refresh token.
func (e *entrance) anyWay(ctx context.Context) (*client.Ticket, error) {
	if e.refresh != "" && e.rand.IntN(2) == 0 {
		refresh := e.refresh
		e.refresh = ""
		return timed(e.tally, ctx, "login.refresh", func(ctx context.Context) (*client.Ticket, error) { return e.login.Refresh(ctx, refresh) })
	}
	if e.number%4 != 3 {
		return timed(e.tally, ctx, "login.guest", func(ctx context.Context) (*client.Ticket, error) {
			return e.login.Guest(ctx, fmt.Sprintf("robot-device-%d-%d", e.cfg.Seed, e.number), e.cfg.Area)
		})
	}
	name, password := fmt.Sprintf("robot%d.%d", e.cfg.Seed, e.number), fmt.Sprintf("secret-%d-%d", e.cfg.Seed, e.number)
	if !e.registered {
		ticket, err := timed(e.tally, ctx, "login.register", func(ctx context.Context) (*client.Ticket, error) {
			ticket, err := e.login.Register(ctx, name, password, e.cfg.Area)
			if fault.CodeOf(err) == fault.AlreadyExists {
				return nil, nil // by an earlier run, which is as good
			}
			return ticket, err
		})
		e.registered = err == nil
		if err != nil || ticket != nil {
			return ticket, err
		}
	}
	ticket, err := timed(e.tally, ctx, "login.password", func(ctx context.Context) (*client.Ticket, error) {
		return e.login.Password(ctx, name, password, e.cfg.Area)
	})
	if fault.CodeOf(err) == fault.Unauthenticated {
		e.registered = false // the server may have begun anew
	}
	return ticket, err
}

// address is how to connect to a gate.
func (e *entrance) address(g client.Address) (string, error) {
	var ways []string // that the gate has and the run wants
	for _, way := range []struct{ name, addr string }{{"tcp", g.OverTCP()}, {"ws", g.WS}, {"kcp", g.KCP}} {
		if way.addr != "" && (e.cfg.Transport == way.name || e.cfg.Transport == "mix") {
			ways = append(ways, way.addr)
		}
	}
	if len(ways) == 0 {
		return "", fmt.Errorf("the gate does not speak %s", e.cfg.Transport)
	}
	return ways[e.number%len(ways)], nil
}
