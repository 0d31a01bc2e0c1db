package match

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/api"
)

// What players are told when they ask for something that is not there.
var (
	errNoMode    = fault.New(fault.Invalid, "no such mode")
	errNoPlayer  = fault.New(fault.Invalid, "no player")
	errParty     = fault.New(fault.FailedPrecondition, "the party is too large for a team of this mode")
	errOtherArea = fault.New(fault.Invalid, "this node serves another area")
	errNoAnswer  = fault.New(fault.Lost, "matchmaking did not answer")
	errStore     = fault.New(fault.Unavailable, "matchmaking is not available now")
)

// areasEvery is how often a node that serves all areas looks for new ones.
const areasEvery = 2 * time.Second

// A desk takes tickets in and runs the matchers of every pool that it knows. It is safe for concurrent use.
type desk struct {
	cfg   Config
	area  api.Area // 0: all
	self  string
	store *Store
	mesh  mesh
	work  *assigner
	ids   func() int64
	log   *slog.Logger
	stats *stats
	modes func() map[string]Mode // what is played now; what it returns is not changed

	attended, looked time.Time // since when worlds can have stood for tickets, and when it was last seen that they can; dropUnattended alone uses them

	life context.Context // of the matchers
	end  context.CancelFunc

	mu      sync.Mutex // also held while a goroutine is added, so that none is after stop
	stopped bool
	areas   map[api.Area]bool // value: noted in Redis
	pools   map[Pool]bool     // those whose matchers run
	running sync.WaitGroup
}

func newDesk(cfg Config, area api.Area, self string, store *Store, mesh mesh, ids func() int64, log *slog.Logger, stats *stats) *desk {
	d := &desk{
		cfg: cfg, area: area, self: self, store: store, mesh: mesh, ids: ids, log: log, stats: stats,
		work:  newAssigner(cfg, store, mesh, log, stats),
		modes: func() map[string]Mode { return cfg.Modes },
		areas: map[api.Area]bool{}, pools: map[Pool]bool{},
		attended: time.Now(), looked: time.Now(),
	}
	d.life, d.end = context.WithCancel(context.Background())
	return d
}

// run serves until stop.
func (d *desk) run() {
	if d.area != 0 {
		d.serve(d.area)
	} else {
		d.every(areasEvery, d.findAreas)
	}
	d.every(d.cfg.Lease/4, d.takeOver)
	d.every(d.cfg.Unattended/8, d.dropUnattended)
}

// stop ends the matchers, gives their leads up, and waits for the matches that are on their way until ctx ends; others take over the rest.
func (d *desk) stop(ctx context.Context) error {
	d.mu.Lock()
	d.stopped = true
	d.mu.Unlock()
	d.end()
	d.running.Wait()
	return d.work.stop(ctx)
}

// startTries is how often a ticket is tried for a party that changes meanwhile.
const startTries = 3

// start is a player's wish to be matched, with his party if he is in one.
func (d *desk) start(ctx context.Context, p Pool, player api.PlayerID, rating int32) (api.TicketID, error) {
	for range startTries {
		party, together, err := d.team(ctx, p.Area, player, rating)
		if err != nil {
			return 0, err
		}
		if ticket, err := d.join(ctx, p, together, party); !errors.Is(err, ErrPartyChanged) {
			return ticket, err
		}
	}
	return 0, ErrPartyChanged
}

// join is the wish to be matched of a party as it is now, or of a player who is in none.
func (d *desk) join(ctx context.Context, p Pool, rating int32, party Party) (api.TicketID, error) {
	players := party.Players
	switch mode, ok := d.modes()[p.Mode]; {
	case !ok:
		return 0, errNoMode
	case !distinct(players):
		return 0, errNoPlayer
	case len(players) > mode.party():
		return 0, errParty
	case d.area != 0 && p.Area != d.area:
		return 0, errOtherArea
	}
	if d.serve(p.Area) && d.area == 0 {
		if err := d.note(ctx, p.Area); err != nil {
			return 0, outside(err)
		}
	}
	ticket, err := d.store.Join(ctx, p, Ticket{ID: api.TicketID(d.ids()), Rating: rating}.party(players), party.ID)
	if err == nil {
		var mates []news
		for _, mate := range players[1:] {
			mates = append(mates, news{player: mate, ticket: ticket, mode: p.Mode})
		}
		d.work.news(p.Area, mates)
	}
	return ticket, outside(err)
}

// distinct reports whether there are players, each once.
func distinct(players []api.PlayerID) bool {
	for i, p := range players {
		if p <= 0 || slices.Contains(players[:i], p) {
			return false
		}
	}
	return len(players) > 0
}

// answer is what a player says to a match that he is asked about; it returns what stands.
func (d *desk) answer(ctx context.Context, area api.Area, match api.MatchID, player api.PlayerID, accept bool) (bool, error) {
	stands, err := d.store.Answer(ctx, area, match, player, accept)
	return stands, outside(err)
}

// leave takes a player's wish back, and says whether that was in time. If the ticket that he is known to have has ended, it is for the one that he has instead, if he has: perhaps nobody has
// heard of that yet.
func (d *desk) leave(ctx context.Context, area api.Area, player api.PlayerID, ticket api.TicketID) (bool, error) {
	was, won, err := d.store.cancel(ctx, area, player, ticket)
	if ticket != 0 && was.ID == 0 && (err == nil || errors.Is(err, ErrNoTicket)) {
		other, in, otherErr := d.store.cancel(ctx, area, player, 0)
		if !errors.Is(otherErr, ErrNoTicket) {
			was, won, err = other, in, otherErr
		}
	}
	if was.size() > 1 {
		mates := slices.DeleteFunc(each([]Ticket{was}), func(t Ticket) bool { return t.Player == player })
		d.work.unmatchEach(mates, reasonCancelled)
	}
	if fault.CodeOf(err) == fault.NotFound {
		return false, ErrNoTicket
	}
	return won, outside(err)
}

// serve starts the area's matchers, unless they run. It reports whether the area is still to be noted in Redis.
func (d *desk) serve(area api.Area) (unnoted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	noted, known := d.areas[area]
	if known || d.stopped {
		return !noted && !d.stopped
	}
	d.areas[area] = false
	d.fill(area)
	return true
}

// modesChanged starts the matchers of modes that are new. Those that run have each pass by the rules of its moment; of a mode that is gone, nobody joins the pool
// any more, and by the last rules it runs empty.
func (d *desk) modesChanged() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return
	}
	for area := range d.areas {
		d.fill(area)
	}
}

// fill starts the area's matchers that do not run. The caller holds mu.
func (d *desk) fill(area api.Area) {
	for name, mode := range d.modes() {
		pool := Pool{area, name}
		if d.pools[pool] {
			continue
		}
		d.pools[pool] = true
		m := &matcher{
			pool: pool, mode: mode, latest: d.modes, cfg: d.cfg, self: d.self, store: d.store, mesh: d.mesh, work: d.work, ids: d.ids,
			log: d.log.With("area", area, "mode", name), stats: d.stats.pool(pool),
		}
		d.running.Go(func() { m.run(d.life) })
	}
}

// note has other nodes that serve all areas look at this one too.
func (d *desk) note(ctx context.Context, area api.Area) error {
	if err := d.store.AddArea(ctx, area); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.areas[area] = true
	return nil
}

// findAreas serves the areas that others have noted, and notes those again that Redis has lost.
func (d *desk) findAreas(ctx context.Context) error {
	noted, err := d.store.Areas(ctx)
	if err != nil {
		return err
	}
	missing := d.served()
	for _, area := range noted {
		d.serve(area)
		delete(missing, area)
	}
	for area := range missing {
		if err := d.note(ctx, area); err != nil {
			return err
		}
	}
	return nil
}

func (d *desk) served() map[api.Area]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[api.Area]bool, len(d.areas))
	for area := range d.areas {
		out[area] = true
	}
	return out
}

// takeOver goes on with matches whose holder has let their deadline pass.
func (d *desk) takeOver(ctx context.Context) error {
	for area := range d.served() {
		granted := d.work.reserve(d.cfg.Assignments)
		if granted == 0 {
			return nil // later, when there are hands
		}
		taken, now, err := d.store.TakeOver(ctx, area, d.self, d.cfg.Lease, granted)
		d.work.giveBack(granted - len(taken))
		if err != nil {
			return err
		}
		for _, m := range taken {
			d.work.recover(m, now)
		}
	}
	return nil
}

// every has fn run at once and then every so often, until stop.
func (d *desk) every(pause time.Duration, fn func(context.Context) error) {
	d.running.Go(func() {
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			if err := fn(d.life); err != nil && d.life.Err() == nil {
				d.log.Warn("Redis does not answer as it should", "error", err)
			}
			select {
			case <-d.life.Done():
				return
			case <-ticker.C:
			}
		}
	})
}

// outside gives an error of Redis a code for whoever asked; what has one already stays. Unless there was no connection to begin with, the request
// may have had its effect.
func outside(err error) error {
	if err == nil || fault.CodeOf(err) != fault.Internal {
		return err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return fault.Wrap(err, errStore.Code, errStore.Message)
	}
	return fault.Wrap(err, errNoAnswer.Code, errNoAnswer.Message)
}
