package robot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"loumiao/robot/client"
)

const (
	tellAt     = 8   // key points that wait, from which on they are sent
	mostUntold = 200 // that wait while none can be sent; the oldest give way, and each attempt that failed was counted
	tellTwice  = 8   // one batch in so many is sent again, as by a client that has not heard the answer
	tellIn     = 5 * time.Second
)

// keyPointSent is the operation of sending a batch, and keyPoint that of an event in it, whose errors are those that were rejected.
const keyPointSent, keyPoint = "keypoint.send", "keypoint.event"

// A diary is the key points of one robot that the keypoint web does not have yet. A nil diary takes nothing.
type diary struct {
	web   client.KeyPoints
	tally *tally
	rand  *rand.Rand

	untold []client.KeyPoint
}

// note puts a key point of the robot's into its diary: events and fields are those that configs/events.csv declares.
func (r *robot) note(event string, fields map[string]any) {
	if r.diary == nil {
		return
	}
	now := time.Now().UnixMilli()
	d := r.diary
	if len(d.untold) == mostUntold {
		d.untold = d.untold[1:]
	}
	d.untold = append(d.untold, client.KeyPoint{ID: d.id(now), Name: event, Player: strconv.FormatInt(r.player, 10), At: now, Fields: fields})
}

// id is a UUID of version 7, RFC 9562. It is unlike those of an earlier run with the same seed by its time.
func (d *diary) id(now int64) string {
	a, b := d.rand.Uint64(), d.rand.Uint64()
	return fmt.Sprintf("%08x-%04x-7%03x-%04x-%012x", uint32(now>>16), uint16(now), a&0xfff, 0x8000|(a>>12)&0x3fff, b&(1<<48-1))
}

// tell sends what waits if it is so many at least. What is refused or lost waits on, and is sent again with the same ids.
func (d *diary) tell(ctx context.Context, least int) {
	if d == nil || len(d.untold) < max(least, 1) {
		return
	}
	times := 1
	if d.rand.IntN(tellTwice) == 0 {
		times = 2
	}
	for range times {
		if !d.send(ctx) {
			return
		}
	}
	d.untold = nil
}

// send sends a batch, and holds the server to having an answer for each event. false: there was none.
func (d *diary) send(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, tellIn)
	defer cancel()
	began := time.Now()
	accepted, rejected, err := d.web.Send(ctx, began.UnixMilli(), d.untold)
	d.tally.request(keyPointSent, time.Since(began), err)
	if err != nil {
		return false
	}
	var broken error
	if accepted < 0 || accepted+len(rejected) != len(d.untold) {
		broken = fmt.Errorf("of %d key points, %d are accepted and %d rejected", len(d.untold), accepted, len(rejected))
	}
	d.tally.hold(keyPointsAnswered, broken)
	for range min(accepted, len(d.untold)) {
		d.tally.wait(keyPoint, time.Since(began), nil)
	}
	for _, r := range rejected {
		what := "an event that was not sent"
		if r.Index >= 0 && r.Index < len(d.untold) {
			what = d.untold[r.Index].Name
		}
		d.tally.wait(keyPoint, 0, errors.New(what+" is rejected: "+r.Reason+": "+r.Detail))
	}
	return true
}
