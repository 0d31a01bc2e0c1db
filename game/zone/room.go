package zone

import (
	"errors"
	"slices"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/line"
	"loumiao/game/api"
	"loumiao/game/arena"
	"loumiao/game/pb"
)

// A Room is the state of one room's actor. Only that actor touches it.
//
//	empty ─► gathering ─► fighting ─► recording ─► over
//	  └─────────┴────────────┴─────── aborted ───────▲
type Room struct {
	zone  *Zone
	match api.MatchID
	phase phase

	mode    string
	area    api.Area
	players []api.PlayerID // as the match was made
	told    []api.PlayerID // whom it told, or tells, how the battle has ended
	teams   int
	battle  *battle     // while gathering and fighting
	ticks   actor.Timer // while fighting
	started time.Time
	offered []int32 // seats that the zone's board has, each with its round

	result  *pb.RecordMatch // while recording, until it is stored
	notices []notice        // what owners have still to be told
	retry   retry
	next    actor.Timer // of the next attempt
	closing bool        // this is the last turn: there is no later for anything
}

type phase uint8

const (
	empty phase = iota
	gathering
	fighting
	recording // the battle is over; its result is on its way to db and then to the owners
	over      // everybody has been told; the room only remembers that the match has been
)

// remember is how long a room that is over knows that its match has been, so that a belated CreateRoom does not begin it again.
const remember = 2 * time.Minute

// What a room is told by its node and by itself.
type (
	// open makes the room that of a match.
	open struct {
		actor.Returns[*pb.CreateRoomReply]
		request *pb.CreateRoom
	}
	abandon struct{} // the time for the first player to join is over
	begin   struct{} // the time to wait for the others is over
	tick    struct{}
	again   struct{} // time for another attempt to store the result, or to tell owners
	forget  struct{}
	// finish ends the room because its node stops: at once, unless the battle ends by itself until then.
	finish struct{ until time.Time }
)

// arrive makes the shell of a room; open fills it.
func (z *Zone) arrive(ctx *actor.Context, match api.MatchID) (*Room, error) {
	ctx.After(z.cfg.AbandonAfter, &abandon{})
	return &Room{zone: z, match: match}, nil
}

// open makes the battle. Asked again, it answers the same.
func (r *Room) open(ctx *actor.Context, m *open) (*pb.CreateRoomReply, error) {
	switch r.phase {
	case empty:
		if teams := int(m.request.GetTeams()); teams < 0 || teams > 1 && (len(m.request.GetPlayers())%teams != 0 || teams > len(m.request.GetPlayers())) {
			ctx.Stop()
			return nil, fault.Errorf(fault.Invalid, "%d players do not make %d equal teams", len(m.request.GetPlayers()), teams)
		}
		if err := r.zone.busy.enter(); err != nil {
			ctx.Stop()
			return nil, err
		}
		r.phase = gathering
		r.mode, r.area = m.request.GetMode(), api.Area(m.request.GetArea())
		r.teams = int(m.request.GetTeams())
		for _, p := range m.request.GetPlayers() {
			r.players = append(r.players, api.PlayerID(p))
		}
		r.battle = newBattle(r.match, r.players, r.teams, r.zone.cfg, r.zone.seed(), r.zone.cfg.framed(r.mode))
		if m.request.GetBackfill() {
			r.battle.offerSeats(m.request.GetRatings())
		}
	case gathering, fighting:
		if !slices.Equal(numbers(r.players), m.request.GetPlayers()) {
			return nil, fault.Errorf(fault.AlreadyExists, "match %d has a room for other players", r.match)
		}
	default:
		return nil, fault.Errorf(fault.FailedPrecondition, "match %d is over", r.match)
	}
	return &pb.CreateRoomReply{Room: int64(r.match)}, nil
}

func (r *Room) join(ctx *actor.Context, m *pb.JoinRoom) (*pb.JoinRoomReply, error) {
	s := line.SessionOf(ctx)
	if s == nil {
		return nil, fault.New(fault.Invalid, "only a client joins a room")
	}
	return r.admit(ctx, api.PlayerID(s.Player), s, m.GetHave())
}

// A visitor is a client that says when it is gone: a session.
type visitor interface {
	client
	Watch(ref actor.Ref)
}

// admit seats a player, and begins the battle when he is the last, or begins to wait for the others when he is the first.
func (r *Room) admit(ctx *actor.Context, player api.PlayerID, v visitor, have int32) (*pb.JoinRoomReply, error) {
	if r.phase != gathering && r.phase != fighting {
		return nil, fault.New(fault.FailedPrecondition, "the battle is over")
	}
	before, handed := r.battle.came(), len(r.battle.leavers)
	reply, err := r.battle.join(player, v, have)
	if err != nil {
		return nil, err
	}
	if len(r.battle.leavers) > handed {
		r.zone.stats.fills.WithLabelValues("joined").Inc()
	}
	v.Watch(ctx.Self())
	switch came := r.battle.came(); {
	case r.phase != gathering:
	case came == len(r.players):
		r.fight(ctx)
	case before == 0:
		ctx.After(r.zone.cfg.StartDelay, &begin{})
	}
	return reply, nil
}

// input takes in what a player's ship is to do. Those from clients who are not on a seat are nobody's fault: their player has joined again.
func (r *Room) input(ctx *actor.Context, m *pb.RoomInput) error {
	if s := line.SessionOf(ctx); s != nil && r.battle != nil {
		r.battle.steer(s, m)
	}
	return nil
}

// checksum holds a client's simulation against the zone's.
func (r *Room) checksum(ctx *actor.Context, m *pb.FrameChecksum) error {
	if s := line.SessionOf(ctx); s != nil && r.battle != nil {
		r.verify(s, m)
	}
	return nil
}

func (r *Room) verify(c client, m *pb.FrameChecksum) {
	s, want := r.battle.check(c, m)
	switch {
	case s == nil:
	case !s.desync:
		r.zone.stats.checksums.WithLabelValues("agreed").Inc()
	default:
		r.zone.stats.checksums.WithLabelValues("desync").Inc()
		r.zone.log.Warn("a client's simulation is not the zone's", "match", r.match, "player", s.player, "tick", m.GetTick(), "checksum", m.GetChecksum(), "want", want)
		_ = s.client.Push(&pb.FrameDesync{Room: int64(r.match), Tick: m.GetTick(), Checksum: want}) // whoever is gone joins again in any case
	}
}

func (r *Room) detached(_ *actor.Context, m *line.Detached) error {
	if r.battle != nil {
		r.battle.leave(m.Session)
	}
	return nil
}

func (r *Room) begin(ctx *actor.Context, _ *begin) error {
	r.fight(ctx)
	return nil
}

func (r *Room) fight(ctx *actor.Context) {
	if r.phase != gathering {
		return
	}
	r.phase, r.started = fighting, time.Now()
	r.ticks = ctx.Every(tickEvery, &tick{})
}

// tick is one step of the battle. Ticks that a stalled process misses are not made up for: the battle lasts a little longer, and nobody's ship
// leaps.
func (r *Room) tick(ctx *actor.Context, _ *tick) error {
	if r.phase != fighting {
		return nil
	}
	began := time.Now()
	r.battle.step()
	r.tend()
	r.zone.stats.ticks.Observe(time.Since(began).Seconds())
	if r.battle.arena.Done() {
		r.end(ctx)
	}
	return nil
}

// end tells the players that the battle is over, and sees to it that it counts.
func (r *Room) end(ctx *actor.Context) {
	r.ticks.Stop()
	r.phase = recording
	standings := r.battle.standings()
	r.result = &pb.RecordMatch{
		Match: int64(r.match), Mode: r.mode, Area: uint32(r.area), Seed: r.battle.tape.Seed, Standings: standings,
		StartedMs: r.started.UnixMilli(), EndedMs: time.Now().UnixMilli(),
	}
	r.battle.end(&pb.RoomEnded{Room: int64(r.match), Standings: standings})
	if r.zone.recorded != nil {
		r.zone.recorded(r.battle.tape)
	}
	r.told = r.battle.involved()
	r.notices = r.unmatched("the battle has ended", r.battle.expected())
	r.battle = nil
	r.offer()
	r.retry = newRetry(r.zone.cfg.RecordFor)
	r.settle(ctx)
}

// abort ends the room without a result.
func (r *Room) abort(ctx *actor.Context, reason string) {
	r.ticks.Stop()
	r.zone.log.Warn("battle aborted", "match", r.match, "reason", reason)
	r.zone.stats.battles.WithLabelValues("aborted").Inc()
	r.told = r.involved()
	if r.battle != nil {
		r.battle.hangUp()
	}
	r.phase, r.battle = recording, nil
	r.offer()
	r.notices = r.unmatched(reason, r.told)
	r.retry = newRetry(r.zone.cfg.RecordFor)
	r.settle(ctx)
}

func (r *Room) abandon(ctx *actor.Context, _ *abandon) error {
	switch {
	case r.phase == empty:
		ctx.Stop()
	case r.phase == gathering && r.battle.came() == 0:
		r.abort(ctx, "nobody has joined the battle")
	}
	return nil
}

func (r *Room) finish(ctx *actor.Context, m *finish) error {
	if r.phase == fighting {
		left := r.battle.arena.Config().Ticks - r.battle.arena.Tick()
		if !time.Now().Add(time.Duration(left+arena.TicksPerSecond/2) * tickEvery).After(m.until) {
			return nil
		}
	}
	switch r.phase {
	case gathering, fighting:
		r.abort(ctx, "the battle's server is stopping")
	case recording:
		r.next.Stop()
		r.settle(ctx)
	}
	return nil
}

// close is the last thing that the actor does, unless a handler has panicked.
func (r *Room) close(ctx *actor.Context) { r.last(ctx, "the battle's server is stopping") }

// last ends the room, whatever it was about. What is left to do gets one more chance, and the room's place is given back also when that fails.
func (r *Room) last(ctx *actor.Context, reason string) {
	r.closing = true
	if r.phase == empty || r.phase == over {
		return
	}
	defer func() {
		if r.phase == over {
			return
		}
		if r.result != nil {
			r.lose(errors.New("the room has failed"))
		}
		r.zone.board.clear(r.match)
		r.leave(ctx)
	}()
	if r.battle != nil && r.result == nil {
		r.abort(ctx, reason)
	} else {
		r.settle(ctx)
	}
}

// failed ends the room of which a handler has panicked.
func (r *Room) failed(ctx *actor.Context) { r.last(ctx, "the battle has failed") }

// leave ends the room's work.
func (r *Room) leave(ctx *actor.Context) {
	r.phase = over
	r.zone.busy.leave()
	if !r.closing {
		ctx.After(remember, &forget{})
	}
}

func (r *Room) forget(ctx *actor.Context, _ *forget) error {
	ctx.Stop()
	return nil
}
