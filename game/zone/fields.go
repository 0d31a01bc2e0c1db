package zone

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/tables"
)

const (
	fieldMailbox  = 16384                  // more than 2,000 players may send in a second of standstill
	renewAtMost   = 100 * time.Millisecond // between two renewals of the directory
	renewPatience = 2 * time.Second        // for the directory to answer
	stopFields    = 5 * time.Second        // for all fields to end, when the node stops
)

// errStopping: nobody new is let onto a field, or a field is ended.
var errStopping = fault.New(fault.Unavailable, "the map's server is stopping")

// fields is the fields that a zone hosts. It is safe for concurrent use.
type fields struct {
	cfg    FieldConfig
	area   api.Area // 0: all
	self   id.Node
	boot   id.Boot
	ids    func() int64
	tables func() *tables.Tables
	dir    directory
	report *reporter
	caster func() caster
	log    *slog.Logger
	stats  *fieldStats
	pool   *actor.Pool[api.FieldID, Field]

	changed chan struct{} // told when the directory should hear of it soon

	mu       sync.Mutex
	hosted   map[api.FieldID]*hosted
	opening  int
	stopping bool
}

// A hosted is a field as its zone knows it.
type hosted struct {
	listing            // Players is not up to date
	rules   tables.Map // when it was opened
	players atomic.Int64
	empty   time.Time // since when nobody is there; zero: somebody is. The keeper's
}

// now is the listing with how many players there are now.
func (h *hosted) now() listing {
	l := h.listing
	l.Players = int(h.players.Load())
	return l
}

// A caster sends a message to many. It keeps neither.
type caster func(to []visitor, m proto.Message) error

// multicast sends to sessions, in one frame for each gate where what is sent may be lost. It is for one goroutine.
func multicast(srv *line.Server) caster {
	var sessions []*line.Session
	return func(to []visitor, m proto.Message) error {
		sessions = sessions[:0]
		for _, v := range to {
			if s, ok := v.(*line.Session); ok {
				sessions = append(sessions, s)
			}
		}
		defer clear(sessions)
		return srv.Multicast(sessions, m)
	}
}

// newFields is the fields of a node.
func newFields(n *node.Node, cfg FieldConfig) *fields {
	f := &fields{
		cfg: cfg, area: api.Area(n.Area()), self: n.ID(), boot: n.Boot(), ids: n.IDs().Next, tables: api.Tables.Of(n.Live()).Get,
		dir: &register{client: n.Stores().Redis(), key: n.Stores().Key}, log: n.Log(),
		caster: func() caster { return multicast(n.Line()) },
	}
	f.build(n.Actors(), func(ctx context.Context, m *pb.PlayerOnField) error {
		_, err := api.PlayerOnField.Call(ctx, n.RPC(), m)
		return err
	})
	return f
}

// build makes what the fields need of an actor system, and of players' owners.
func (f *fields) build(sys *actor.System, tell func(context.Context, *pb.PlayerOnField) error) {
	f.hosted, f.changed = map[api.FieldID]*hosted{}, make(chan struct{}, 1)
	f.report, f.stats = newReporter(tell), newFieldStats(f)
	f.pool = actor.NewPool(sys, f.arrive, actor.PoolConfig{Name: "field", OnRequest: true, Mailbox: fieldMailbox})
	b := f.pool.Behavior()
	actor.Handle(b, guarded((*Field).visit))
	actor.Handle(b, guarded((*Field).endVisit))
	actor.HandleTell(b, guardedTell((*Field).tick))
	actor.HandleTell(b, guardedTell((*Field).detached))
	actor.HandleTell(b, guardedTell((*Field).unknown))
	actor.HandleTell(b, guardedTell((*Field).close))
	b.OnStop((*Field).stopped)
}

// serve registers what clients may send and peers may call.
func (f *fields) serve(h line.Host) {
	line.HandleBy(h, f.pool, fieldOf[*pb.JoinField], guarded((*Field).join))
	line.HandleSendBy(h, f.pool, fieldOf[*pb.MoveField], guardedTell((*Field).move))
	line.HandleBy(h, f.pool, fieldOf[*pb.SayField], guarded((*Field).say))
}

func (f *fields) serveRPC(h rpc.Host) {
	rpc.HandleFunc(h, api.ListFieldLines, f.list)
	rpc.HandleFunc(h, api.VisitField, func(ctx context.Context, m *pb.VisitField) (*pb.Done, error) {
		return askField(ctx, f, m.GetField(), &visiting{request: m})
	})
	rpc.HandleFunc(h, api.EndVisit, func(ctx context.Context, m *pb.EndVisit) (*pb.EndVisitReply, error) {
		return askField(ctx, f, m.GetField(), &ending{request: m})
	})
}

func askField[R any](ctx context.Context, f *fields, number int64, m actor.Request[R]) (R, error) {
	reply, err := actor.AskPool(ctx, f.pool, api.FieldID(number), m)
	if errors.Is(err, actor.ErrNoActor) || errors.Is(err, actor.ErrStopped) {
		err = fault.Errorf(fault.NotFound, "field %d is not here", number)
	}
	return reply, err
}

// fieldOf is the field that a client's message names. Whether its player is there is for the field to say.
func fieldOf[M interface{ GetField() int64 }](_ *line.Session, m M) (api.FieldID, error) {
	return api.FieldID(m.GetField()), nil
}

// list says which lines a map has, and opens one if that is asked for and needed.
func (f *fields) list(ctx context.Context, m *pb.ListFieldLines) (*pb.ListFieldLinesReply, error) {
	area := api.Area(m.GetArea())
	row, ok := f.tables().Map(m.GetMap())
	switch {
	case m.GetArea() > 1<<16-1 || f.area != 0 && area != f.area:
		return nil, fault.Errorf(fault.Invalid, "this zone is not for area %d", m.GetArea())
	case !ok:
		return nil, fault.New(fault.NotFound, "there is no such map")
	case len(m.GetFull()) > tables.MaxLines:
		return nil, fault.New(fault.Invalid, "there are no so many lines")
	}
	if m.GetOpen() {
		if _, err := f.open(ctx, area, row, m.GetFull()); err != nil {
			return nil, err
		}
	}
	lines, err := f.dir.list(ctx, area, row.ID)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "it is not known now which lines there are")
	}
	reply := &pb.ListFieldLinesReply{}
	for _, l := range lines {
		reply.Lines = append(reply.Lines, &pb.HostedLine{
			Field: int64(l.Field), Line: l.Line, Zone: uint32(l.Zone), Boot: uint64(l.Boot), Players: int32(l.Players), Soft: int32(l.Soft), Hard: int32(l.Hard),
		})
	}
	return reply, nil
}

// open opens a line here if another one is wanted and this node has room for it; it reports whether it has.
func (f *fields) open(ctx context.Context, area api.Area, m tables.Map, full []int64) (bool, error) {
	if err := f.begin(); err != nil {
		return false, err
	}
	l := listing{Area: area, Map: m.ID, Field: api.FieldID(f.ids()), Zone: f.self, Boot: f.boot, Soft: m.Soft, Hard: m.Hard}
	l, opened, err := f.dir.open(ctx, l, m, full)
	f.mu.Lock()
	f.opening--
	if opened {
		f.hosted[l.Field] = &hosted{listing: l, rules: m}
	}
	f.mu.Unlock()
	if err != nil {
		return false, fault.Wrap(err, fault.Unavailable, "no line can be opened now")
	}
	if !opened {
		return false, nil
	}
	if _, err := f.pool.Create(l.Field); err != nil { // the node is stopping
		f.forget(ctx, l.Field)
		return false, errStopping
	}
	f.log.Info("line opened", "map", l.Map, "area", l.Area, "line", l.Line, "field", l.Field)
	return true, nil
}

// begin takes the place of a field that is about to be opened.
func (f *fields) begin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.stopping:
		return errStopping
	case len(f.hosted)+f.opening >= f.cfg.MaxLines:
		return fault.Errorf(fault.Overloaded, "the node hosts %d lines already", f.cfg.MaxLines)
	}
	f.opening++
	return nil
}

func (f *fields) find(field api.FieldID) *hosted {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hosted[field]
}

// forget takes a field that is over out of the books, and out of the directory.
func (f *fields) forget(ctx context.Context, field api.FieldID) {
	f.mu.Lock()
	h := f.hosted[field]
	delete(f.hosted, field)
	f.mu.Unlock()
	if h == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, renewPatience)
	defer cancel()
	if _, err := f.dir.close(ctx, h.listing, evenTheLast); err != nil {
		f.log.Debug("line not taken out of the directory; it will time out", "field", field, "err", err)
	}
}

// tellDirectory has the directory hear soon of what has changed.
func (f *fields) tellDirectory() {
	select {
	case f.changed <- struct{}{}:
	default: // it is about to
	}
}

// keep keeps the directory, and opens and closes lines, until ctx ends.
func (f *fields) keep(ctx context.Context) {
	often := time.NewTicker(renewEvery)
	defer often.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-often.C:
			f.look(ctx, time.Now())
		case <-f.changed:
			f.renew(ctx)
			if !waited(ctx, renewAtMost) {
				return
			}
		}
	}
}

// all is what the node hosts now.
func (f *fields) all() []*hosted {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]*hosted, 0, len(f.hosted))
	for _, h := range f.hosted {
		list = append(list, h)
	}
	return list
}

// renew says of every field how many players it has. One whose number is another's by now is closed.
func (f *fields) renew(ctx context.Context) {
	for _, h := range f.all() {
		held, err := f.renewOne(ctx, h)
		if err != nil {
			f.log.Debug("line not told to the directory; will try again", "field", h.Field, "err", err)
		} else if !held {
			f.log.Warn("another field has the line's number; this one closes", "map", h.Map, "area", h.Area, "line", h.Line, "field", h.Field)
			f.end(h, fault.New(fault.Unavailable, "the line has moved"))
		}
	}
}

func (f *fields) renewOne(ctx context.Context, h *hosted) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, renewPatience)
	defer cancel()
	return f.dir.renew(ctx, h.now())
}

// end has a field close.
func (f *fields) end(h *hosted, why error) {
	if err := f.pool.Tell(h.Field, &closing{why: why}); err != nil {
		f.log.Debug("field not told to close; will try again", "field", h.Field, "err", err)
	}
}

// look renews, closes lines that have been empty for long, and opens others before they are asked for.
func (f *fields) look(ctx context.Context, now time.Time) {
	f.renew(ctx)
	type place struct {
		area api.Area
		name string
	}
	looked := map[place]bool{}
	for _, h := range f.all() {
		row, there := f.tables().Map(h.Map)
		if !there {
			row = tables.Map{} // nobody comes any more
		}
		switch {
		case h.players.Load() > 0:
			h.empty = time.Time{}
		case h.empty.IsZero():
			h.empty = now
		case now.Sub(h.empty) >= f.cfg.CloseAfter:
			f.closeEmpty(ctx, h, row.LinesMin)
		}
		if at := (place{h.Area, h.Map}); there && !looked[at] {
			looked[at] = true
			f.openMore(ctx, h.Area, row)
		}
	}
}

func (f *fields) closeEmpty(ctx context.Context, h *hosted, least int) {
	ctx, cancel := context.WithTimeout(ctx, renewPatience)
	defer cancel()
	if closed, err := f.dir.close(ctx, h.listing, least); err == nil && closed {
		f.log.Info("line closed", "map", h.Map, "area", h.Area, "line", h.Line, "field", h.Field)
		f.end(h, fault.New(fault.Unavailable, "the line has closed")) // who has come in this moment enters another
	}
}

func (f *fields) openMore(ctx context.Context, area api.Area, row tables.Map) {
	ctx, cancel := context.WithTimeout(ctx, renewPatience)
	defer cancel()
	if _, err := f.open(ctx, area, row, nil); err != nil {
		f.log.Debug("no line opened", "map", row.ID, "area", area, "err", err)
	}
}

// stop ends every field. The players' owners are told where they were.
func (f *fields) stop(ctx context.Context) error {
	f.mu.Lock()
	f.stopping = true
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, stopFields)
	defer cancel()
	err := f.pool.Drain(ctx)
	return errors.Join(err, f.report.flush(ctx))
}
