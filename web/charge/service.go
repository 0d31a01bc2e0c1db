package charge

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"loumiao/game/policy"
	"loumiao/game/store/order"
	"loumiao/game/tables"
	"loumiao/game/token"
	"loumiao/web/charge/pay"
)

const (
	pollEvery  = time.Second // for what another node has stored, and for what is due again
	auditEvery = time.Minute // and up to half as much more, so that nodes do not go in step
)

// Tokens says who a player is; token.Verifier does.
type Tokens interface {
	Verify(token string) (token.Claims, error)
}

// Deps is what a [Service] works with. All are required, unless said otherwise.
type Deps struct {
	Orders *order.Store
	Goods  Goods
	// Tables is the design tables of now, whose products are sold. They may change while the node runs; orders keep what they were made of.
	Tables func() *tables.Tables
	Tokens Tokens
	// Barred says why the bearer of a token that is still good may not come in any more, as the gate's does. nil: everybody may.
	Barred func(ctx context.Context, bearer token.Claims) error
	// Providers take payments; the first is that of orders which name none.
	Providers []pay.Provider
	// Limits bounds a player's orders. ExpireAfter is how long an order can be paid.
	Limits      order.Limits
	ExpireAfter time.Duration
	// Public is the URL under which players' browsers reach this server, without a slash at its end.
	Public func() string
	// Policy decides who may buy what. nil: everybody everything.
	Policy policy.Charge
	// Notify tells a player's owner that what he has was changed from outside. nil: nobody is told, and players see it at their next login.
	Notify func(ctx context.Context, player int64) error
	// OnDispute is called when an order is disputed, at least once; with an error, again later. nil: it is only logged.
	OnDispute func(ctx context.Context, o order.Order) error
	// Now is the clock. nil: time.Now.
	Now func() time.Time
	// Log takes what players must not see. nil: nothing is logged.
	Log *slog.Logger
}

// Validate reports everything that is missing, joined.
func (d Deps) Validate() error {
	var errs []error
	for _, need := range []struct {
		what    string
		missing bool
	}{
		{"Orders", d.Orders == nil}, {"Goods", d.Goods == nil}, {"Tables", d.Tables == nil}, {"Tokens", d.Tokens == nil},
		{"Public", d.Public == nil}, {"ExpireAfter", d.ExpireAfter <= 0},
	} {
		if need.missing {
			errs = append(errs, errors.New("charge: "+need.what+" is missing"))
		}
	}
	return errors.Join(errs...)
}

// A Service sells. It is safe for concurrent use.
type Service struct {
	Deps
	providers map[string]pay.Provider
	metrics   *metrics
	cashier   *cashier
	courier   *courier
	auditor   *auditor
	due       chan struct{} // holds a token when there may be something to settle or deliver

	stop    sync.Once
	stopped chan struct{}
	busy    sync.WaitGroup
}

// New is a service. Call [Deps.Validate] before: a dependency that is missing shows when it is first needed.
func New(deps Deps) *Service {
	if deps.Barred == nil {
		deps.Barred = func(context.Context, token.Claims) error { return nil }
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		Deps: deps, providers: map[string]pay.Provider{}, metrics: newMetrics(),
		due: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	for _, p := range deps.Providers {
		s.providers[p.Name()] = p
	}
	s.cashier = &cashier{events: deps.Orders, metrics: s.metrics, log: deps.Log, wake: s.wake}
	s.courier = &courier{
		outbox: deps.Orders, find: deps.Orders.Find, goods: deps.Goods, notify: deps.Notify, dispute: deps.OnDispute, metrics: s.metrics, log: deps.Log,
	}
	s.auditor = &auditor{
		books: deps.Orders, events: deps.Orders, goods: deps.Goods, providers: s.providers, metrics: s.metrics, log: deps.Log, now: deps.Now, wake: s.wake,
	}
	return s
}

// Collector is the service's metrics.
func (s *Service) Collector() prometheus.Collector { return s.metrics }

// Routes registers the service's paths.
func (s *Service) Routes(app *fiber.App) {
	app.Get("/v1/products", s.products)
	app.Post("/v1/orders", s.create)
	app.Get("/v1/orders", s.list)
	app.Get("/v1/orders/:id", s.show)
	app.Post("/v1/orders/:id/receipt", s.receipt)
	app.Post("/v1/callbacks/:provider", s.callback)
	app.Get("/thanks", thanks)
	if sandbox, ok := s.providers[pay.SandboxName].(pay.Sandbox); ok {
		page := &sandboxPage{service: s, sandbox: sandbox}
		app.Get("/sandbox/:id", page.show)
		app.Post("/sandbox/:id", page.press)
	}
}

// Run settles, delivers and audits until ctx ends or [Service.Stop]; it returns when what it was doing is done.
func (s *Service) Run(ctx context.Context) {
	s.busy.Go(func() { s.work(ctx) })
	s.busy.Go(func() { s.watch(ctx) })
	s.busy.Wait()
}

// Stop lets Run finish what it is doing and no more, and waits for it until ctx ends. It may be called again, and without Run.
func (s *Service) Stop(ctx context.Context) error {
	s.stop.Do(func() { close(s.stopped) })
	done := make(chan struct{})
	go func() {
		s.busy.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wake has work look at once.
func (s *Service) wake() {
	select {
	case s.due <- struct{}{}:
	default:
	}
}

// work settles and delivers whatever is due.
func (s *Service) work(ctx context.Context) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		s.logged(ctx, "events not settled", s.cashier.settle(ctx))
		s.logged(ctx, "outbox not read", s.courier.deliver(ctx))
		select {
		case <-s.due:
		case <-poll.C:
		case <-s.stopped:
			return
		case <-ctx.Done():
			return
		}
	}
}

// watch audits once in a while.
func (s *Service) watch(ctx context.Context) {
	for {
		next := time.NewTimer(auditEvery + rand.N(auditEvery/2))
		select {
		case <-next.C:
			s.logged(ctx, "audit incomplete", s.auditor.audit(ctx))
		case <-s.stopped:
			next.Stop()
			return
		case <-ctx.Done():
			next.Stop()
			return
		}
	}
}

func (s *Service) logged(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, what, slog.Any("error", err))
	}
}
