package world

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/tables"
)

// A player is on one field or in a battle, never both, and his world says where: zones take in whom his world has announced, and let go whom it does not know to be there.
//
//	EnterField ─► zone.ListFieldLines: the fullest line with room ─► zone.VisitField keeps a place ─► saved ─► session bound ─► EnterFieldReply
//	zone ─► player.OnField every few seconds, and at the end ─► Spot, saved with the rest
//	a match, LeaveField, another line, another session ─► zone.EndVisit, which answers with the last spot

const (
	fieldTimeout = time.Second // for a zone to answer
	fieldTries   = 5           // lines that are tried: each may have become full meanwhile

	// A player takes a place on a line each second for long, and five at once: on each he may go a second's way at once, so that who kept changing would walk many times as fast as others.
	placeEvery, placeBurst = time.Second, 5
)

// A Field is the line that the player is on, or has a place on. It never changes. It is part of his state, and so it is known to whichever world has him next.
type Field struct {
	ID      api.FieldID `json:"id"`
	Map     string      `json:"map"`
	Line    int32       `json:"line"`
	Visit   int64       `json:"visit"`
	Zone    id.Node     `json:"zone"`
	Boot    id.Boot     `json:"boot"`
	Session id.Session  `json:"session"` // which alone may step onto it
}

// A Spot is where on a map the player was when that was last heard. It never changes.
type Spot struct {
	Map string `json:"map"`
	X   int32  `json:"x"`
	Y   int32  `json:"y"`
}

func (f *Field) place() *pb.FieldPlace {
	return &pb.FieldPlace{Field: int64(f.ID), Map: f.Map, Line: f.Line}
}

var (
	errInBattle = fault.New(fault.FailedPrecondition, "in a battle")
	errNoMap    = fault.New(fault.NotFound, "there is no such map")
	errMapFull  = fault.New(fault.Overloaded, "the map is full")
	errHopping  = fault.New(fault.RateLimited, "too many changes of line; wait a second")
	errNoZone   = fault.New(fault.Unavailable, "nobody hosts maps now")
)

func (w *World) serveFields(n *node.Node) {
	line.Handle(n, w.players, entered((*Player).enterField))
	line.Handle(n, w.players, entered((*Player).leaveField))
	line.Handle(n, w.players, entered((*Player).getFieldLines))
	rpc.Handle(n, w.players, api.PlayerOnField, (*Player).onField)
	rpc.HandleFunc(n, api.FindOnField, w.findOnField)
}

// enterField takes the player onto a map, or to another line of it.
func (p *Player) enterField(ctx *actor.Context, m *pb.EnterField) (*pb.EnterFieldReply, error) {
	if p.engaged(ctx) {
		return nil, errInBattle
	}
	if _, ok := p.world.tables().Map(m.GetMap()); !ok {
		return nil, errNoMap
	}
	wish, err := p.wishedLine(ctx, m)
	if err != nil {
		return nil, err
	}
	before := p.state.Field
	next, err := p.takePlace(ctx, m.GetMap(), wish)
	if err != nil {
		return nil, err
	}
	if before == nil || before.ID != next.ID {
		if before != nil && p.endVisit(ctx, before) { // which says where he was last
			_ = p.visit(ctx, next) // or he steps onto the map where he was a little while ago
		}
		// Before anybody is told: should this world die, the next one knows where he is.
		err := p.commit(ctx, func(s *State) { s.Field = next })
		if err != nil {
			_ = p.endVisit(ctx, next)
			if before != nil {
				p.offField(ctx, fault.Unavailable, "the change of line could not be saved")
			}
			return nil, err
		}
	}
	p.world.whereabouts.set(p.id, p.state.Field)
	p.session.Bind(api.Zone, next.Zone)
	return &pb.EnterFieldReply{Place: next.place()}, nil
}

// wishedLine is the line that the player asks for; 0: any.
func (p *Player) wishedLine(ctx *actor.Context, m *pb.EnterField) (int32, error) {
	switch {
	case m.GetLine() < 0 || m.GetLine() > tables.MaxLines || m.GetLine() != 0 && m.GetFriend() != 0:
		return 0, fault.Errorf(fault.Invalid, "a line is 1 to %d, or a friend's", tables.MaxLines)
	case m.GetFriend() == 0:
		return m.GetLine(), nil
	}
	if err := p.meet(ctx); err != nil {
		return 0, err
	}
	if p.circle.is(m.GetFriend()) != pb.Friend_FRIEND {
		return 0, fault.New(fault.Forbidden, "the player is no friend")
	}
	short, cancel := context.WithTimeout(ctx, fieldTimeout)
	defer cancel()
	at, err := api.FindOnField.Call(short, p.world.rpc, &pb.FindOnField{Player: m.GetFriend()}, rpc.Owner(m.GetFriend()))
	switch code := fault.CodeOf(err); {
	case code == fault.NotOwner || err == nil && at.GetMap() != m.GetMap():
		return 0, fault.New(fault.FailedPrecondition, "the friend is not on this map")
	case err != nil:
		return 0, err
	}
	return at.GetLine(), nil
}

// takePlace has a line keep a place for the player.
func (p *Player) takePlace(ctx *actor.Context, name string, wish int32) (*Field, error) {
	var full []int64
	for try := range fieldTries {
		lines, err := p.world.fieldLines(ctx, p.area, name, wish == 0, full)
		if err != nil {
			return nil, err
		}
		next, err := p.choose(lines, name, wish, full)
		if err != nil {
			return nil, err
		}
		if try == 0 && next != p.state.Field && !allow(&p.places, placeEvery, placeBurst, p.world.now()) {
			return nil, errHopping
		}
		err = p.visit(ctx, next)
		if err == nil {
			return next, nil
		}
		switch fault.CodeOf(err) {
		case fault.Overloaded, fault.NotFound, fault.Unavailable, fault.Lost, fault.Deadline, fault.Unimplemented:
			full = append(full, int64(next.ID)) // or gone
		default:
			return nil, err
		}
	}
	return nil, errMapFull
}

// choose is the line that the player is to be on: the one that he asks for, the one that he is on, the fullest that has room for comfort, or the emptiest.
func (p *Player) choose(lines []*pb.HostedLine, name string, wish int32, full []int64) (*Field, error) {
	var best *pb.HostedLine
	better := func(a, b *pb.HostedLine) bool {
		roomA, roomB := a.GetPlayers() < a.GetSoft(), b.GetPlayers() < b.GetSoft()
		if roomA != roomB {
			return roomA
		}
		order := cmp.Or(cmp.Compare(b.GetPlayers(), a.GetPlayers()), cmp.Compare(a.GetLine(), b.GetLine()))
		if !roomA {
			order = cmp.Compare(a.GetPlayers(), b.GetPlayers())
		}
		return order < 0
	}
	on := p.state.Field
	for _, l := range lines {
		mine := on != nil && on.ID == api.FieldID(l.GetField()) && on.Session == p.session.ID
		switch {
		case !p.world.alive(id.Node(l.GetZone()), id.Boot(l.GetBoot())) || slices.Contains(full, l.GetField()):
			continue
		case mine && (wish == 0 || wish == l.GetLine()):
			return on, nil
		case wish != 0 && wish != l.GetLine() || l.GetPlayers() >= l.GetHard():
			continue
		case best == nil || better(l, best):
			best = l
		}
	}
	switch {
	case best != nil:
		return &Field{
			ID: api.FieldID(best.GetField()), Map: name, Line: best.GetLine(), Visit: p.world.node.IDs().Next(),
			Zone: id.Node(best.GetZone()), Boot: id.Boot(best.GetBoot()), Session: p.session.ID,
		}, nil
	case wish == 0:
		return nil, errMapFull
	case slices.ContainsFunc(lines, func(l *pb.HostedLine) bool { return l.GetLine() == wish }):
		return nil, fault.New(fault.Overloaded, "the line is full")
	}
	return nil, fault.New(fault.NotFound, "there is no such line")
}

// visit has a zone keep a place for the player, where he was on that map last.
func (p *Player) visit(ctx context.Context, f *Field) error {
	ctx, cancel := context.WithTimeout(ctx, fieldTimeout)
	defer cancel()
	m := &pb.VisitField{Field: int64(f.ID), Player: int64(p.id), Visit: f.Visit, Session: uint64(f.Session), Name: p.profile.GetName()}
	if s := p.state.Spot; s != nil && s.Map == f.Map {
		m.Spot = &pb.FieldSpot{X: s.X, Y: s.Y}
	}
	_, err := api.VisitField.Call(ctx, p.world.rpc, m, rpc.To(f.Zone))
	return err
}

// endVisit has a zone let the player go, and reports whether it has said where he was. A zone that does not hear it learns it when it next says where he is.
func (p *Player) endVisit(ctx context.Context, f *Field) bool {
	if !p.world.alive(f.Zone, f.Boot) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, fieldTimeout)
	defer cancel()
	reply, err := api.EndVisit.Call(ctx, p.world.rpc, &pb.EndVisit{Field: int64(f.ID), Player: int64(p.id), Visit: f.Visit}, rpc.To(f.Zone))
	if err != nil {
		p.world.log.Debug("a zone was not told that a player leaves a field", "player", p.id, "field", f.ID, "err", err)
	}
	return p.hearSpot(f, reply.GetSpot())
}

// hearSpot notes where the player was on a field.
func (p *Player) hearSpot(f *Field, at *pb.FieldSpot) bool {
	if at != nil {
		p.state.Spot = &Spot{f.Map, at.GetX(), at.GetY()}
	}
	return at != nil
}

// leaveField takes the player off because he wants it.
func (p *Player) leaveField(ctx *actor.Context, _ *pb.LeaveField) (*pb.LeaveFieldReply, error) {
	p.offField(ctx, fault.OK, "")
	return &pb.LeaveFieldReply{}, nil
}

// offField takes the player off the field that he is on, if any, and has the client hear why unless code is OK.
func (p *Player) offField(ctx *actor.Context, code fault.Code, reason string) {
	f := p.state.Field
	if f == nil {
		return
	}
	_ = p.endVisit(ctx, f)
	p.forgetField(ctx, code, reason)
}

// forgetField notes that the player is on no field.
func (p *Player) forgetField(ctx *actor.Context, code fault.Code, reason string) {
	f := p.state.Field
	p.state.Field = nil
	p.world.whereabouts.set(p.id, nil)
	p.changed(ctx)
	if p.session == nil || p.session.ID != f.Session {
		return
	}
	p.session.Unbind(api.Zone)
	if code != fault.OK {
		p.push(&pb.FieldLeft{Field: int64(f.ID), Code: uint32(code), Reason: reason})
	}
}

// onField is told by a zone where the player is, or that he is there no more.
func (p *Player) onField(ctx *actor.Context, m *pb.PlayerOnField) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	f := p.state.Field
	if f == nil || f.Visit != m.GetVisit() {
		return nil, fault.New(fault.FailedPrecondition, "the player is not there")
	}
	if before := p.state.Spot; before == nil || *before != (Spot{f.Map, m.GetSpot().GetX(), m.GetSpot().GetY()}) {
		p.hearSpot(f, m.GetSpot())
		p.changed(ctx)
	}
	if m.GetLeft() != 0 {
		p.forgetField(ctx, fault.Code(m.GetLeft()), m.GetReason())
	}
	return &pb.Done{}, nil
}

// fieldLost is told when a zone is gone: the player was where it said last.
func (p *Player) fieldLost(ctx *actor.Context, m *zoneLost) {
	if f := p.state.Field; f != nil && f.Zone == m.zone && f.Boot == m.boot {
		p.forgetField(ctx, fault.Unavailable, "the map's server is gone")
	}
}

// backOnField is where a player who enters the world is on a field; nil: nowhere. Only the session that went there goes on there.
func (p *Player) backOnField(ctx *actor.Context) *pb.FieldPlace {
	f := p.state.Field
	switch {
	case f == nil:
		return nil
	case p.state.Match != nil || f.Session != p.session.ID || !p.world.alive(f.Zone, f.Boot):
		p.offField(ctx, fault.OK, "") // of which the reply says nothing, and that is enough
		return nil
	}
	p.world.whereabouts.set(p.id, f)
	p.session.Bind(api.Zone, f.Zone)
	return f.place()
}

func (p *Player) getFieldLines(ctx *actor.Context, m *pb.GetFieldLines) (*pb.GetFieldLinesReply, error) {
	if _, ok := p.world.tables().Map(m.GetMap()); !ok {
		return nil, errNoMap
	}
	lines, err := p.world.fieldLines(ctx, p.area, m.GetMap(), false, nil)
	if err != nil {
		return nil, err
	}
	reply := &pb.GetFieldLinesReply{}
	for _, l := range lines {
		if p.world.alive(id.Node(l.GetZone()), id.Boot(l.GetBoot())) {
			reply.Lines = append(reply.Lines, &pb.FieldLine{Line: l.GetLine(), Players: l.GetPlayers(), Soft: l.GetSoft(), Hard: l.GetHard()})
		}
	}
	return reply, nil
}

// fieldLines asks a zone which lines a map has, and with open to open one if it is needed. A zone that cannot is passed over for another; where none may open one, there may
// still be room on those that there are.
func (w *World) fieldLines(ctx context.Context, area api.Area, name string, open bool, full []int64) ([]*pb.HostedLine, error) {
	zones := w.zones(area)
	lines, err := w.fieldLinesOf(ctx, zones, &pb.ListFieldLines{Area: uint32(area), Map: name, Open: open, Full: full})
	if open && fault.CodeOf(err) == fault.Overloaded {
		return w.fieldLinesOf(ctx, zones, &pb.ListFieldLines{Area: uint32(area), Map: name})
	}
	return lines, err
}

func (w *World) fieldLinesOf(ctx context.Context, zones []id.Node, m *pb.ListFieldLines) ([]*pb.HostedLine, error) {
	err := error(errNoZone)
	for _, zone := range zones {
		var reply *pb.ListFieldLinesReply
		short, cancel := context.WithTimeout(ctx, fieldTimeout)
		reply, err = api.ListFieldLines.Call(short, w.rpc, m, rpc.To(zone))
		cancel()
		if err == nil {
			return reply.GetLines(), nil
		}
	}
	return nil, err
}

// zones is up to three zones that serve the area, in random order: by chance they host about as many lines each.
func (w *World) zones(area api.Area) []id.Node {
	var zones []id.Node
	for _, m := range w.node.Cluster().Snapshot().ByType(api.Zone) {
		if m.State == cluster.Ready && (m.Area == 0 || api.Area(m.Area) == area) {
			zones = append(zones, m.Node)
		}
	}
	rand.Shuffle(len(zones), func(i, j int) { zones[i], zones[j] = zones[j], zones[i] })
	return zones[:min(len(zones), 3)]
}

// alive reports whether that life of a node is in the cluster.
func (w *World) alive(n id.Node, boot id.Boot) bool {
	m, ok := w.node.Cluster().Snapshot().Node(n)
	return ok && m.Boot == boot
}

// findOnField says which line a player is on who is owned here, without his actor: who asks is an actor too.
func (w *World) findOnField(_ context.Context, m *pb.FindOnField) (*pb.FindOnFieldReply, error) {
	f := w.whereabouts.of(api.PlayerID(m.GetPlayer()))
	if f == nil {
		return &pb.FindOnFieldReply{}, nil
	}
	return &pb.FindOnFieldReply{Map: f.Map, Line: f.Line}, nil
}

// whereabouts is on which fields the players are who are here. It is safe for concurrent use.
type whereabouts struct {
	mu     sync.Mutex
	fields map[api.PlayerID]*Field
}

// set notes where a player is; nil: nowhere.
func (w *whereabouts) set(p api.PlayerID, f *Field) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f == nil {
		delete(w.fields, p)
	} else {
		w.fields[p] = f
	}
}

func (w *whereabouts) of(p api.PlayerID) *Field {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fields[p]
}
