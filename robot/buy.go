package robot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"loumiao/framework/fault"
	"loumiao/robot/client"
)

const (
	buyEvery      = time.Minute      // at most, for one robot
	deliveredIn   = 30 * time.Second // a paid order
	lookEvery     = 100 * time.Millisecond
	probeTimeout  = 5 * time.Second
	sandbox       = "sandbox"
	tokenLeftover = 30 * time.Second // that a token must still live when something is bought with it
)

// A shop is where robots buy, and what. It is shared by all of a run.
type shop struct {
	charge  client.Charge
	product client.Product
}

// openShop finds something to buy in the sandbox: currency only, because items may come by mail. nil, and a line of progress, when there is no shop.
func openShop(ctx context.Context, cfg Config, web *http.Client) *shop {
	if cfg.Charge == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	s := &shop{charge: client.Charge{Base: cfg.Charge, HTTP: web}}
	products, providers, err := s.charge.Products(ctx)
	i := slices.IndexFunc(products, func(p client.Product) bool { return len(p.Wallet) > 0 && len(p.Items) == 0 })
	if err == nil && (i < 0 || !slices.Contains(providers, sandbox)) {
		err = errors.New("nothing is sold in the sandbox")
	}
	if err != nil {
		_, _ = fmt.Fprintf(cfg.Progress, "       nobody buys anything: %v\n", err) // nobody misses progress that cannot be shown
		return nil
	}
	s.product = products[i]
	return s
}

// buy buys something now and then, pays with two presses of the button, waits until it is delivered, and holds the ledger to it.
func (r *robot) buy(ctx, _ context.Context) error {
	if r.shop == nil || time.Now().Before(r.nextBuy) || time.Until(r.tokenEnds) < tokenLeftover {
		return nil
	}
	r.nextBuy = time.Now().Add(buyEvery)
	o, err := timed(r.tally, ctx, "charge.order", func(ctx context.Context) (client.Order, error) {
		return r.shop.charge.Buy(ctx, r.token, r.shop.product.ID, sandbox)
	})
	if err != nil {
		return nil // which is counted, and no reason to stop playing
	}
	for range 2 {
		_, err := timed(r.tally, ctx, "charge.pay", func(ctx context.Context) (bool, error) { return true, r.shop.charge.Press(ctx, o, "pay") })
		if err != nil {
			return nil
		}
	}
	r.note("pay", map[string]any{"product": r.shop.product.ID})
	began := time.Now()
	delivered, err := r.awaitDelivery(ctx, o)
	r.tally.wait("charge.delivery", time.Since(began), err)
	if err != nil || !delivered {
		return nil
	}
	return r.checkOrder(ctx, o)
}

func (r *robot) awaitDelivery(ctx context.Context, o client.Order) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, deliveredIn, fault.New(fault.Deadline, "a paid order is not delivered in time"))
	defer cancel()
	for {
		now, err := r.shop.charge.Order(ctx, r.token, o.ID)
		if err == nil && now.State == "delivered" {
			return true, nil
		}
		if !sleep(ctx, lookEvery) {
			return false, context.Cause(ctx)
		}
	}
}

// checkOrder looks for a delivered order's goods in the ledger.
func (r *robot) checkOrder(ctx context.Context, o client.Order) error {
	for {
		_, granted, err := r.readLedger(ctx, fmt.Sprintf("order:%d", o.ID))
		if broken := (*notDescending)(nil); errors.As(err, &broken) {
			r.tally.hold(walletIsLedger, fmt.Errorf("player %d: %w", r.player, err))
			return nil
		}
		if err != nil {
			return err
		}
		what := differ(o.Wallet, granted)
		if what != "" && r.account.newest != 0 { // it may stand before entries that were read
			r.account = account{}
			continue
		}
		var broken error
		if what != "" {
			broken = fmt.Errorf("player %d: order %d is delivered: %s", r.player, o.ID, what)
		}
		r.tally.hold(orderOnce, broken)
		return nil
	}
}
