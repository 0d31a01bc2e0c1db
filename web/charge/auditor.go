package charge

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
	"loumiao/web/charge/pay"
)

const (
	auditBatch   = 100              // orders of one kind in one round
	orphanAfter  = time.Minute      // from when on something that is not in the outbox is an orphan
	stuckAfter   = 5 * time.Minute  // from when on an order that is paid or being granted is worth a word
	askAfter     = 2 * time.Minute  // from when on a provider is asked about a payment
	checkAfter   = 30 * time.Second // from when on a delivered order is compared with the ledger
	awaitFor     = time.Hour        // after which a provider is asked again whose money is on its way
	auditTimeout = 10 * time.Second // for one order
)

// books is what the auditor needs of the orders' store.
type books interface {
	Unasked(ctx context.Context, before time.Time, limit int) ([]order.Order, error)
	Since(ctx context.Context, state order.State, before time.Time, limit int) ([]order.Order, error)
	Overdue(ctx context.Context, state order.State, limit int) ([]order.Order, error)
	Orphans(ctx context.Context, before time.Time, limit int) ([]order.Order, error)
	Heal(ctx context.Context, id order.ID) error
	Unchecked(ctx context.Context, before time.Time, limit int) ([]order.Order, error)
	Checked(ctx context.Context, o order.Order) error
	GiveUp(ctx context.Context, id order.ID, as order.State, why string) (order.Order, error)
	Await(ctx context.Context, id order.ID, until time.Time) error
	Backlog(ctx context.Context) (order.Backlog, error)
}

// An auditor finds orders that fell through, and heals or reports them. It may run on every node: whatever it does is guarded by the orders' states.
type auditor struct {
	books     books
	events    events
	goods     Goods
	providers map[string]pay.Provider
	metrics   *metrics
	log       *slog.Logger
	now       func() time.Time
	wake      func() // cashier and courier: there may be something to do
}

// audit looks at everything once. It goes on after an error, and returns them all.
func (a *auditor) audit(ctx context.Context) error {
	return errors.Join(a.orphans(ctx), a.stuck(ctx), a.pending(ctx), a.overdue(ctx), a.ledger(ctx), a.backlog(ctx))
}

// orphans mends the outbox.
func (a *auditor) orphans(ctx context.Context) error {
	list, err := a.books.Orphans(ctx, a.now().Add(-orphanAfter), auditBatch)
	return a.each(ctx, list, err, func(ctx context.Context, o order.Order) error {
		a.found(ctx, "orphan", o)
		err := a.books.Heal(ctx, o.ID)
		a.wake()
		return err
	})
}

// stuck reports orders that are paid for and not delivered. What can be done for them is being done: they are in the outbox.
func (a *auditor) stuck(ctx context.Context) error {
	for _, state := range []order.State{order.Paid, order.Granting} {
		list, err := a.books.Since(ctx, state, a.now().Add(-stuckAfter), auditBatch)
		if err != nil {
			return err
		}
		a.metrics.stuck.WithLabelValues(string(state)).Set(float64(len(list)))
		for _, o := range list {
			a.log.LogAttrs(ctx, slog.LevelWarn, "order stuck", slog.Int64("order", int64(o.ID)), slog.String("state", string(o.State)),
				slog.Duration("for", a.now().Sub(o.Updated).Round(time.Second)))
		}
	}
	return nil
}

// pending asks providers about payments of which they have not told.
func (a *auditor) pending(ctx context.Context) error {
	list, err := a.books.Unasked(ctx, a.now().Add(-askAfter), auditBatch)
	return a.each(ctx, list, err, func(ctx context.Context, o order.Order) error {
		_, err := a.ask(ctx, o)
		return errors.Join(err, a.books.Checked(ctx, o))
	})
}

// ask takes a provider's answer in like an event that it has sent, and returns what it says.
func (a *auditor) ask(ctx context.Context, o order.Order) (order.Says, error) {
	provider := a.providers[o.Provider]
	if provider == nil {
		return order.SaysOther, nil // which was switched off since
	}
	e, err := provider.Ask(ctx, o)
	if err != nil || e.Says == order.SaysOther || e.Says == order.SaysUnderway {
		return e.Says, err
	}
	stored, err := a.events.Receive(ctx, e)
	if err == nil && stored.Fresh {
		if e.Says == order.SaysPaid {
			a.found(ctx, "callback_missing", o)
		}
		a.wake()
	}
	return e.Says, err
}

// overdue gives up what nobody has paid in time. Of a pending one the provider is asked first: money that is there counts, and money that is on its way is waited for.
func (a *auditor) overdue(ctx context.Context) error {
	created := a.allOverdue(ctx, order.Created, a.expire)
	return errors.Join(created, a.allOverdue(ctx, order.Pending, func(ctx context.Context, o order.Order) error {
		says, err := a.ask(ctx, o)
		if err != nil && fault.CodeOf(err) != fault.FailedPrecondition {
			return err
		}
		if says == order.SaysUnderway {
			return a.books.Await(ctx, o.ID, a.now().Add(awaitFor))
		}
		return a.expire(ctx, o)
	}))
}

// allOverdue goes on as long as there are more, and it works.
func (a *auditor) allOverdue(ctx context.Context, state order.State, do func(context.Context, order.Order) error) error {
	for {
		list, err := a.books.Overdue(ctx, state, auditBatch)
		err = a.each(ctx, list, err, do)
		if err != nil || len(list) < auditBatch {
			return err
		}
	}
}

func (a *auditor) expire(ctx context.Context, o order.Order) error {
	o, err := a.books.GiveUp(ctx, o.ID, order.Expired, "nobody has paid in time")
	if err == nil && o.State == order.Expired {
		a.metrics.moved(order.Expired)
	}
	return err
}

// ledger compares delivered orders with what db has written of them.
func (a *auditor) ledger(ctx context.Context) error {
	list, err := a.books.Unchecked(ctx, a.now().Add(-checkAfter), auditBatch)
	return a.each(ctx, list, err, func(ctx context.Context, o order.Order) error {
		given, ok, err := a.goods.Given(ctx, o.Player, grantKey(o.ID))
		if err != nil {
			return err
		}
		// Items for which there was no room are in a mail, and come into the ledger when that is claimed.
		if !ok || len(missing(o.Goods, given).Wallet) > 0 || !missing(given, o.Goods).Empty() {
			a.found(ctx, "not_in_ledger", o)
		}
		return a.books.Checked(ctx, o)
	})
}

// backlog shows what waits.
func (a *auditor) backlog(ctx context.Context) error {
	b, err := a.books.Backlog(ctx)
	if err != nil {
		return err
	}
	a.metrics.backlog.WithLabelValues("events").Set(float64(b.Events))
	a.metrics.backlog.WithLabelValues("outbox").Set(float64(b.Work))
	a.metrics.oldest.WithLabelValues("events").Set(b.OldestEvent.Seconds())
	a.metrics.oldest.WithLabelValues("outbox").Set(b.OldestWork.Seconds())
	return nil
}

// each does something for every order of a list, err being that of the list.
func (a *auditor) each(ctx context.Context, list []order.Order, err error, do func(context.Context, order.Order) error) error {
	errs := []error{err}
	for _, o := range list {
		if ctx.Err() != nil {
			break
		}
		brief, cancel := context.WithTimeout(ctx, auditTimeout)
		errs = append(errs, do(brief, o))
		cancel()
	}
	return errors.Join(errs...)
}

// found counts and logs an order that fell through.
func (a *auditor) found(ctx context.Context, what string, o order.Order) {
	a.metrics.found.WithLabelValues(what).Inc()
	a.log.LogAttrs(ctx, slog.LevelError, "order fell through", slog.String("how", what), slog.Int64("order", int64(o.ID)),
		slog.Int64("player", o.Player), slog.String("state", string(o.State)))
}
