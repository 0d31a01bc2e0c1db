package gm

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/store/account"
	"loumiao/game/store/keypoint"
	"loumiao/game/store/operator"
	"loumiao/game/store/order"
	"loumiao/game/tables"
	"loumiao/web/httpserver"
)

// Commands has commands done and waits for the results; [command.Queue] is one.
type Commands interface {
	Submit(ctx context.Context, c command.Command) (command.Result, error)
}

var _ Commands = (*command.Queue)(nil)

// Deps is what a [Service] works with. All are required.
type Deps struct {
	Operators *operator.Store
	Accounts  *account.Store
	Orders    *order.Store
	Events    *keypoint.Store
	Commands  Commands
	Cluster   cluster.View
	Tables    func() *tables.Tables
	Public    func() string // URL under which operators reach the console, without "/" at its end
	ClientIP  func(*fiber.Ctx) netip.Addr
	Funnel    []string // events, in the order in which players come to them
	Now       func() time.Time
	Log       *slog.Logger
}

// A Service is the console's pages and acts. It is safe for concurrent use.
type Service struct {
	Deps
	rows  []page
	deeds []act
}

// New is the console.
func New(d Deps) *Service {
	s := &Service{Deps: d}
	s.rows, s.deeds = s.pages(), s.acts()
	return s
}

// Routes registers everything. What is registered here by itself needs no session; all else goes through [Service.guarded].
func (s *Service) Routes(app *fiber.App) {
	app.Get("/style.css", s.style)
	app.Get("/login", s.shown(s.loginForm))
	app.Post("/login", s.shown(s.login))
	app.Get("/join", s.shown(s.joinForm))
	app.Post("/join", s.shown(s.join))
	app.Post("/logout", s.guarded(operator.Viewer, s.logout))
	app.Get("/api/session", s.guarded(operator.Viewer, s.session))
	for _, p := range s.rows {
		app.Get(p.path, s.guarded(p.role, func(c *fiber.Ctx, who operator.Session) error { return s.showPage(c, who, p) }))
		app.Get("/api"+strings.TrimSuffix(p.path, "/"), s.guarded(p.role, func(c *fiber.Ctx, _ operator.Session) error { return s.sendView(c, p) }))
	}
	for _, a := range s.deeds {
		app.Get(a.path(), s.guarded(a.role, func(c *fiber.Ctx, who operator.Session) error { return s.showForm(c, who, a) }))
		app.Post(a.path(), s.guarded(a.role, func(c *fiber.Ctx, who operator.Session) error { return s.submitForm(c, who, a) }))
		app.Post("/api"+a.path(), s.guarded(a.role, func(c *fiber.Ctx, who operator.Session) error { return s.submitJSON(c, who, a) }))
	}
	app.Use(s.shown(func(*fiber.Ctx) error { return fault.New(fault.NotFound, "there is no such page") }))
}

// headerCSRF is where callers of the JSON API bring what a form has in its field.
const headerCSRF = "X-CSRF-Token"

// guarded lets in who is logged in and has the role; for what changes something, only from the console's own pages. Pages' errors are pages too.
func (s *Service) guarded(role operator.Role, next func(*fiber.Ctx, operator.Session) error) fiber.Handler {
	return s.shown(func(c *fiber.Ctx) error {
		who, err := s.who(c)
		if err != nil {
			return err
		}
		c.Locals(whoKey, who)
		if !who.Operator.Role.Covers(role) {
			return fault.Errorf(fault.Forbidden, "this needs the role %s", role)
		}
		if c.Method() == fiber.MethodPost && who.CSRF() != "" { // a script's token is not sent by browsers by themselves
			brought := c.Get(headerCSRF)
			if !isAPI(c) {
				brought = c.FormValue("csrf")
			}
			if !who.Brings(brought) {
				return fault.New(fault.Forbidden, "the form is of another session: load the page again")
			}
		}
		return next(c, who)
	})
}

// who is whose session the cookie is or, under /api, whose token a script brings.
func (s *Service) who(c *fiber.Ctx) (operator.Session, error) {
	if isAPI(c) && c.Get(fiber.HeaderAuthorization) != "" {
		token, err := httpserver.Bearer(c)
		if err != nil {
			return operator.Session{}, err
		}
		return s.Operators.Bearer(c.UserContext(), token)
	}
	return s.Operators.Session(c.UserContext(), c.Cookies(s.cookie()))
}

// shown answers errors with a page, or leaves them to the server under /api. It refuses what another site's page has sent.
func (s *Service) shown(next fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if s.secure() {
			c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
		}
		err := s.sameSite(c)
		if err == nil {
			err = next(c)
		}
		if err == nil || isAPI(c) {
			return err
		}
		if fault.CodeOf(err) == fault.Unauthenticated && c.Method() == fiber.MethodGet && c.Path() != "/login" {
			return c.Redirect("/login", fiber.StatusSeeOther)
		}
		return s.showError(c, err)
	}
}

// sameSite refuses forms of other sites, also where there is no session yet whose token could tell.
func (s *Service) sameSite(c *fiber.Ctx) error {
	site, origin := c.Get("Sec-Fetch-Site"), c.Get(fiber.HeaderOrigin)
	_, host, _ := strings.Cut(origin, "://")
	_, public, _ := strings.Cut(s.Public(), "://")
	foreign := site != "" && site != "same-origin" && site != "none" || origin != "" && host != c.Get(fiber.HeaderHost) && host != public
	if c.Method() == fiber.MethodPost && foreign {
		return fault.New(fault.Forbidden, "this comes from another site")
	}
	return nil
}

func isAPI(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), "/api/") || c.Path() == "/api" }

type localKey int

const whoKey localKey = iota

// session is what a caller of the JSON API needs to post.
func (s *Service) session(c *fiber.Ctx, who operator.Session) error {
	return c.JSON(struct {
		Operator operator.Operator `json:"operator"`
		CSRF     string            `json:"csrf"`
	}{who.Operator, who.CSRF()})
}
