package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/channel"
	"loumiao/game/policy"
	"loumiao/game/store/account"
	"loumiao/game/token"
)

// Accounts is what the rules need of the account store; [account.Store] is one.
type Accounts interface {
	Register(ctx context.Context, name, password string) (account.ID, error)
	Unregister(ctx context.Context, acc account.ID) error
	Login(ctx context.Context, name, password string) (account.ID, error)
	Guest(ctx context.Context, device string) (account.ID, error)
	Character(ctx context.Context, acc account.ID, area uint16) (player int64, err error)
	Sanctioned(ctx context.Context, acc account.ID) (*account.Sanction, error)
	IssueRefresh(ctx context.Context, acc account.ID, from account.Origin, ttl time.Duration) (token string, err error)
	UseRefresh(ctx context.Context, token string) (acc account.ID, next string, err error)
	WayOf(ctx context.Context, login string) (way string, err error)
	RefreshAccount(ctx context.Context, token string) (acc account.ID, ok bool, err error)
	Enter(ctx context.Context, identity account.Identity) (account.ID, error)
	Logins(ctx context.Context, acc account.ID) ([]account.LoginEntry, error)
	EndLogin(ctx context.Context, acc account.ID, login string) error
	RevokeRefresh(ctx context.Context, acc account.ID) error
}

// Throttle counts attempts by name and by address; [account.Throttle] does.
type Throttle interface {
	// Take counts an attempt before it is made. When there were too many, it is a fault.RateLimited, with how long to wait.
	Take(ctx context.Context, name, address string) (wait time.Duration, err error)
	// Succeeded takes one back, because it was no wrong guess.
	Succeeded(ctx context.Context, name, address string) error
}

// Tokens signs tokens for the game; [token.Signer] does.
type Tokens interface {
	Sign(token.Claims) (string, error)
	TTL() time.Duration
}

var (
	_ Accounts = (*account.Store)(nil)
	_ Throttle = (*account.Throttle)(nil)
	_ Tokens   = (*token.Signer)(nil)
)

// Deps is what a [Service] works with. All are required, unless said otherwise.
type Deps struct {
	Accounts Accounts
	Throttle Throttle
	Tokens   Tokens
	// Channels vouch for players besides. None is fine.
	Channels []channel.Channel
	// Areas is the areas that players can choose, at least one. The first is the default.
	Areas []Area
	// RefreshTTL is how long a login can be refreshed. Default 30 days.
	RefreshTTL time.Duration
	// Admits says why an account may not come in now: maintenance. Account 0 is one that is yet to be made. Default: every account may.
	Admits func(area uint16, acc account.ID) error
	// Policy is asked who may come in. Default: nobody is refused.
	Policy policy.Login
	// Welcomed is called when the policy lets an account in that it may have refused before: tokens of its that are still good open gates again. Default: nothing
	// is done.
	Welcomed func(ctx context.Context, acc account.ID) error
	// People learns who stands behind an account, from those who say it. Default: nobody may say it.
	People policy.People
	// Log takes what players must not see. Default: nothing is logged.
	Log *slog.Logger
}

// Validate reports everything that is missing, joined.
func (d Deps) Validate() error {
	var errs []error
	for _, dep := range []struct {
		what    string
		missing bool
	}{{"Accounts", d.Accounts == nil}, {"Throttle", d.Throttle == nil}, {"Tokens", d.Tokens == nil}} {
		if dep.missing {
			errs = append(errs, errors.New("signin: "+dep.what+" is missing"))
		}
	}
	if err := ValidateAreas(d.Areas); err != nil {
		errs = append(errs, fmt.Errorf("signin: %w", err))
	}
	if d.RefreshTTL < 0 {
		errs = append(errs, errors.New("signin: RefreshTTL must not be negative"))
	}
	return errors.Join(errs...)
}

// A Config is what nodes are told of the rules; see [Deps] for its fields.
type Config struct {
	Areas      []Area
	Throttle   account.ThrottleConfig
	Tokens     Tokens
	RefreshTTL time.Duration
	Channels   []channel.Channel
	Policy     policy.Open
}

// Open is a service on a node's stores and ids, which keeps out whom the configuration centre's maintenance does, and the account store that it uses.
func Open(n *node.Node, cfg Config) (*Service, *account.Store, error) {
	sql, err := n.Stores().SQL("account")
	if err != nil {
		return nil, nil, err
	}
	asked, err := cfg.Policy.On(n)
	if err != nil {
		return nil, nil, err
	}
	accounts, maintenance, blocks := account.New(sql, n.IDs(), time.Now), api.Maintenance.Of(n.Live()), api.NewBlocks(n.Stores())
	deps := Deps{
		Accounts: accounts, Throttle: account.NewThrottle(n.Stores(), cfg.Throttle), Tokens: cfg.Tokens,
		Channels: cfg.Channels, Areas: cfg.Areas, RefreshTTL: cfg.RefreshTTL, Log: n.Log(),
		Admits: func(area uint16, acc account.ID) error { return maintenance.In(area).Admits(api.AccountID(acc)) },
		Policy: asked.Login, People: asked.People,
		Welcomed: func(ctx context.Context, acc account.ID) error { return blocks.Unbar(ctx, api.AccountID(acc)) },
	}
	if err := deps.Validate(); err != nil {
		return nil, nil, err
	}
	return New(deps), accounts, nil
}

// A Service answers attempts to log in. It is safe for concurrent use and has nothing to start or stop.
type Service struct {
	Deps
	logins *prometheus.CounterVec
}

// New is a service. Call [Deps.Validate] before: a dependency that is missing shows when it is first needed.
func New(deps Deps) *Service {
	if deps.RefreshTTL == 0 {
		deps.RefreshTTL = 30 * 24 * time.Hour
	}
	if deps.Admits == nil {
		deps.Admits = func(uint16, account.ID) error { return nil }
	}
	if deps.Welcomed == nil {
		deps.Welcomed = func(context.Context, account.ID) error { return nil }
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{
		Deps: deps,
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "logins_total",
			Help: "Logins by kind (register, password, guest, refresh, external) and result (ok or an error code).",
		}, []string{"kind", "result"}),
	}
}

// Collector is the service's metrics.
func (s *Service) Collector() prometheus.Collector { return s.logins }
