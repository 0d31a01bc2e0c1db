package keypoint

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/game/store/keypoint"
)

const (
	claimAfter = 30 * time.Second // that an entry was taken and not finished, it is another writer's
	claimEvery = 10 * time.Second
	firstPause = 100 * time.Millisecond // after a failure; it doubles
	maxPause   = 5 * time.Second
)

// A writer brings entries of the stream into SQL, one lot after another. Its name is its own among all nodes that run, and the same after a restart.
type writer struct {
	name    string
	stream  *stream
	events  *keypoint.Store
	metrics *metrics
	log     *slog.Logger
	now     func() time.Time
	idle    time.Duration // claimAfter; shorter in tests
}

// run writes until ctx ends. What it has taken and not finished then stays on the stream, for itself after a restart or for another.
func (w *writer) run(ctx context.Context) {
	again, claimed, pause := true, w.now(), firstPause
	for ctx.Err() == nil {
		n, err := w.step(ctx, again)
		again = again && (err != nil || n > 0) // until nothing is left of its own
		if err == nil && !again && w.now().Sub(claimed) >= claimEvery {
			claimed = w.now()
			_, err = w.takeOver(ctx)
		}
		if err == nil {
			pause = firstPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		w.log.LogAttrs(ctx, slog.LevelWarn, "events not stored yet", slog.Any("error", err), slog.Duration("again_in", pause))
		again = true // they were taken, and are its own
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
		pause = min(2*pause, maxPause)
	}
}

// step stores the next lot and says of how many entries it is.
func (w *writer) step(ctx context.Context, again bool) (int, error) {
	lot, err := w.stream.take(ctx, w.name, again)
	if err != nil {
		return 0, err
	}
	return len(lot), w.store(ctx, lot)
}

// takeOver stores what other writers took and did not finish.
func (w *writer) takeOver(ctx context.Context) (int, error) {
	lot, err := w.stream.claim(ctx, w.name, w.idle)
	if err != nil {
		return 0, err
	}
	return len(lot), w.store(ctx, lot)
}

// store brings a lot into SQL, and only then takes it off the stream.
func (w *writer) store(ctx context.Context, lot []redis.XMessage) error {
	if len(lot) == 0 {
		return nil
	}
	var events []keypoint.Event
	var rejects []keypoint.Reject
	for _, m := range lot {
		text, ok := m.Values[entryIn].(string)
		if !ok && len(m.Values) == 0 {
			continue // another has finished it
		}
		e, q := unfold(m.ID, text, w.now())
		events, rejects = append(events, e...), append(rejects, q...)
	}
	fresh, err := w.events.Save(ctx, events, rejects)
	if err != nil {
		return err
	}
	w.metrics.events.WithLabelValues("stored").Add(float64(fresh))
	w.metrics.events.WithLabelValues("repeated").Add(float64(len(events) - fresh))
	left, err := w.stream.done(ctx, lot)
	if err == nil {
		w.metrics.backlog.Set(float64(left))
	}
	return err
}

// unfold is what an entry holds. One that cannot be read goes into quarantine as it is.
func unfold(id, text string, now time.Time) (events []keypoint.Event, rejects []keypoint.Reject) {
	var e entry
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return nil, []keypoint.Reject{{Entry: id, Reason: badEntry, Detail: "the entry is not readable", Body: cut([]byte(text)), Received: now}}
	}
	received := time.UnixMilli(e.Received)
	for _, in := range e.Events {
		events = append(events, keypoint.Event{
			App: e.App, ID: in.ID, Name: in.Name, Player: in.Player, At: time.UnixMilli(in.At),
			Skew: time.Duration(e.Skew) * time.Millisecond, Received: received, Fields: string(in.Fields),
		})
	}
	for _, q := range e.Rejects {
		rejects = append(rejects, keypoint.Reject{
			Entry: id, Number: q.Index, App: e.App, Reason: q.Reason, Detail: q.Detail, Body: q.Body, Received: received,
		})
	}
	return events, rejects
}
