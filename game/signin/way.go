package signin

import (
	"context"
	"strconv"
	"strings"

	"loumiao/framework/fault"
	"loumiao/game/store/account"
)

// The most that is looked at of what a client sends, in bytes; the account store has rules of its own below these.
const (
	maxName    = 128
	maxRefresh = 512
	maxDevice  = 64
)

// A Way is one way to log in: [Register], [Password], [Guest], [External] or [Refresh]. Area 0 is the first area.
type Way interface {
	kind() string // for metrics and logs
	area() (uint16, error)
	// guessed is whether it can be guessed at, and so is throttled, under name too. The secrets of devices and refresh tokens are too long
	// for that, and an honest client that comes with an old one must not shut out its neighbours.
	guessed() (name string, ok bool)
	// who finds out who it is. next is the new refresh token, when there is one already.
	who(ctx context.Context, s *Service) (acc account.ID, next string, err error)
}

// Register makes an account with a name and password.
type Register struct {
	Name, Password string
	Area           uint16
}

func (Register) kind() string            { return "register" }
func (r Register) area() (uint16, error) { return r.Area, nil }
func (Register) guessed() (string, bool) { return "", false }

func (r Register) who(ctx context.Context, s *Service) (account.ID, string, error) {
	acc, err := s.Accounts.Register(ctx, r.Name, r.Password)
	return acc, "", err
}

// Password is the name and password of an account.
type Password struct {
	Name, Password string
	Area           uint16
}

func (Password) kind() string              { return "password" }
func (p Password) guessed() (string, bool) { return p.Name, true }

func (p Password) area() (uint16, error) {
	if len(p.Name) > maxName || strings.Contains(p.Name, ":") {
		return 0, account.ErrCredentials // nobody has it, and it is not to be looked up; with a colon, other things than names are throttled
	}
	return p.Area, nil
}

func (p Password) who(ctx context.Context, s *Service) (account.ID, string, error) {
	acc, err := s.Accounts.Login(ctx, p.Name, p.Password)
	return acc, "", err
}

// Guest is the secret of a device, for which an account is made the first time.
type Guest struct {
	Device string
	Area   uint16
}

func (Guest) kind() string            { return "guest" }
func (g Guest) area() (uint16, error) { return g.Area, nil }
func (Guest) guessed() (string, bool) { return "", false }

func (g Guest) who(ctx context.Context, s *Service) (account.ID, string, error) {
	acc, err := s.Accounts.Guest(ctx, g.Device)
	return acc, "", err
}

// External is somebody whom a channel vouches for, for whom an account is made the first time.
type External struct {
	Channel, Ticket string
	Area            uint16
}

func (External) kind() string            { return "external" }
func (e External) area() (uint16, error) { return e.Area, nil }
func (External) guessed() (string, bool) { return "", false }

func (e External) who(ctx context.Context, s *Service) (account.ID, string, error) {
	identity, err := s.vouched(ctx, e.Channel, e.Ticket)
	if err != nil {
		return 0, "", err
	}
	acc, err := s.Accounts.Enter(ctx, identity)
	return acc, "", err
}

// Refresh is the refresh token of an earlier [Ticket], which is used up. It leads to the same area.
type Refresh struct{ Token string }

func (Refresh) kind() string            { return "refresh" }
func (Refresh) guessed() (string, bool) { return "", false }

func (r Refresh) area() (uint16, error) {
	area, _, err := splitRefresh(r.Token)
	return area, err
}

func (r Refresh) who(ctx context.Context, s *Service) (account.ID, string, error) {
	_, secret, err := splitRefresh(r.Token)
	if err != nil {
		return 0, "", err
	}
	return s.Accounts.UseRefresh(ctx, secret)
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
