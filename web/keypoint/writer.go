package keypoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/store"
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
	var in inbox
	for _, m := range lot {
		text, ok := m.Values[entryIn].(string)
		if !ok && len(m.Values) == 0 {
			continue // another has finished it
		}
		in.unfold(m.ID, text, w.now())
	}
	if err := w.save(ctx, in); err != nil {
		return err
	}
	left, err := w.stream.done(ctx, lot)
	if err == nil {
		w.metrics.backlog.Set(float64(left))
	}
	return err
}

// save stores what came, all at once as a rule. An event that SQL does not take would hold up for ever what comes with it and behind it: then each half is stored by itself, until that
// event is alone, and goes into quarantine.
func (w *writer) save(ctx context.Context, in inbox) error {
	fresh, err := w.events.Save(ctx, in.events, in.rejects)
	switch n := len(in.events); {
	case err == nil:
		w.metrics.events.WithLabelValues("stored").Add(float64(fresh))
		w.metrics.events.WithLabelValues("repeated").Add(float64(n - fresh))
		return nil
	case !errors.Is(err, store.ErrValue) || n == 0:
		return err
	case n == 1:
		w.log.LogAttrs(ctx, slog.LevelError, "SQL does not take an event", slog.String("app", in.events[0].App), slog.String("id", in.events[0].ID), slog.Any("error", err))
		w.metrics.malformed.WithLabelValues(badValue).Inc()
		return w.save(ctx, inbox{rejects: append(slices.Clip(in.rejects), in.refused(0))})
	default:
		if err := w.save(ctx, inbox{in.events[:n/2], in.places[:n/2], in.rejects}); err != nil {
			return err
		}
		return w.save(ctx, inbox{events: in.events[n/2:], places: in.places[n/2:]})
	}
}

// An inbox is what entries hold.
type inbox struct {
	events  []keypoint.Event
	places  []place // of the events
	rejects []keypoint.Reject
}

// A place is where an event stood: in which entry of the stream, and as which there, from 0 on.
type place struct {
	entry string
	n     int
}

// refused is the event as it goes into quarantine. Its number there is below zero: from zero on they are those of what was malformed when the entry was made.
func (in inbox) refused(i int) keypoint.Reject {
	e, at := in.events[i], in.places[i]
	body := fmt.Appendf(nil, `{"id":%q,"name":%q,"player":%q,"at":%d,"fields":%s}`, e.ID, e.Name, e.Player, e.At.UnixMilli(), e.Fields)
	return keypoint.Reject{
		Entry: at.entry, Number: -1 - at.n, App: e.App, Reason: badValue, Detail: "the database does not take it", Body: cut(body), Received: e.Received,
	}
}

// unfold adds what an entry holds. One that cannot be read goes into quarantine as it is.
func (in *inbox) unfold(id, text string, now time.Time) {
	var e entry
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		in.rejects = append(in.rejects, keypoint.Reject{Entry: id, Reason: badEntry, Detail: "the entry is not readable", Body: cut([]byte(text)), Received: now})
		return
	}
	received := time.UnixMilli(e.Received)
	for i, one := range e.Events {
		in.places = append(in.places, place{id, i})
		in.events = append(in.events, keypoint.Event{
			App: e.App, ID: one.ID, Name: one.Name, Player: one.Player, At: time.UnixMilli(one.At),
			Skew: time.Duration(e.Skew) * time.Millisecond, Received: received, Fields: string(one.Fields),
		})
	}
	for _, q := range e.Rejects {
		in.rejects = append(in.rejects, keypoint.Reject{
			Entry: id, Number: q.Index, App: e.App, Reason: q.Reason, Detail: q.Detail, Body: q.Body, Received: received,
		})
	}
}
