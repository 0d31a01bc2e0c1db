package login

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/account"
	"loumiao/game/token"
	"loumiao/web/httpserver"
)

// The most that is looked at of what a client sends, in bytes; the account store has rules of its own below these.
const (
	maxName    = 128
	maxRefresh = 512
)

// A Reply is what a client gets for a login.
type Reply struct {
	Account   int64         `json:"account,string"`
	Player    int64         `json:"player,string"`
	Area      uint16        `json:"area"`
	Token     string        `json:"token"`      // for the gate
	ExpiresIn int64         `json:"expires_in"` // seconds that Token lives
	Refresh   string        `json:"refresh"`    // for the next login, once
	Gates     []GateAddress `json:"gates"`      // the best first
}

// A GateAddress is where to connect, one way or another.
type GateAddress struct {
	TCP string `json:"tcp,omitempty"` // host:port, or tls://host:port
	WS  string `json:"ws,omitempty"`  // URL
	KCP string `json:"kcp,omitempty"` // kcp://host:port or kcps://host:port
}

func (s *Service) register(c *fiber.Ctx) error {
	var in struct {
		Name     string `json:"name"`
		Password string `json:"password"`
		Area     uint16 `json:"area"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	return s.enter(c, attempt{
		kind: "register",
		area: in.Area,
		anew: true,
		who: func(ctx context.Context) (account.ID, string, error) {
			acc, err := s.Accounts.Register(ctx, in.Name, in.Password)
			return acc, "", err
		},
	})
}

func (s *Service) password(c *fiber.Ctx) error {
	var in struct {
		Name     string `json:"name"`
		Password string `json:"password"`
		Area     uint16 `json:"area"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	if len(in.Name) > maxName {
		return fault.New(fault.Unauthenticated, "wrong name or password")
	}
	return s.enter(c, attempt{
		kind:  "password",
		area:  in.Area,
		guess: true,
		name:  in.Name,
		who: func(ctx context.Context) (account.ID, string, error) {
			acc, err := s.Accounts.Login(ctx, in.Name, in.Password)
			return acc, "", err
		},
	})
}

func (s *Service) guest(c *fiber.Ctx) error {
	var in struct {
		Device string `json:"device"`
		Area   uint16 `json:"area"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	return s.enter(c, attempt{
		kind: "guest",
		area: in.Area,
		who: func(ctx context.Context) (account.ID, string, error) {
			acc, err := s.Accounts.Guest(ctx, in.Device)
			return acc, "", err
		},
	})
}

func (s *Service) refresh(c *fiber.Ctx) error {
	var in struct {
		Refresh string `json:"refresh"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	area, secret, err := splitRefresh(in.Refresh)
	if err != nil {
		return err
	}
	return s.enter(c, attempt{
		kind: "refresh",
		area: area,
		once: true,
		who:  func(ctx context.Context) (account.ID, string, error) { return s.Accounts.UseRefresh(ctx, secret) },
	})
}

func (s *Service) areas(c *fiber.Ctx) error {
	return c.JSON(struct {
		Areas []Area `json:"areas"`
	}{s.Deps.Areas})
}

// tables is the design tables, for clients that do not have this version yet.
func (s *Service) tables(c *fiber.Ctx) error {
	version, content := s.Tables()
	etag := `"` + version + `"`
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, "no-cache") // kept, and asked about each time
	for known := range strings.SplitSeq(c.Get(fiber.HeaderIfNoneMatch), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == etag || known == "*" {
			return c.SendStatus(fiber.StatusNotModified)
		}
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(content)
}

// An attempt is one way to log in.
type attempt struct {
	kind string // for metrics and logs
	area uint16 // 0 is the default
	// guess is whether it can be guessed at, and so is throttled, under name too. The secrets of devices and refresh tokens are too long
	// for that, and an honest client that comes with an old one must not shut out its neighbours.
	guess bool
	name  string
	// anew is whether there is no account before.
	anew bool
	// once is whether finding out uses up what the client came with.
	once bool
	// who finds out who it is. next is the new refresh token, when there is one already.
	who func(context.Context) (acc account.ID, next string, err error)
}

// enter does what all ways to log in have in common, and counts how they end.
func (s *Service) enter(c *fiber.Ctx, a attempt) error {
	reply, err := s.admit(c, a)
	if err != nil {
		s.logins.WithLabelValues(a.kind, fault.CodeOf(err).String()).Inc()
		return err
	}
	s.logins.WithLabelValues(a.kind, "ok").Inc()
	s.Log.LogAttrs(c.UserContext(), slog.LevelDebug, "login", slog.String("kind", a.kind),
		slog.Int64("account", reply.Account), slog.Int64("player", reply.Player), slog.Int("area", int(reply.Area)))
	return c.JSON(reply)
}

func (s *Service) admit(c *fiber.Ctx, a attempt) (_ *Reply, err error) {
	ctx := c.UserContext()
	area, err := s.area(a.area)
	if err != nil {
		return nil, err
	}
	if a.guess {
		address := s.address(c)
		wait, refused := s.Throttle.Take(ctx, a.name, address)
		if refused != nil && wait > 0 {
			return nil, &httpserver.Retry{After: wait, Err: refused}
		} else if refused != nil {
			return nil, refused
		}
		defer func() { s.giveBack(ctx, a.name, address, err) }()
	}
	gates, err := s.gates(ctx, area) // before anything changes
	if err == nil && a.anew {
		err = s.Admits(area, 0)
	}
	if err != nil {
		return nil, err
	}
	acc, next, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.refuseSanctioned(ctx, acc); err != nil {
		return nil, err
	}
	if !a.once { // or the client would lose what it logs in with; the gate refuses it too
		if err := s.Admits(area, acc); err != nil {
			return nil, err
		}
	}
	player, err := s.Accounts.Character(ctx, acc, area)
	if err != nil {
		return nil, err
	}
	signed, err := s.Tokens.Sign(token.Claims{Account: int64(acc), Player: player, Area: area})
	if err != nil {
		return nil, err
	}
	if next == "" {
		if next, err = s.Accounts.IssueRefresh(ctx, acc, s.RefreshTTL); err != nil {
			return nil, err
		}
	}
	return &Reply{
		Account:   int64(acc),
		Player:    player,
		Area:      area,
		Token:     signed,
		ExpiresIn: int64(s.Tokens.TTL() / time.Second),
		Refresh:   joinRefresh(area, next),
		Gates:     gates,
	}, nil
}

func (s *Service) area(wanted uint16) (uint16, error) {
	for _, a := range s.Deps.Areas {
		if wanted == 0 || wanted == a.ID {
			return a.ID, nil
		}
	}
	return 0, fault.Errorf(fault.NotFound, "there is no area %d", wanted)
}

// address is the client's, as the throttle counts it: an IPv6 client has a whole /64 to himself.
func (s *Service) address(c *fiber.Ctx) string {
	addr := s.ClientIP(c).WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	return addr.String()
}

// giveBack takes the attempt off the count unless it ended as a wrong guess does. That the client has hung up is no reason to keep it.
func (s *Service) giveBack(ctx context.Context, name, address string, ended error) {
	if fault.CodeOf(ended) == fault.Unauthenticated {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.Throttle.Succeeded(ctx, name, address); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "an attempt to log in stays counted", slog.Any("error", err))
	}
}

func (s *Service) refuseSanctioned(ctx context.Context, acc account.ID) error {
	sanction, err := s.Accounts.Sanctioned(ctx, acc)
	switch {
	case err != nil:
		return err
	case sanction == nil:
		return nil
	case sanction.Ends.IsZero():
		return fault.Errorf(fault.Forbidden, "this account is blocked: %s", sanction.Reason)
	}
	return fault.Errorf(fault.Forbidden, "this account is blocked until %s: %s", sanction.Ends.UTC().Format(time.RFC3339), sanction.Reason)
}

// What clients hold as a refresh token carries the area, so that they come back to where they were: "AREA.SECRET". To them it is opaque.
func joinRefresh(area uint16, secret string) string { return strconv.Itoa(int(area)) + "." + secret }

func splitRefresh(text string) (area uint16, secret string, err error) {
	number, secret, ok := strings.Cut(text, ".")
	n, perr := strconv.ParseUint(number, 10, 16)
	if !ok || perr != nil || n == 0 || secret == "" || len(text) > maxRefresh {
		return 0, "", fault.New(fault.Unauthenticated, "the refresh token is malformed")
	}
	return uint16(n), secret, nil
}
