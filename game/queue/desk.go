package queue

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/line"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// What clients are told when the queue does not serve them.
var (
	errNotLeading = fault.New(fault.Unavailable, "the queue is moving: try again")
	errBusy       = fault.New(fault.Overloaded, "too many players want in at once: try again")
	errStore      = fault.New(fault.Unavailable, "the queue is not available now")
	errNoSession  = fault.New(fault.Unauthenticated, "log in first")
	errOtherArea  = fault.New(fault.Forbidden, "this queue serves another area")
)

// A client is a session as the desk sees it. Two are the same when they are equal.
type client interface {
	Push(m proto.Message) error
}

// A guest is a player who is connected and wants in.
type guest struct {
	player  api.PlayerID
	area    api.Area
	lane    string // that he asked for, and then that he waits in
	client  client
	waiting bool // he is told his position; false also once he is forgotten
	at      int  // his position in the lane, 1 is next
	number  int64
	seen    *ordered        // the last order that he was in
	reply   actor.Responder // of an enter; nil once answered
}

// A task is an op on its way to Redis, and whom it concerns.
type task struct {
	op    Op
	guest *guest          // of an enter
	reply actor.Responder // of a leave
}

// What the clerk tells the desk, in the order in which it happened in Redis.
type (
	// applied: what became of tasks.
	applied struct {
		tasks   []task
		results []Result
		now     time.Time
	}
	// let: players were let in.
	let struct {
		area    api.Area
		players []Admission
		waiting map[string]int // in each lane
		hold    pb.QueueHold   // why nobody was let in
		now     time.Time
	}
	// ordered: everybody who waits in a lane.
	ordered struct {
		lineID
		order []api.PlayerID
	}
	// lost: Redis knows nothing any more.
	lost struct{ area api.Area }
	// tick: a part of those who wait is told where they stand.
	tick struct{ now time.Time }
)

// A desk is who is connected here and wants in, and answers them. It is the state of one actor; the decisions are the clerk's.
type desk struct {
	area   api.Area // 0: all
	parts  int      // ticks in which everybody is told once
	atOnce int      // who are told in one tick at most, all lines together
	ticks  int
	leads  func() bool
	laneOf func(Visitor) string
	own    func(*line.Session) // tells the gate under which epoch
	tasks  chan<- task         // never waited for
	guests map[api.PlayerID]*guest
	lines  map[lineID]*waitLine
	stats  *stats
}

// A lineID is a lane of an area.
type lineID struct {
	area api.Area
	lane string
}

// A waitLine is what the desk knows of one lane of an area.
type waitLine struct {
	order   []*guest
	next    int   // of order, to be told; when all have been, they are again from the next reading of the order on
	told    int64 // the number of the last who was
	waiting int
	hold    pb.QueueHold
	pace    pace
}

func newDesk(area api.Area, cfg Config, leads func() bool, tasks chan<- task, stats *stats) *desk {
	return &desk{
		area: area, parts: int(max(1, cfg.UpdateEvery/cfg.Tick)),
		atOnce: int(max(1, time.Duration(cfg.UpdateRate)*cfg.Tick/time.Second)), leads: leads, tasks: tasks, stats: stats,
		guests: map[api.PlayerID]*guest{}, lines: map[lineID]*waitLine{},
	}
}

func (d *desk) line(of lineID) *waitLine {
	l := d.lines[of]
	if l == nil {
		l = &waitLine{}
		d.lines[of] = l
	}
	return l
}

// send hands a task to the clerk, if it is not too far behind.
func (d *desk) send(t task) bool {
	select {
	case d.tasks <- t:
		return true
	default:
		return false
	}
}

// enter is a client who wants in, in the lane that he is in if he has no number yet. An error is the answer; otherwise it comes later, to reply.
func (d *desk) enter(c client, player api.PlayerID, area api.Area, lane string, reply actor.Responder) error {
	switch {
	case player <= 0:
		return errNoSession
	case d.area != 0 && area != d.area:
		return errOtherArea
	case !d.leads():
		return errNotLeading
	}
	g := &guest{player: player, area: area, lane: lane, client: c, reply: reply}
	if !d.send(task{op: Op{Enter, area, player, lane}, guest: g}) {
		return errBusy
	}
	d.remove(player) // an older session of his
	d.guests[player] = g
	return nil
}

// leave is a client who does not want in any more. An error is the answer; otherwise it comes later, to reply.
func (d *desk) leave(player api.PlayerID, area api.Area, reply actor.Responder) error {
	if !d.leads() {
		return errNotLeading
	}
	if !d.send(task{op: Op{Leave, area, player, ""}, reply: reply}) {
		return errBusy
	}
	d.remove(player)
	return nil
}

// remove forgets a guest, also for those who still hold him.
func (d *desk) remove(player api.PlayerID) {
	if g := d.guests[player]; g != nil {
		g.waiting = false
		delete(d.guests, player)
	}
}

// gone is a client whose connection is gone. A later session of the same player is not meant.
func (d *desk) gone(c client, player api.PlayerID) {
	g := d.guests[player]
	if g == nil || g.client != c {
		return
	}
	d.remove(player)
	d.send(task{op: Op{Drop, g.area, player, ""}}) // or else he is dropped when the order is next read
}

// applied answers those whose tasks are done.
func (d *desk) applied(m *applied) {
	for i, t := range m.tasks {
		result := m.results[i]
		if result.Err != nil && !errors.Is(result.Err, ErrClosed) {
			result.Err = fault.Wrap(result.Err, errStore.Code, errStore.Message)
		}
		switch {
		case t.guest != nil:
			d.entered(t.guest, result, m.now)
		case t.reply != nil && result.Err != nil:
			t.reply.Respond(nil, result.Err)
		case t.reply != nil:
			t.reply.Respond(&pb.LeftQueue{}, nil)
		}
	}
}

func (d *desk) entered(g *guest, result Result, now time.Time) {
	current := d.guests[g.player] == g
	s := result.Status
	switch {
	case result.Err != nil:
		if g.reply != nil {
			g.reply.Respond(nil, result.Err)
		}
		if current && g.reply != nil { // who is restored stays, and is restored again
			d.remove(g.player)
		}
	case s.Pass != "":
		if s.Fresh {
			d.line(lineID{g.area, s.Lane}).pace.add(1, now)
			d.stats.admitted.Inc()
		}
		if current {
			d.remove(g.player)
		}
		if g.reply != nil {
			g.reply.Respond(&pb.QueueStatus{Pass: s.Pass}, nil)
		} else if current {
			_ = g.client.Push(&pb.Admitted{Pass: s.Pass}) // if he is gone, the pass waits for him
		}
	default:
		l := d.line(lineID{g.area, s.Lane})
		l.waiting = s.Waiting
		g.waiting, g.lane, g.at, g.number = current, s.Lane, s.Position, s.Number
		if g.reply != nil {
			g.reply.Respond(&pb.QueueStatus{
				Position: uint32(s.Position), Waiting: uint32(s.Waiting), EtaMs: uint32(l.pace.eta(s.Position, now).Milliseconds()), Lane: s.Lane, Hold: l.hold,
			}, nil)
		}
	}
	g.reply = nil
}

// let tells those who were let in.
func (d *desk) let(m *let) {
	for lane, waiting := range m.waiting {
		l := d.line(lineID{m.area, lane})
		l.waiting, l.hold = waiting, m.hold
		d.stats.waiting.WithLabelValues(m.area.String(), lane).Set(float64(waiting))
	}
	d.stats.admitted.Add(float64(len(m.players)))
	for _, a := range m.players {
		d.line(lineID{m.area, a.Lane}).pace.add(1, m.now)
		g := d.guests[a.Player]
		if g == nil || !g.waiting {
			continue // away just now, or on his way here again: the pass waits for him
		}
		d.remove(a.Player)
		_ = g.client.Push(&pb.Admitted{Pass: a.Pass})
	}
}

// ordered gives everybody who waits his position. Whoever waits in Redis and is not connected here is dropped there, and whoever waits here and not there
// enters again.
func (d *desk) ordered(m *ordered) {
	l := d.line(m.lineID)
	if l.next == len(l.order) {
		l.told = 0
	}
	l.order, l.next, l.waiting = l.order[:0], 0, len(m.order)
	for i, player := range m.order {
		g := d.guests[player]
		if g == nil {
			d.send(task{op: Op{Drop, m.area, player, ""}})
			continue
		}
		g.at, g.seen = i+1, m
		l.order = append(l.order, g)
		if g.number > 0 && g.number <= l.told { // 0: he is entering again
			l.next = len(l.order)
		}
	}
	d.restore(m.area, func(g *guest) bool { return g.lane == m.lane && g.seen != m })
}

// tick tells the next part of each line where they stand, so that not all are told at the same moment, and not more of them than the gates are to be sent.
func (d *desk) tick(m *tick) {
	left := d.atOnce
	ids := slices.SortedFunc(maps.Keys(d.lines), func(a, b lineID) int { return cmp.Or(cmp.Compare(a.area, b.area), cmp.Compare(a.lane, b.lane)) })
	d.ticks++
	for i := range ids {
		l := d.lines[ids[(d.ticks+i)%len(ids)]] // another is first at each tick, so that none goes short for long
		part := min(left, (len(l.order)+d.parts-1)/d.parts, len(l.order)-l.next)
		left -= part
		for range part {
			g := l.order[l.next]
			l.next++
			l.told = max(l.told, g.number)
			if g.waiting {
				_ = g.client.Push(&pb.QueueUpdate{ // the next one makes up for one that is lost
					Position: uint32(g.at), Waiting: uint32(l.waiting), EtaMs: uint32(l.pace.eta(g.at, m.now).Milliseconds()), Hold: l.hold,
				})
			}
		}
	}
}

// lost has everybody who waits enter again, after Redis has lost the order.
func (d *desk) lost(m *lost) { d.restore(m.area, func(*guest) bool { return true }) }

// restore has those of an area's guests enter again, in their old order, who wait and are missing in Redis.
func (d *desk) restore(area api.Area, missing func(*guest) bool) {
	var back []*guest
	for _, g := range d.guests {
		if g.area == area && g.waiting && missing(g) {
			back = append(back, g)
		}
	}
	slices.SortFunc(back, func(a, b *guest) int { return cmp.Compare(a.number, b.number) })
	for _, g := range back {
		if !d.send(task{op: Op{Restore, g.area, g.player, g.lane}, guest: g}) {
			return // when the order is next read
		}
	}
}

// moved answers everybody who waits for an answer, as the desk closes.
func (d *desk) moved() {
	for _, g := range d.guests {
		if g.reply != nil {
			g.reply.Respond(nil, errNotLeading)
			g.reply = nil
		}
	}
}

// behavior is the desk as an actor.
func behavior() *actor.Behavior[desk] {
	b := actor.NewBehavior[desk]()
	tell(b, (*desk).applied)
	tell(b, (*desk).let)
	tell(b, (*desk).ordered)
	tell(b, (*desk).lost)
	tell(b, (*desk).tick)
	actor.Handle(b, (*desk).look)
	actor.HandleTell(b, func(d *desk, _ *actor.Context, m *line.Detached) error {
		d.gone(m.Session, api.PlayerID(m.Session.Player))
		return nil
	})
	b.OnStop(func(d *desk, _ *actor.Context) { d.moved() })
	return b
}

func tell[M any](b *actor.Behavior[desk], fn func(*desk, M)) {
	actor.HandleTell(b, func(d *desk, _ *actor.Context, m M) error {
		fn(d, m)
		return nil
	})
}

// enterQueue handles a client's message.
func (d *desk) enterQueue(ctx *actor.Context, _ *pb.EnterQueue) (*pb.QueueStatus, error) {
	session := line.SessionOf(ctx)
	if session == nil {
		return nil, errNoSession
	}
	d.own(session)
	reply := ctx.Defer()
	who := Visitor{Player: api.PlayerID(session.Player), Account: api.AccountID(session.Account), Area: api.Area(session.Area)}
	if err := d.enter(session, who.Player, who.Area, d.laneOf(who), reply); err != nil {
		reply.Respond(nil, err)
		return nil, nil
	}
	session.Watch(ctx.Self())
	return nil, nil
}

// leaveQueue handles a client's message.
func (d *desk) leaveQueue(ctx *actor.Context, _ *pb.LeaveQueue) (*pb.LeftQueue, error) {
	session := line.SessionOf(ctx)
	if session == nil {
		return nil, errNoSession
	}
	reply := ctx.Defer()
	if err := d.leave(api.PlayerID(session.Player), api.Area(session.Area), reply); err != nil {
		reply.Respond(nil, err)
	}
	return nil, nil
}
