package robot

import (
	"context"
	"errors"
	"fmt"
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
		return m, r.lost(m)
	default:
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case m := <-r.pushes:
		return m, r.lost(m)
	case <-r.conn.Done():
		return nil, r.conn.Err()
	case <-timer.C:
		return nil, errNothing
	case <-until.Done():
		return nil, context.Cause(until)
	}
}

// lost is the error that the robot's world is gone, if that is what a push says.
func (r *robot) lost(m proto.Message) error {
	reset, ok := m.(*wirepb.Reset)
	if !ok || r.conn.TypeOf(reset) != worldType {
		return nil
	}
	r.worldGone = true
	return fault.New(fault.Lost, "the world is gone: "+reset.GetReason())
}

// drain looks at the pushes that nobody has waited for. The error says that the robot's world is gone.
func (r *robot) drain() (gone error) {
	for {
		select {
		case m := <-r.pushes:
			if err := r.lost(m); err != nil {
				gone = err
			}
			r.unawaited(m)
		default:
			return gone
		}
	}
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
	case *pb.MatchAborted:
		r.playing, r.seeking = nil, false
	}
}
