package robot

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

const (
	strolls    = 5                      // moves on a visit to a field
	stride     = 300 * time.Millisecond // between two of them
	updateWait = 5 * time.Second        // all that is near is told every two
)

// fields are maps where robots walk about.
var fields = [...]string{"meadow", "harbour"}

// errOffField says that the player is off the field: a match was found, or the field's server is gone.
var errOffField = errors.New("off the field")

// field is a scenario: enter a map, see who is near, walk about and leave again.
func (r *robot) field(ctx, playing context.Context) error {
	// It may be full, and a match may have been found.
	entered, done, err := tryAsk[*pb.EnterFieldReply](r, ctx, "field.enter", &pb.EnterField{Map: fields[r.rand.IntN(len(fields))]},
		fault.Overloaded, fault.FailedPrecondition)
	if !done {
		return err
	}
	place := entered.GetPlace().GetField()
	joined, done, err := tryAsk[*pb.JoinFieldReply](r, ctx, "field.join", &pb.JoinField{Field: place}, fault.FailedPrecondition, fault.NotFound)
	if !done {
		return err
	}
	began := time.Now()
	err = r.watchField(playing, place, updateWait, func(m proto.Message) bool {
		update, is := m.(*pb.FieldUpdate)
		return is && update.GetField() == place
	})
	if !errors.Is(err, errTimeUp) && !errors.Is(err, errOffField) {
		r.tally.wait("field.update", time.Since(began), err)
	}
	if err == nil {
		err = r.stroll(playing, joined)
	}
	switch {
	case errors.Is(err, errOffField):
		return nil
	case err != nil && !errors.Is(err, errTimeUp) && !errors.Is(err, errNothing):
		return err
	}
	_, _, err = tryAsk[*pb.LeaveFieldReply](r, ctx, "field.leave", &pb.LeaveField{}, fault.FailedPrecondition, fault.NotFound)
	return err
}

// stroll walks back and forth, at half of the speed that is allowed.
func (r *robot) stroll(playing context.Context, f *pb.JoinFieldReply) error {
	x, y := f.GetX(), f.GetY()
	corrections := f.GetCorrections()
	reach := f.GetSpeed() * int32(stride/time.Millisecond) / 1000 / 2
	for range strolls {
		// Along one axis, so that the way is not longer than it looks.
		x = min(max(x+r.rand.Int32N(2*reach+1)-reach, 0), f.GetWidth()-1)
		if err := r.conn.Send(&pb.MoveField{Field: f.GetField(), X: x, Y: y, Corrections: corrections}); err != nil {
			r.tally.request("field.move", 0, err)
			return err
		}
		err := r.watchField(playing, f.GetField(), stride, func(m proto.Message) bool {
			if m, is := m.(*pb.FieldCorrected); is {
				x, y, corrections = m.GetX(), m.GetY(), m.GetCorrections()
			}
			return false
		})
		if !errors.Is(err, errNothing) {
			return err
		}
	}
	return nil
}

// watchField looks at what comes, until something was seen, for so long at most: then the error is errNothing.
func (r *robot) watchField(playing context.Context, field int64, limit time.Duration, seen func(m proto.Message) bool) error {
	for deadline := time.Now().Add(limit); ; {
		m, err := r.next(playing, time.Until(deadline))
		if err != nil {
			return err
		}
		if left, is := m.(*pb.FieldLeft); is && left.GetField() == field {
			return errOffField
		}
		r.unawaited(m)
		if r.playing != nil {
			return errOffField
		}
		if seen(m) {
			return nil
		}
	}
}
