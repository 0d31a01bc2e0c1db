package robot

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/game/lockstep"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

const (
	requestTimeout = 10 * time.Second
	matchPatience  = 20 * time.Second // for one that perhaps nobody else wants
	matchTimeout   = 2 * time.Minute  // for a match to be found; and for one to end, beyond its own time
	queueTimeout   = 10 * time.Minute
	leaveTime      = 8 * time.Second        // for which one stays away who has left a battle, on average: long enough for his seat to be another's
	firstPause     = 500 * time.Millisecond // before coming back after an error; doubles
	longestPause   = 30 * time.Second
	hopelessMisses = 5    // failures in a row after which a robot does not come back for its last match
	inbox          = 1024 // pushes that a robot may lag behind
)

// Why a robot leaves without anything being wrong.
var (
	errHome    = errors.New("going home for a while")
	errDropped = errors.New("dropping out for a moment")
	errLeft    = errors.New("leaving a battle for good")
)

// A robot is one player. Its methods are called by one goroutine.
type robot struct {
	cfg      Config
	tally    *tally
	rand     *rand.Rand
	temper   temper
	entrance *entrance
	shop     *shop  // nil: there is none
	diary    *diary // nil: there is no keypoint web
	deck     deck
	lobby    *lobby

	player   int64
	misses   int // attempts in a row that did not come through a gate
	furthest stage
	playing  *pb.MatchFound       // the match that the player is in; nil: none
	outcome  *pb.MatchEnded       // how that has ended, told before the robot came back to it; nil: not yet
	seeking  bool                 // a match has been asked for, and what comes of it is not known
	ticket   int64                // that it was asked for with; 0: not known
	partied  bool                 // the player may be in a party
	sim      *lockstep.Simulation // of the last match in frame mode, as far as it was told
	ended    int64                // the last match whose end was told
	quits    bool                 // he is to leave the next battle for good
	sat      int64                // the last match whose room he has joined
	account  account
	nextBuy  time.Time
	due      time.Time // when the visit was to begin, in the open model; zero in the closed one
	done     bool      // this visit's part in the game, in the open model
	played   bool      // the scenario of this visit
	signedIn bool      // in this run
	met      int64     // somebody of the last match; 0: nobody

	// Of the last login.
	token     string
	tokenEnds time.Time

	// Of the session in hand.
	conn      *client.Conn
	pushes    chan proto.Message
	entered   bool    // the world, since the session began
	worldGone bool    // and is to be entered again
	greeted   int64   // how often, as the server counts; 0 before the first
	heard     []int64 // the last matches whose ends were told since the robot entered the world
}

// newRobot is the number-th robot of a run.
func newRobot(cfg Config, t *tally, number int, login client.Login, s *shop, l *lobby, events client.KeyPoints) *robot {
	r := &robot{
		cfg: cfg, tally: t, entrance: newEntrance(cfg, t, number, login), shop: s, lobby: l, deck: newDeck(cfg.Mix), furthest: -1,
		rand: rand.New(rand.NewPCG(uint64(cfg.Seed), uint64(number))),
	}
	r.temper = tempers[r.rand.IntN(len(tempers))]
	if events.Base != "" {
		const stream = 2 << 32 // of random numbers; robots and entrances have those below
		r.diary = &diary{web: events, tally: t, rand: rand.New(rand.NewPCG(uint64(cfg.Seed), uint64(number)+stream))}
	}
	return r
}

// play plays until playing ends, and the match that has begun by then to its end; ctx ends everything. After an error the robot comes
// back, as a player would. It returns how the last session ended.
func (r *robot) play(ctx, playing context.Context) (err error) {
	pause := firstPause
	for r.goesOn(ctx, playing) {
		err = r.visit(ctx, playing)
		r.done = !r.due.IsZero()
		barred := r.leave(err)
		r.diary.tell(ctx, 1)
		var wait time.Duration
		switch {
		case barred || !r.goesOn(ctx, playing):
			return err
		case err == nil, errors.Is(err, errTimeUp), errors.Is(err, errHome), errors.Is(err, errDropped):
			pause, wait = firstPause, r.thought()
		case errors.Is(err, errLeft):
			pause, wait = firstPause, around(r.rand, leaveTime)
		default:
			if r.entered {
				pause = firstPause
			}
			wait = around(r.rand, pause)
			pause = min(2*pause, longestPause)
		}
		if r.playing != nil {
			sleep(ctx, wait)
		} else {
			sleep(playing, wait)
		}
	}
	return err
}

// goesOn reports whether there is anything left to do for the robot.
func (r *robot) goesOn(ctx, playing context.Context) bool {
	return ctx.Err() == nil && (playing.Err() == nil && !r.done || r.playing != nil && r.misses < hopelessMisses)
}

// visit is one session: it comes to a gate and stays, entering the world again when that is lost, until the run ends or something goes
// wrong. Errors have been counted.
func (r *robot) visit(ctx, playing context.Context) error {
	r.entered = false
	if err := r.connect(ctx); err != nil {
		r.misses++
		return err
	}
	r.misses = 0
	r.tally.connected.Store(true)
	r.note("login", map[string]any{"channel": "robot"})
	for {
		err := r.stay(ctx, playing)
		r.drain()
		if err == nil || !r.worldGone || r.conn.Err() != nil || !r.goesOn(ctx, playing) {
			return err
		}
		sleep(ctx, around(r.rand, firstPause))
	}
}

// stay goes through the queue into the world and plays there.
func (r *robot) stay(ctx, playing context.Context) error {
	pass, err := r.queue(ctx, playing)
	if err != nil {
		return err
	}
	if err := r.enter(ctx, pass); err != nil {
		return err
	}
	if err := r.dailies(ctx); err != nil {
		return err
	}
	for r.goesOn(ctx, playing) {
		if err := r.goOn(ctx, playing); err != nil {
			return err
		}
	}
	return nil
}

// goOn is the match that the robot is in, if it is in one, and else any scenario.
func (r *robot) goOn(ctx, playing context.Context) error {
	if gone := r.drain(); gone != nil {
		r.tally.wait("world.stay", 0, gone)
		return gone
	}
	if r.playing == nil && !sleep(playing, r.thought()) {
		return nil
	}
	switch {
	case r.playing != nil:
		return r.battle(ctx)
	case r.partied:
		return r.leaveParty(ctx)
	}
	r.diary.tell(ctx, tellAt)
	err := r.perform(ctx, playing, r.deck.draw(r.rand))
	if r.due.IsZero() {
		return err
	}
	r.done, r.played = true, true
	if err == nil && r.partied {
		return r.leaveParty(ctx) // nobody waits for who is gone
	}
	return err
}

// reach notes how far the robot has come.
func (r *robot) reach(s stage) {
	for r.furthest < s {
		r.furthest++
		r.tally.reach(r.furthest)
	}
}

// leave ends the session, for which err is the reason, and checks what it kept. barred: the robot must not come back.
func (r *robot) leave(err error) (barred bool) {
	if r.conn != nil {
		err = r.conn.Err()
		_ = r.conn.Close()
		r.drain()
		r.tally.hold(orderKept, r.conn.Disorder())
		r.conn = nil
	}
	switch fault.CodeOf(err) {
	case fault.Replaced, fault.Forbidden, fault.Version:
		return true
	}
	return false
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
