package robot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/game/arena"
	"loumiao/game/lockstep"
	"loumiao/game/pb"
	"loumiao/game/snapshot"
)

// match is one match, from asking for one to its reward.
func (r *robot) match(ctx, playing context.Context) error {
	if r.playing == nil {
		found, err := r.seek(ctx, playing)
		if err != nil || !found {
			return err
		}
	}
	r.reach(inBattle)
	began := time.Now()
	ended, err := r.fight(ctx)
	if !errors.Is(err, errDropped) {
		r.tally.wait("match.play", time.Since(began), err)
	}
	switch {
	case errors.Is(err, errAborted):
		return nil // the player may look for another one
	case err != nil:
		return err
	}
	r.reach(finished)
	return r.checkMatch(ctx, ended)
}

// seek asks for a match and waits for it; sometimes the robot thinks better of it, and always when the run's time is up. false: there
// is none after all.
func (r *robot) seek(ctx, playing context.Context) (bool, error) {
	if gone := r.drain(); gone != nil {
		r.tally.wait("world.stay", 0, gone)
		return false, gone
	}
	if r.playing != nil {
		return true, nil
	}
	r.seeking = true // whether or not the answer comes
	reply, err := ask[*pb.StartMatchReply](r, ctx, "match.start", &pb.StartMatch{Mode: r.cfg.modes()[r.rand.IntN(len(r.cfg.modes()))]})
	if err != nil {
		return false, err
	}
	began := time.Now()
	found, err := r.awaitMatch(ctx, playing, reply.GetTicket())
	if found || err != nil {
		r.tally.wait("match.wait", time.Since(began), err)
	}
	if errors.Is(err, errAborted) {
		return false, nil
	}
	return found, err
}

// errAborted says that a ticket, or a match, came to nothing.
var errAborted = errors.New("aborted")

func (r *robot) awaitMatch(ctx, playing context.Context, ticket int64) (bool, error) {
	until, moody := playing, r.furthest == finished && r.chance(r.temper.moody) // everybody wants to see one match
	deadline := time.Now().Add(matchTimeout)
	if moody {
		deadline = time.Now().Add(r.thought())
	}
	for {
		m, err := r.next(until, time.Until(deadline))
		late := errors.Is(err, errNothing)
		switch {
		case errors.Is(err, errTimeUp), late && moody:
			cancelled, err := r.cancel(ctx)
			if cancelled || err != nil {
				return false, err
			}
			until, moody, deadline = ctx, false, time.Now().Add(matchTimeout) // the match is on its way
			continue
		case late:
			return false, fault.Errorf(fault.Deadline, "no match was found in %s", matchTimeout)
		case err != nil:
			return false, err
		}
		switch m := m.(type) {
		case *pb.MatchFound:
			r.found(m)
			return true, nil
		case *pb.MatchAborted:
			if m.GetTicket() == ticket {
				r.seeking = false
				return false, fmt.Errorf("%w: %s", errAborted, m.GetReason())
			}
		}
	}
}

// cancel gives the ticket back. false: a match was made with it already.
func (r *robot) cancel(ctx context.Context) (bool, error) {
	reply, err := ask[*pb.CancelMatchReply](r, ctx, "match.cancel", &pb.CancelMatch{})
	if reply.GetCancelled() {
		r.seeking = false
	}
	return reply.GetCancelled(), err
}

// found notes the match that the player is in now.
func (r *robot) found(m *pb.MatchFound) {
	err := r.tally.inMatch(m.GetMatch(), r.player, m.GetPlayers())
	if err == nil && r.ended != 0 && m.GetMatch() == r.ended {
		err = fmt.Errorf("player %d is told of match %d, which has ended", r.player, m.GetMatch())
	}
	r.tally.hold(oneMatch, err)
	r.playing, r.seeking = m, false
	for _, player := range m.GetPlayers() {
		if player != r.player {
			r.met = player
		}
	}
}

// another holds it against the server when a player in a match is told of another one.
func (r *robot) another(m *pb.MatchFound) {
	if m.GetMatch() != r.playing.GetMatch() {
		r.tally.hold(oneMatch, fmt.Errorf("player %d is in match %d and told of match %d", r.player, r.playing.GetMatch(), m.GetMatch()))
	}
}

// fight plays the match to its end.
func (r *robot) fight(ctx context.Context) (*pb.MatchEnded, error) {
	b, limit, err := r.join(ctx)
	if err != nil {
		return nil, err
	}
	b.short = r.newShortcut(r.playing.GetRoom())
	defer b.short.close()
	drop := time.Duration(-1)
	if r.chance(r.temper.clumsy) {
		drop = r.thought()
	}
	for began := time.Now(); ; {
		left := limit - time.Since(began)
		m, err := r.next(ctx, min(left, lineLook))
		if err := b.look(); err != nil {
			return nil, err
		}
		if errors.Is(err, errNothing) && left > lineLook {
			continue
		}
		if err != nil {
			if errors.Is(err, errNothing) {
				err = fault.Errorf(fault.Deadline, "the match did not end in %s", limit)
			}
			return nil, err
		}
		switch m := m.(type) {
		case *pb.Snapshot, *pb.Frames:
			if err := b.take(ctx, m); err != nil {
				return nil, err
			}
			if drop >= 0 && time.Since(began) > drop {
				if r.chance(crashes) {
					return nil, errDropped
				}
				if !r.chance(0.5) || !b.short.cut() {
					r.conn.Cut()
				}
				drop = -1 // and the session goes on
			}
		case *pb.FrameDesync:
			r.tally.hold(inStep, fmt.Errorf("player %d: the zone says that the simulation is another one after tick %d", r.player, m.GetTick()))
		case *pb.RoomEnded:
			b.compare(m)
		case *pb.MatchFound:
			r.another(m)
		case *pb.MatchAborted:
			r.playing = nil
			return nil, fmt.Errorf("%w: %s", errAborted, m.GetReason())
		case *pb.MatchEnded:
			if m.GetResult().GetMatch() == r.playing.GetMatch() {
				r.ended, r.playing = m.GetResult().GetMatch(), nil
				return m, nil
			}
		}
	}
}

// join goes into the match's room. limit is by when the match must have ended.
func (r *robot) join(ctx context.Context) (b *battle, limit time.Duration, err error) {
	const longestMatch = time.Hour
	b = &battle{robot: r}
	joined, err := ask[*pb.JoinRoomReply](r, ctx, "zone.join", &pb.JoinRoom{Room: r.playing.GetRoom(), Have: r.have()})
	if r.conn.Err() == nil && !r.worldGone {
		switch fault.CodeOf(err) {
		case fault.NotOwner, fault.NotFound, fault.FailedPrecondition, fault.Lost:
			return b, matchTimeout, nil // the battle is over; what has become of it is on its way
		}
	}
	if err != nil {
		return nil, 0, err
	}
	if joined.GetFrames() == nil {
		b.decoder = snapshot.NewDecoder(joined)
	} else if b.sim, err = r.simulate(joined); err != nil {
		return nil, 0, err
	}
	b.mind = arena.NewRand(r.rand.Uint32())
	takes := time.Duration(joined.GetTicks()) * time.Duration(joined.GetTickMs()) * time.Millisecond
	return b, matchTimeout + min(max(takes, 0), longestMatch), nil
}

// A battle is what a robot knows of the room that it is in.
type battle struct {
	robot   *robot
	decoder *snapshot.Decoder    // in state mode
	sim     *lockstep.Simulation // in frame mode; nil like the decoder when it came too late
	mind    *arena.Rand
	tick    int32
	decided int32 // tick of the last decision
	number  uint32
	last    uint32
	short   *shortcut

	rejoined time.Time // when the robot last asked for what it had missed
}

// take takes in what the zone tells of the battle.
func (b *battle) take(ctx context.Context, m proto.Message) error {
	switch m := m.(type) {
	case *pb.Snapshot:
		if b.decoder != nil && m.GetRoom() == b.robot.playing.GetRoom() {
			return b.see(m)
		}
	case *pb.Frames:
		if b.sim != nil && m.GetRoom() == b.robot.playing.GetRoom() {
			return b.follow(ctx, m)
		}
	}
	return nil
}

// look looks after the direct line. When that has ended the zone is told by the session, so that the battle comes that way.
func (b *battle) look() error {
	if !b.short.look() || b.number == 0 {
		return nil
	}
	b.number++
	return b.robot.conn.Send(&pb.RoomInput{Room: b.short.room, Input: b.last, Number: b.number, Seen: b.seen()})
}

// seen is what the zone is told of what has come.
func (b *battle) seen() int32 {
	switch {
	case b.sim != nil:
		return b.sim.Have()
	case b.decoder != nil:
		return b.decoder.Seen()
	}
	return 0
}

// see takes a snapshot in and answers it.
func (b *battle) see(m *pb.Snapshot) error {
	r := b.robot
	if m.GetTick() <= b.tick && b.short.used {
		return nil // it came by another way than newer ones
	}
	var broken error
	if m.GetTick() <= b.tick {
		broken = fmt.Errorf("player %d: the snapshot of tick %d comes after that of tick %d", r.player, m.GetTick(), b.tick)
	}
	r.tally.hold(orderKept, broken)
	b.tick = max(b.tick, m.GetTick())
	if err := b.decoder.Apply(m); err != nil {
		r.tally.wait("zone.snapshot", 0, err)
		return nil
	}
	return b.act(m.GetRoom(), b.decoder.View)
}

// act says what the ship does next, when that has changed or the zone wants to know what was seen.
func (b *battle) act(room int64, view func() arena.View) error {
	const tellSeen = 4 // ticks
	input := b.last
	if b.tick-b.decided >= b.robot.temper.reflex {
		b.decided = b.tick
		input = arena.Decide(view(), b.mind).Pack()
	}
	if input == b.last && b.number != 0 && b.tick%tellSeen != 0 {
		return nil
	}
	b.last = input
	b.number++
	return b.short.send(&pb.RoomInput{Room: room, Input: input, Number: b.number, Seen: b.seen()})
}
