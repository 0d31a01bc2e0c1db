package robot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
)

var (
	// errTimeUp says that the run's time is over: whatever the robot is waiting for does not matter any more.
	errTimeUp = errors.New("the time is up")
	// errNothing says that what the robot was waiting for did not come.
	errNothing = fault.New(fault.Deadline, "nothing came in time")
)

// patience is how long the robot may wait for what comes before a match: until the run's time is up, or as long as it takes when it is
// on its way back to a match.
func (r *robot) patience(ctx, playing context.Context) context.Context {
	if r.playing != nil {
		return ctx
	}
	return playing
}

// next is the next push, within the limit and until ends. A reset of the world's stream is an error.
func (r *robot) next(until context.Context, limit time.Duration) (proto.Message, error) {
	if until.Err() != nil { // however much there is to read
		return nil, context.Cause(until)
	}
	if limit <= 0 {
		return nil, errNothing
	}
	select {
	case m := <-r.pushes: // what has come before the connection ended still counts
		return m, r.notice(m)
	default:
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case m := <-r.pushes:
		return m, r.notice(m)
	case <-r.conn.Done():
		return nil, r.conn.Err()
	case <-timer.C:
		return nil, errNothing
	case <-until.Done():
		return nil, context.Cause(until)
	}
}

// notice is what every push is looked at for, whoever waits for it. The error says that the robot's world is gone.
func (r *robot) notice(m proto.Message) error {
	switch m := m.(type) {
	case *pb.MatchEnded:
		r.hearEnd(m.GetResult().GetMatch())
	case *pb.PartySearching:
		r.seeking, r.ticket = true, m.GetTicket()
	case *wirepb.Reset:
		if r.conn.TypeOf(m) == worldType {
			r.worldGone = true
			return fault.New(fault.Lost, "the world is gone: "+m.GetReason())
		}
	}
	return nil
}

// hearEnd holds it against the server when it tells a match's end again. After the player has entered anew it may: the world that told him
// before may have been lost with the knowledge of that.
func (r *robot) hearEnd(match int64) {
	const kept = 16 // ends that are remembered
	var again error
	if slices.Contains(r.heard, match) {
		again = fmt.Errorf("player %d is told twice that match %d has ended", r.player, match)
	} else {
		r.heard = append(r.heard[max(0, len(r.heard)-kept+1):], match)
	}
	r.tally.hold(oneEnd, again)
}

// drain looks at the pushes that nobody has waited for, and not at those that come in the meantime: there may be no end of them. The error says
// that the robot's world is gone.
func (r *robot) drain() (gone error) {
	for range len(r.pushes) {
		m := <-r.pushes // which nobody else reads
		if err := r.notice(m); err != nil {
			gone = err
		}
		r.unawaited(m)
	}
	return gone
}

// unawaited takes a match that comes of an earlier wait which an error ended, and holds one against the server that the robot has not asked
// for, or has called off.
func (r *robot) unawaited(m proto.Message) {
	switch m := m.(type) {
	case *pb.MatchFound:
		switch {
		case r.playing != nil:
			r.another(m)
		case r.seeking:
			r.found(m)
		default:
			r.tally.hold(oneMatch, fmt.Errorf("player %d is told of match %d without waiting for one", r.player, m.GetMatch()))
		}
	case *pb.MatchEnded:
		if r.playing != nil && m.GetResult().GetMatch() == r.playing.GetMatch() {
			r.outcome = m
		}
	case *pb.MatchAborted:
		r.playing, r.seeking, r.ticket = nil, false, 0
	}
}
