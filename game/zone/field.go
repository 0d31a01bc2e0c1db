package zone

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/game/api"
	"loumiao/game/field"
	"loumiao/game/pb"
)

const (
	fieldTick = time.Second / field.TicksPerSecond
	joinTicks = 10 * field.TicksPerSecond // in which a player who has a place has to join

	maxSaid            = 200                     // characters
	sayTicks, sayBurst = field.TicksPerSecond, 5 // one a second for long
)

var (
	errNotHere = fault.New(fault.FailedPrecondition, "enter the field first")
	errLate    = fault.New(fault.Deadline, "the player has not joined the field")
)

// A Field is the state of one field's actor. Only that actor touches it.
type Field struct {
	fields  *fields
	hosted  *hosted
	sim     *field.Field[visitor]
	visits  map[int64]*visit // by player
	ticks   actor.Timer      // while there are visits
	ticking bool
	cast    caster
	closed  error // why nobody may come any more; nil: they may
}

// A visit is one stay of one player, as his owner has announced it.
type visit struct {
	number  int64
	session id.Session
	name    string
	spot    field.Point
	walker  *field.Walker[visitor] // nil until he has joined

	until    int32 // tick by which he has to join
	reportAt int32 // tick in which his owner is told next where he is
	quiet    int32 // tick until when he has said enough: each word adds sayTicks
}

// What a field is told by its node and by itself.
type (
	visiting struct {
		actor.Returns[*pb.Done]
		request *pb.VisitField
	}
	ending struct {
		actor.Returns[*pb.EndVisitReply]
		request *pb.EndVisit
	}
	closing      struct{ why error }
	unknownVisit struct{ player, visit int64 } // the player's owner knows nothing of it
	fieldTicked  struct{}
)

// arrive makes a field that has been opened.
func (f *fields) arrive(_ *actor.Context, number api.FieldID) (*Field, error) {
	h := f.find(number)
	if h == nil {
		return nil, fault.Errorf(fault.NotFound, "field %d is not here", number)
	}
	return &Field{fields: f, hosted: h, sim: field.New[visitor](int64(number), h.rules.Rules()), visits: map[int64]*visit{}, cast: f.caster()}, nil
}

// visit keeps a place for a player.
func (f *Field) visit(ctx *actor.Context, m *visiting) (*pb.Done, error) {
	r := m.request
	if f.closed != nil {
		return nil, f.closed
	}
	if r.GetPlayer() <= 0 || r.GetVisit() <= 0 || r.GetSession() == 0 {
		return nil, fault.New(fault.Invalid, "a visit needs a player, a number and a session")
	}
	v := f.visits[r.GetPlayer()]
	if v != nil && v.number > r.GetVisit() {
		return nil, fault.New(fault.FailedPrecondition, "the player has a newer visit")
	}
	if v != nil && v.number < r.GetVisit() {
		f.end(r.GetPlayer(), v, nil)
		v = nil
	}
	if v == nil {
		if len(f.visits) >= f.hosted.Hard {
			return nil, fault.New(fault.Overloaded, "the line is full")
		}
		v = &visit{number: r.GetVisit(), session: id.Session(r.GetSession()), name: r.GetName(), until: f.sim.Tick() + joinTicks}
		f.visits[r.GetPlayer()] = v
		f.counted()
		if !f.ticking {
			f.ticking, f.ticks = true, ctx.Every(fieldTick, &fieldTicked{})
		}
	}
	if v.walker == nil {
		v.spot = f.hosted.rules.Rules().Place(uint64(r.GetPlayer()))
		if at := (field.Point{X: r.GetSpot().GetX(), Y: r.GetSpot().GetY()}); r.GetSpot() != nil && f.sim.Rules().Has(at) { // the map may have become smaller
			v.spot = at
		}
	}
	return &pb.Done{}, nil
}

// endVisit takes a player off because his owner says so.
func (f *Field) endVisit(_ *actor.Context, m *ending) (*pb.EndVisitReply, error) {
	v := f.visits[m.request.GetPlayer()]
	if v == nil || v.number != m.request.GetVisit() {
		return &pb.EndVisitReply{}, nil
	}
	f.end(m.request.GetPlayer(), v, nil)
	return &pb.EndVisitReply{Spot: v.where()}, nil
}

func (v *visit) where() *pb.FieldSpot {
	if v.walker != nil {
		v.spot = v.walker.At()
	}
	return &pb.FieldSpot{X: v.spot.X, Y: v.spot.Y}
}

// end takes a player off. With why, his owner is told.
func (f *Field) end(player int64, v *visit, why error) {
	delete(f.visits, player)
	if v.walker != nil {
		f.sim.Leave(v.walker)
	}
	f.counted()
	if why == nil {
		return
	}
	code, reason := fault.Outside(why)
	last := report{m: &pb.PlayerOnField{Player: player, Visit: v.number, Spot: v.where(), Left: uint32(code), Reason: reason}}
	if !f.fields.report.take(last) {
		f.fields.log.Warn("the end of a visit is not told: too much is", "player", player, "field", f.hosted.Field)
	}
}

// counted tells the node how many players there are.
func (f *Field) counted() {
	f.hosted.players.Store(int64(len(f.visits)))
	f.fields.tellDirectory()
}

func (f *Field) join(ctx *actor.Context, _ *pb.JoinField) (*pb.JoinFieldReply, error) {
	s := line.SessionOf(ctx)
	if s == nil {
		return nil, fault.New(fault.Invalid, "only a client joins a field")
	}
	return f.admit(ctx, s.Player, s.ID, s)
}

// admit has a player step onto the field by the session that his owner has named; or, if he is there, be shown everything again.
func (f *Field) admit(ctx *actor.Context, player int64, session id.Session, client visitor) (*pb.JoinFieldReply, error) {
	v := f.visits[player]
	if v == nil || v.session != session {
		return nil, errNotHere
	}
	if v.walker == nil {
		w, err := f.sim.Enter(player, v.name, v.spot, client)
		if err != nil {
			return nil, err
		}
		v.walker = w
		every := f.fields.reportTicks()
		v.reportAt = f.sim.Tick() + 1 + w.Number()%every // not all at once
	}
	v.walker.Client = client
	f.sim.ShowAgain(v.walker)
	client.Watch(ctx.Self())
	rules, at := f.sim.Rules(), v.walker.At()
	return &pb.JoinFieldReply{
		Field: int64(f.hosted.Field), Walker: v.walker.Number(), X: at.X, Y: at.Y, Width: rules.Width, Height: rules.Height, View: rules.View, Speed: rules.Speed,
		TickMs: int32(fieldTick.Milliseconds()), Corrections: v.walker.Corrections(),
	}, nil
}

// of is the visit of a client who has joined; nil: his player is not here, or by another session.
func (f *Field) of(player int64, client visitor) *visit {
	if v := f.visits[player]; v != nil && v.walker != nil && v.walker.Client == client {
		return v
	}
	return nil
}

func (f *Field) move(ctx *actor.Context, m *pb.MoveField) error {
	if s := line.SessionOf(ctx); s != nil {
		f.walk(s.Player, s, m)
	}
	return nil
}

// walk moves a player. Moves of clients who are not here are nobody's fault: they have not heard of it yet.
func (f *Field) walk(player int64, client visitor, m *pb.MoveField) {
	v := f.of(player, client)
	if v == nil {
		return
	}
	err := f.sim.Move(v.walker, field.Point{X: m.GetX(), Y: m.GetY()}, m.GetCorrections())
	if err == nil {
		return
	}
	code, reason := fault.Outside(err)
	f.fields.stats.refused.Inc()
	at := v.walker.At()
	_ = client.Push(&pb.FieldCorrected{ // who does not hear it is told where he is when he joins again
		Field: int64(f.hosted.Field), X: at.X, Y: at.Y, Corrections: v.walker.Corrections(), Code: uint32(code), Reason: reason,
	})
}

func (f *Field) say(ctx *actor.Context, m *pb.SayField) (*pb.SayFieldReply, error) {
	s := line.SessionOf(ctx)
	if s == nil {
		return nil, fault.New(fault.Invalid, "only a client says something")
	}
	return f.speak(s.Player, s, m.GetText())
}

// speak has those who are near a player hear him.
func (f *Field) speak(player int64, client visitor, text string) (*pb.SayFieldReply, error) {
	v := f.of(player, client)
	if v == nil {
		return nil, errNotHere
	}
	if err := checkSaid(text); err != nil {
		return nil, err
	}
	now := f.sim.Tick()
	if v.quiet = max(v.quiet, now); v.quiet+sayTicks > now+sayBurst*sayTicks {
		return nil, fault.New(fault.RateLimited, "too much said at once; wait a second")
	}
	v.quiet += sayTicks
	var near []visitor
	f.sim.Near(v.walker, func(c visitor) { near = append(near, c) })
	said := &pb.FieldSaid{Field: int64(f.hosted.Field), Walker: v.walker.Number(), Player: player, Name: v.name, Text: text}
	if err := f.cast(near, said); err != nil {
		f.fields.log.Debug("not everybody near has heard a player", "field", f.hosted.Field, "err", err)
	}
	return &pb.SayFieldReply{}, nil
}

// checkSaid is what the world asks of private chat.
func checkSaid(text string) error {
	switch {
	case len(text) > maxSaid*utf8.UTFMax || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxSaid || strings.TrimSpace(text) == "":
		return fault.Errorf(fault.Invalid, "what is said has 1 to %d characters", maxSaid)
	case strings.ContainsFunc(text, unicode.IsControl):
		return fault.New(fault.Invalid, "what is said has no control characters")
	}
	return nil
}

func (f *Field) detached(_ *actor.Context, m *line.Detached) error {
	f.gone(m.Session.Player, m.Session)
	return nil
}

// gone takes off a player whose session is gone.
func (f *Field) gone(player int64, client visitor) {
	if v := f.of(player, client); v != nil {
		f.end(player, v, fault.New(fault.Lost, "the player's session is gone"))
	}
}

// unknown takes off a player whose owner knows nothing of the visit.
func (f *Field) unknown(_ *actor.Context, m *unknownVisit) error {
	if v := f.visits[m.player]; v != nil && v.number == m.visit {
		f.end(m.player, v, nil)
	}
	return nil
}

// tick shows everybody what has changed. Ticks that a stalled process misses are not made up for.
func (f *Field) tick(_ *actor.Context, _ *fieldTicked) error {
	began := time.Now()
	f.sim.Show(f.show)
	f.look()
	if len(f.visits) == 0 {
		f.ticks.Stop()
		f.ticking = false
	}
	f.fields.stats.ticks.Observe(time.Since(began).Seconds())
	return nil
}

func (f *Field) show(to []visitor, u *pb.FieldUpdate) {
	f.fields.stats.updates.Inc()
	if err := f.cast(to, u); err != nil { // a full line: the next full update makes up for it
		f.fields.stats.lost.Inc()
	}
}

// look ends visits of those who do not join, and has owners told where the others are.
func (f *Field) look() {
	now := f.sim.Tick()
	for player, v := range f.visits {
		switch {
		case v.walker == nil && now >= v.until:
			f.end(player, v, errLate)
		case v.walker != nil && now >= v.reportAt:
			v.reportAt = now + f.fields.reportTicks()
			where := report{m: &pb.PlayerOnField{Player: player, Visit: v.number, Spot: v.where()}, from: f.ref()}
			f.fields.report.take(where) // or the next time
		}
	}
}

// ref is the field's own actor.
func (f *Field) ref() actor.Ref {
	ref, _ := f.fields.pool.Get(f.hosted.Field)
	return ref
}

// reportTicks is after how many ticks a player's owner is told again where he is.
func (f *fields) reportTicks() int32 { return int32(max(1, f.cfg.ReportEvery/fieldTick)) }

func (f *Field) close(ctx *actor.Context, m *closing) error {
	f.over(ctx, m.why)
	ctx.Stop()
	return nil
}

// stopped is the last thing that the actor does, unless a handler has panicked.
func (f *Field) stopped(ctx *actor.Context) { f.over(ctx, errStopping) }

// failed ends the field of which a handler has panicked.
func (f *Field) failed(ctx *actor.Context) {
	f.over(ctx, fault.New(fault.Internal, "the field has failed"))
}

// over takes everybody off, once.
func (f *Field) over(ctx context.Context, why error) {
	if f.closed != nil {
		return
	}
	f.closed = why
	defer f.fields.forget(ctx, f.hosted.Field)
	for player, v := range f.visits {
		f.end(player, v, why)
	}
}
