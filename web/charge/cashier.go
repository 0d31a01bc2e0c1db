package charge

import (
	"context"
	"errors"
	"log/slog"

	"loumiao/game/store/order"
)

// settleBatch is how many events are looked for at once.
const settleBatch = 32

// events is what the cashier needs of the orders' store.
type events interface {
	Receive(ctx context.Context, e order.Event) (order.Stored, error)
	DueEvents(ctx context.Context, limit int) ([]order.EventID, error)
	Settle(ctx context.Context, id order.EventID) (order.Settled, error)
	Delay(ctx context.Context, id order.EventID) error
}

// A cashier takes in events and settles them.
type cashier struct {
	events  events
	metrics *metrics
	log     *slog.Logger
	wake    func() // the courier: there may be something to deliver
}

// settle processes everything that is due; it may run on any number of nodes at once. What fails is due again later, behind the others.
func (c *cashier) settle(ctx context.Context) error {
	for {
		ids, err := c.events.DueEvents(ctx, settleBatch)
		if err != nil {
			return err
		}
		for _, id := range ids {
			done, err := c.events.Settle(ctx, id)
			if err != nil {
				return errors.Join(err, c.events.Delay(ctx, id))
			}
			c.report(ctx, done)
		}
		if len(ids) < settleBatch {
			return nil
		}
	}
}

// report counts what has become of an event, and logs what a person should look at.
func (c *cashier) report(ctx context.Context, done order.Settled) {
	if done.Outcome == "" {
		return // somebody else has settled it
	}
	e := done.Event
	c.metrics.events.WithLabelValues(e.Provider, string(e.Says), string(done.Outcome)).Inc()
	level := slog.LevelInfo
	switch done.Outcome {
	case order.Applied:
		c.metrics.moved(done.To)
		c.wake()
	case order.PartialRefund:
		c.wake()
	case order.WrongAmount, order.WrongProvider:
		level = slog.LevelWarn
	case order.NoOrder:
		if e.Says == order.SaysPaid {
			level = slog.LevelWarn // money that nobody knows what for
		}
	}
	c.log.LogAttrs(ctx, level, "payment event", slog.String("provider", e.Provider), slog.String("event", e.ID), slog.String("type", e.Type),
		slog.String("outcome", string(done.Outcome)), slog.Int64("order", int64(e.Order)), slog.String("from", string(done.From)), slog.String("to", string(done.To)))
}
