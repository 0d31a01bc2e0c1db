package charge

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"loumiao/game/store/order"
)

const (
	courierBatch   = 16 // pieces of work that are claimed at once, and done side by side
	workTimeout    = 10 * time.Second
	workLease      = 30 * time.Second // longer than workTimeout and what is stored after it
	postponeFirst  = time.Second      // before work that failed is tried again; doubles
	postponeMost   = 5 * time.Minute
	notifyTimeout  = time.Second
	postponeWithin = 5 * time.Second // for storing that work failed, though its own time is up
)

// outbox is what the courier needs of the orders' store.
type outbox interface {
	Claim(ctx context.Context, limit int, lease time.Duration) ([]order.Work, error)
	StartGrant(ctx context.Context, w order.Work) (order.Order, bool, error)
	Granted(ctx context.Context, w order.Work) (order.Order, error)
	StartRevoke(ctx context.Context, w order.Work) (order.Order, bool, error)
	Revoked(ctx context.Context, w order.Work, sum int64, debt order.Goods) (order.Order, error)
	Done(ctx context.Context, w order.Work) error
	Postpone(ctx context.Context, w order.Work, wait time.Duration, why string) error
}

// A courier does what is in the outbox. Each step may be done twice, by several couriers, and each may be the last one of this life.
type courier struct {
	outbox  outbox
	find    func(ctx context.Context, id order.ID) (order.Order, error)
	goods   Goods
	notify  func(ctx context.Context, player int64) error  // nil: nobody is told
	dispute func(ctx context.Context, o order.Order) error // nil: it is only logged
	metrics *metrics
	log     *slog.Logger
}

// deliver does everything that is due.
func (c *courier) deliver(ctx context.Context) error {
	for {
		claimed, err := c.outbox.Claim(ctx, courierBatch, workLease)
		if err != nil {
			return err
		}
		var busy sync.WaitGroup
		for _, w := range claimed {
			busy.Go(func() { c.work(ctx, w) })
		}
		busy.Wait()
		if len(claimed) < courierBatch {
			return nil
		}
	}
}

// work does one thing, or has it done again later.
func (c *courier) work(ctx context.Context, w order.Work) {
	brief, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	err := c.do(brief, w)
	c.metrics.work.WithLabelValues(string(w.Kind), result(err)).Inc()
	if err == nil {
		return
	}
	wait := min(postponeFirst<<min(w.Tries-1, 16), postponeMost)
	c.log.LogAttrs(ctx, slog.LevelWarn, "work for an order failed", slog.Int64("order", int64(w.Order)), slog.String("work", string(w.Kind)),
		slog.Int("tries", w.Tries), slog.Duration("again_in", wait), slog.Any("error", err))
	brief, cancel = context.WithTimeout(context.WithoutCancel(ctx), postponeWithin)
	defer cancel()
	if err := c.outbox.Postpone(brief, w, wait, err.Error()); err != nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, "work for an order stays claimed until its lease ends", slog.Int64("order", int64(w.Order)), slog.Any("error", err))
	}
}

func (c *courier) do(ctx context.Context, w order.Work) error {
	switch w.Kind {
	case order.Grant:
		return c.grant(ctx, w)
	case order.Revoke:
		return c.revoke(ctx, w)
	case order.Dispute:
		return c.tellDispute(ctx, w)
	}
	return errors.New("this build does not know the work " + string(w.Kind))
}

// grant gives an order's goods.
func (c *courier) grant(ctx context.Context, w order.Work) error {
	o, ok, err := c.outbox.StartGrant(ctx, w)
	if err != nil || !ok {
		return err
	}
	if err := c.goods.Give(ctx, o.Player, grantKey(o.ID), o.Goods); err != nil {
		return err
	}
	c.tellOwner(ctx, o.Player)
	o, err = c.outbox.Granted(ctx, w)
	if err == nil {
		c.metrics.moved(o.State)
	}
	return err
}

// revoke takes back an order's goods after a refund, or as much of them as is the refund's part of the price.
func (c *courier) revoke(ctx context.Context, w order.Work) error {
	o, ok, err := c.outbox.StartRevoke(ctx, w)
	if err != nil || !ok {
		return err
	}
	goods, debt := o.Revoking(), order.Goods{}
	if !goods.Empty() { // otherwise too little went back for one of anything
		taken, err := c.goods.TakeBack(ctx, o.Player, refundKey(o), grantKey(o.ID), goods)
		if err != nil {
			return err
		}
		c.tellOwner(ctx, o.Player)
		debt = missing(goods, taken)
	}
	o, err = c.outbox.Revoked(ctx, w, o.RevokingSum, debt)
	if err != nil {
		return err
	}
	if o.State == order.Refunded {
		c.metrics.moved(o.State)
	}
	if !debt.Empty() {
		c.metrics.debts.Inc()
		c.log.LogAttrs(ctx, slog.LevelWarn, "refunded goods are spent", slog.Int64("order", int64(o.ID)), slog.Int64("player", o.Player), slog.Any("debt", debt))
	}
	return nil
}

func (c *courier) tellDispute(ctx context.Context, w order.Work) error {
	o, err := c.find(ctx, w.Order)
	if err != nil {
		return err
	}
	c.log.LogAttrs(ctx, slog.LevelWarn, "order disputed", slog.Int64("order", int64(o.ID)), slog.Int64("player", o.Player), slog.Int64("account", o.Account))
	if c.dispute != nil {
		if err := c.dispute(ctx, o); err != nil {
			return err
		}
	}
	return c.outbox.Done(ctx, w)
}

// tellOwner lets a player who is online see the change at once. Whoever is not told sees it at his next login.
func (c *courier) tellOwner(ctx context.Context, player int64) {
	if c.notify == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	if err := c.notify(ctx, player); err != nil {
		c.log.LogAttrs(ctx, slog.LevelDebug, "player not told of a change", slog.Int64("player", player), slog.Any("error", err))
	}
}
