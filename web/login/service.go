package login

import (
	"context"
	"errors"
	"net/netip"

	"github.com/gofiber/fiber/v2"

	"loumiao/game/signin"
	"loumiao/game/token"
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

// Tokens checks the tokens that Rules has made; [token.Verifier] does.
type Tokens interface {
	Verify(text string) (token.Claims, error)
}

var _ Tokens = (*token.Verifier)(nil)

// Deps is what a [Service] works with. All are required, unless said otherwise.
type Deps struct {
	// Rules says who is let in.
	Rules *signin.Service
	Gates Gates
	// Tokens says whose a token is, to show them their logins and identities.
	Tokens Tokens
	// Binder changes how accounts can be logged in to.
	Binder *signin.Binder
	// Barred says why the bearer of a token that is still good may not come in any more, as the gate's does. Default: everybody may.
	Barred func(ctx context.Context, bearer token.Claims) error
	// ClientIP is the address of a request's client: httpserver's Server.ClientIP. Default: the peer's.
	ClientIP func(*fiber.Ctx) netip.Addr
	// Tables is the design tables as clients get them, and their version. Default: there are none.
	Tables func() (version string, json []byte)
}

// Validate reports everything that is missing, joined.
func (d Deps) Validate() error {
	var errs []error
	if d.Rules == nil {
		errs = append(errs, errors.New("login: Rules is missing"))
	}
	if d.Gates == nil {
		errs = append(errs, errors.New("login: Gates is missing"))
	}
	if d.Tokens == nil {
		errs = append(errs, errors.New("login: Tokens is missing"))
	}
	if d.Binder == nil {
		errs = append(errs, errors.New("login: Binder is missing"))
	}
	return errors.Join(errs...)
}

// A Service answers logins. It is safe for concurrent use and has nothing to start or stop.
type Service struct{ Deps }

// New is a service. Call [Deps.Validate] before: a dependency that is missing shows when it is first needed.
func New(deps Deps) *Service {
	if deps.ClientIP == nil {
		deps.ClientIP = func(c *fiber.Ctx) netip.Addr {
			addr, _ := netip.AddrFromSlice(c.Context().RemoteIP())
			return addr.Unmap()
		}
	}
	if deps.Barred == nil {
		deps.Barred = func(context.Context, token.Claims) error { return nil }
	}
	return &Service{deps}
}

// Routes registers the service's paths.
func (s *Service) Routes(app *fiber.App) {
	v1 := app.Group("/v1")
	v1.Post("/register", s.register)
	v1.Post("/login", s.password)
	v1.Post("/guest", s.guest)
	v1.Post("/external", s.external)
	v1.Post("/refresh", s.refresh)
	v1.Get("/logins", s.logins)
	v1.Delete("/logins", s.endLogin)
	v1.Delete("/logins/:id", s.endLogin)
	v1.Get("/identities", s.identities)
	v1.Post("/identities", s.bind)
	v1.Delete("/identities/:kind", s.unbind)
	v1.Get("/areas", s.areas)
	if s.Tables != nil {
		v1.Get("/tables", s.tables)
	}
}
