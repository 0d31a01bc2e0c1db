package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"loumiao/game/store/account"
	"loumiao/game/token"
)

// Accounts is what the service needs of the account store; [account.Store] is one.
type Accounts interface {
	Register(ctx context.Context, name, password string) (account.ID, error)
	Login(ctx context.Context, name, password string) (account.ID, error)
	Guest(ctx context.Context, device string) (account.ID, error)
	Character(ctx context.Context, acc account.ID, area uint16) (player int64, err error)
	Sanctioned(ctx context.Context, acc account.ID) (*account.Sanction, error)
	IssueRefresh(ctx context.Context, acc account.ID, ttl time.Duration) (token string, err error)
	UseRefresh(ctx context.Context, token string) (acc account.ID, next string, err error)
}

// Throttle counts attempts by name and by address; [account.Throttle] does.
type Throttle interface {
	// Take counts an attempt before it is made. When there were too many, it is a fault.RateLimited, with how long to wait.
	Take(ctx context.Context, name, address string) (wait time.Duration, err error)
	// Succeeded takes one back, because it was no wrong guess.
	Succeeded(ctx context.Context, name, address string) error
}

var (
	_ Accounts = (*account.Store)(nil)
	_ Throttle = (*account.Throttle)(nil)
	_ Tokens   = (*token.Signer)(nil)
)

// A Gate is where a client can connect, and how loaded it is.
type Gate struct {
	TCP                string // host:port, or tls://host:port; "" when it does not speak it
	WS                 string // URL; "" when it does not speak it
	KCP                string // the same
	Sessions, Capacity int
}

// Gates knows the gates that are up.
type Gates interface {
	// Pick is up to n gates that serve the area and have room.
	Pick(ctx context.Context, area uint16, n int) ([]Gate, error)
}

// GatesFunc is a function that is [Gates].
type GatesFunc func(ctx context.Context, area uint16, n int) ([]Gate, error)

// Pick calls f.
func (f GatesFunc) Pick(ctx context.Context, area uint16, n int) ([]Gate, error) {
	return f(ctx, area, n)
}

// Tokens signs tokens for the game; [token.Signer] does.
type Tokens interface {
	Sign(token.Claims) (string, error)
	TTL() time.Duration
}

// Deps is what a [Service] works with. All are required, unless said otherwise.
type Deps struct {
	Accounts Accounts
	Throttle Throttle
	Gates    Gates
	Tokens   Tokens
	// Areas is the areas that players can choose, at least one. The first is the default.
	Areas []Area
	// RefreshTTL is how long a refresh token can be used. Default 30 days.
	RefreshTTL time.Duration
	// ClientIP is the address of a request's client, for the throttle: httpserver's Server.ClientIP. Default: the peer's.
	ClientIP func(*fiber.Ctx) netip.Addr
	// Admits says why an account may not come in now: maintenance. Default: every account may.
	Admits func(area uint16, acc account.ID) error
	// Tables is the design tables as clients get them, and their version. Default: there are none.
	Tables func() (version string, json []byte)
	// Log takes what players must not see. Default: nothing is logged.
	Log *slog.Logger
}

// Validate reports everything that is missing, joined.
func (d Deps) Validate() error {
	var errs []error
	for what, missing := range map[string]bool{
		"Accounts": d.Accounts == nil, "Throttle": d.Throttle == nil, "Gates": d.Gates == nil, "Tokens": d.Tokens == nil,
	} {
		if missing {
			errs = append(errs, errors.New("login: "+what+" is missing"))
		}
	}
	if err := validateAreas(d.Areas); err != nil {
		errs = append(errs, fmt.Errorf("login: %w", err))
	}
	if d.RefreshTTL < 0 {
		errs = append(errs, errors.New("login: RefreshTTL must not be negative"))
	}
	return errors.Join(errs...)
}

// A Service answers logins. It is safe for concurrent use and has nothing to start or stop.
type Service struct {
	Deps
	logins *prometheus.CounterVec
}

// New is a service. Call [Deps.Validate] before: a dependency that is missing shows when it is first needed.
func New(deps Deps) *Service {
	if deps.RefreshTTL == 0 {
		deps.RefreshTTL = 30 * 24 * time.Hour
	}
	if deps.ClientIP == nil {
		deps.ClientIP = func(c *fiber.Ctx) netip.Addr {
			addr, _ := netip.AddrFromSlice(c.Context().RemoteIP())
			return addr.Unmap()
		}
	}
	if deps.Admits == nil {
		deps.Admits = func(uint16, account.ID) error { return nil }
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{
		Deps: deps,
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "logins_total",
			Help: "Logins by kind (register, password, guest, refresh) and result (ok or an error code).",
		}, []string{"kind", "result"}),
	}
}

// Routes registers the service's paths.
func (s *Service) Routes(app *fiber.App) {
	v1 := app.Group("/v1")
	v1.Post("/register", s.register)
	v1.Post("/login", s.password)
	v1.Post("/guest", s.guest)
	v1.Post("/refresh", s.refresh)
	v1.Get("/areas", s.areas)
	if s.Tables != nil {
		v1.Get("/tables", s.tables)
	}
}

// Collector is the service's metrics.
func (s *Service) Collector() prometheus.Collector { return s.logins }
