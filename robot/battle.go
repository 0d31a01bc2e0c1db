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

// match is a scenario: one match of a mode, from asking for one to its reward. Who has found none within patience gives up; with [matchTimeout] that is an error.
func match(mode string, patience time.Duration) func(r *robot, ctx, playing context.Context) error {
	return func(r *robot, ctx, playing context.Context) error {
		found, err := r.seek(ctx, playing, mode, patience)
		if err != nil || !found {
			return err
		}
		return r.battle(ctx)
	}
}

// walkOut is a scenario: a match that the player leaves for good, so that others may get his seat. He comes back to hear how it has ended.
func (r *robot) walkOut(ctx, playing context.Context) error {
	r.quits = true
	defer func() { r.quits = false }()
	return match("arena", matchPatience)(r, ctx, playing)
}

// battle plays the match that was found to its end, and holds the server to what it tells of it.
func (r *robot) battle(ctx context.Context) error {
	r.reach(inBattle)
	began := time.Now()
	ended, err := r.fight(ctx)
	if !errors.Is(err, errDropped) && !errors.Is(err, errLeft) {
		r.tally.wait("match.play", time.Since(began), err)
	}
	switch {
	case errors.Is(err, errAborted):
		return nil // the player may look for another one
	case err != nil:
		return err
	}
	r.reach(finished)
	result := ended.GetResult()
	r.note("match_end", map[string]any{"mode": result.GetMode(), "place": result.GetPlace(), "won": result.GetPlace() == 1})
	return r.checkMatch(ctx, ended)
}

// seek asks for a match and waits for it; sometimes the robot thinks better of it, and always when the run's time is up. false: there
// is none after all.
func (r *robot) seek(ctx, playing context.Context, mode string, patience time.Duration) (bool, error) {
	if r.seeking { // as the answer to an earlier wish was lost, which may wait for another mode
		if _, err := r.cancel(ctx); err != nil {
			return false, err
		}
	}
	r.seeking, r.ticket = true, 0 // whether or not the answer comes
	reply, err := ask[*pb.StartMatchReply](r, ctx, "match.start", &pb.StartMatch{Mode: mode})
	if err != nil {
		return false, err
	}
	r.ticket = reply.GetTicket()
	r.note("match_start", map[string]any{"mode": mode})
	return r.awaitMatch(ctx, playing, patience)
}

// awaitMatch waits for the match of the robot's ticket, and answers when it is asked whether it accepts one.
func (r *robot) awaitMatch(ctx, playing context.Context, patience time.Duration) (bool, error) {
	began := time.Now()
	found, err := r.awaitFound(ctx, playing, patience)
	if errors.Is(err, errAborted) {
		return false, nil
	}
	if found || err != nil {
		r.tally.wait("match.wait", time.Since(began), err)
	}
	return found, err
}

// errAborted says that a ticket, or a match, came to nothing.
var errAborted = errors.New("aborted")

func (r *robot) awaitFound(ctx, playing context.Context, patience time.Duration) (bool, error) {
	until, givesUp := playing, patience < matchTimeout
	deadline := time.Now().Add(patience)
	if r.furthest == finished && r.chance(r.temper.moody) { // everybody wants to see one match
		givesUp, deadline = true, time.Now().Add(r.thought())
	}
	for {
		m, err := r.next(until, time.Until(deadline))
		late := errors.Is(err, errNothing)
		switch {
		case errors.Is(err, errTimeUp), late && givesUp:
			cancelled, err := r.cancel(ctx)
			if cancelled || err != nil {
				return false, err
			}
			until, givesUp, deadline = ctx, false, time.Now().Add(matchTimeout) // the match is on its way
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
		case *pb.MatchProposed:
			if err := r.answer(ctx, m); err != nil {
				return false, err
			}
		case *pb.MatchAborted:
			if r.ticket == 0 || m.GetTicket() == r.ticket {
				r.seeking, r.ticket = false, 0
				return false, fmt.Errorf("%w: %s", errAborted, m.GetReason())
			}
		}
	}
}

// declines is how likely a robot does not accept a match that it is asked about.
const declines = 0.05

// answer accepts a match, and now and then declines it: then the ticket is gone, as MatchAborted says.
func (r *robot) answer(ctx context.Context, m *pb.MatchProposed) error {
	yes := !r.chance(declines)
	name := "match.accept"
	if !yes {
		name = "match.decline"
	}
	// It may be too late: somebody else has declined, or all of the time has gone.
	_, _, err := tryAsk[*pb.AnswerProposalReply](r, ctx, name, &pb.AnswerProposal{Match: m.GetMatch(), Accept: yes}, fault.NotFound, fault.FailedPrecondition)
	return err
}

// cancel gives the ticket back. false: a match was made with it already.
func (r *robot) cancel(ctx context.Context) (bool, error) {
	reply, err := ask[*pb.CancelMatchReply](r, ctx, "match.cancel", &pb.CancelMatch{})
	if reply.GetCancelled() {
		r.tally.hold(oneTicket, r.tally.ticketUsed(r.ticket, noMatch))
		r.seeking, r.ticket = false, 0
	}
	return reply.GetCancelled(), err
}

// found notes the match that the player is in now.
func (r *robot) found(m *pb.MatchFound) {
	err := r.tally.inMatch(m.GetMatch(), r.player, m.GetPlayers(), m.GetFill())
	if err == nil && r.ended != 0 && m.GetMatch() == r.ended {
		err = fmt.Errorf("player %d is told of match %d, which has ended", r.player, m.GetMatch())
	}
	r.tally.hold(oneMatch, err)
	r.tally.hold(oneTicket, r.tally.ticketUsed(r.ticket, m.GetMatch()))
	r.playing, r.outcome, r.seeking, r.ticket = m, nil, false, 0
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
	if r.outcome != nil {
		return r.over(r.outcome), nil
	}
	b, limit, err := r.join(ctx)
	if err != nil {
		return nil, err
	}
	b.short = r.newShortcut(r.playing.GetRoom())
	defer b.short.close()
	drop := time.Duration(-1)
	if r.quits || r.chance(r.temper.clumsy) {
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
				if r.quits {
					return nil, errLeft
				}
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
				return r.over(m), nil
			}
		}
	}
}

// over notes that the match has ended, and returns how.
func (r *robot) over(m *pb.MatchEnded) *pb.MatchEnded {
	r.ended, r.playing, r.outcome = m.GetResult().GetMatch(), nil, nil
	return m
}

// join goes into the match's room. limit is by when the match must have ended.
func (r *robot) join(ctx context.Context) (b *battle, limit time.Duration, err error) {
	const longestMatch = time.Hour
	b = &battle{robot: r}
	var fine []fault.Code
	if r.sat == r.playing.GetMatch() || r.playing.GetFill() {
		fine = append(fine, fault.FailedPrecondition) // the seat has gone to another meanwhile, or he comes too late for it
	}
	joined, _, err := tryAsk[*pb.JoinRoomReply](r, ctx, "zone.join", &pb.JoinRoom{Room: r.playing.GetRoom(), Have: r.have()}, fine...)
	if err == nil && joined == nil {
		return b, matchTimeout, nil // and what has become of the battle, or of his place in it, is told
	}
	if r.conn.Err() == nil && !r.worldGone {
		switch fault.CodeOf(err) {
		case fault.NotOwner, fault.NotFound, fault.FailedPrecondition, fault.Lost:
			return b, matchTimeout, nil // the battle is over; what has become of it is on its way
		}
	}
	if err != nil {
		return nil, 0, err
	}
	r.sat = r.playing.GetMatch()
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
		if b.tick%tellSeen != 0 {
			return nil
		}
		b.number++ // which asks for one that builds on nothing
		return b.short.send(&pb.RoomInput{Room: m.GetRoom(), Input: b.last, Number: b.number, Seen: b.seen()})
	}
	return b.act(m.GetRoom(), b.decoder.View)
}

// tellSeen is how often the zone is told what was seen, in ticks.
const tellSeen = 4

// act says what the ship does next, when that has changed or the zone wants to know what was seen.
func (b *battle) act(room int64, view func() arena.View) error {
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
