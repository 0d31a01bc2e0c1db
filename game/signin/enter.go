package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
	"unicode/utf8"

	"loumiao/framework/fault"
	"loumiao/game/policy"
	"loumiao/game/realname"
	"loumiao/game/store/account"
	"loumiao/game/token"
)

// An Attempt is somebody who wants in.
type Attempt struct {
	Way Way
	// Address is the client's own, for the throttle.
	Address netip.Addr
	// Device is what the client calls its device, for the owner's list of logins; at most 64 bytes. It may be empty.
	Device string
	// Person, if not nil, is who the player says to be, for an account of which nobody is known.
	Person *realname.Claim
	// Before, if not nil, is what must go well for an area before an account is made or a refresh token used up.
	Before func(ctx context.Context, area uint16) error
}

// A Ticket is what a client gets for a login.
type Ticket struct {
	Account, Player int64
	Area            uint16
	Token           string        // for the gate
	ExpiresIn       time.Duration // how long Token lives
	Refresh         string        // for the next login, once
}

// Throttled is the error of an attempt that comes after too many wrong ones.
type Throttled struct {
	After time.Duration // when to try again
	Err   error         // a fault.RateLimited
}

// Error is Err's text.
func (t *Throttled) Error() string { return t.Err.Error() }

// Unwrap is Err.
func (t *Throttled) Unwrap() error { return t.Err }

// Enter lets somebody in, and counts how it ends. Its errors are for the client, if they are made with package fault: Unauthenticated for
// whoever is not who they say, Forbidden for the sanctioned and for those whom the policy refuses (or the code that it gives), NotFound for an area that there is not, a *[Throttled], and those of the
// account store, of Admits and of Before.
func (s *Service) Enter(ctx context.Context, a Attempt) (*Ticket, error) {
	ticket, err := s.admit(ctx, a)
	if err != nil {
		s.logins.WithLabelValues(a.Way.kind(), fault.CodeOf(err).String()).Inc()
		return nil, err
	}
	s.logins.WithLabelValues(a.Way.kind(), "ok").Inc()
	s.Log.LogAttrs(ctx, slog.LevelDebug, "login", slog.String("kind", a.Way.kind()),
		slog.Int64("account", ticket.Account), slog.Int64("player", ticket.Player), slog.Int("area", int(ticket.Area)))
	return ticket, nil
}

func (s *Service) admit(ctx context.Context, a Attempt) (_ *Ticket, err error) {
	wanted, err := a.Way.area()
	if err != nil {
		return nil, err
	}
	if len(a.Device) > maxDevice || !utf8.ValidString(a.Device) {
		return nil, fault.Errorf(fault.Invalid, "the name of a device is UTF-8 of at most %d bytes", maxDevice)
	}
	area, err := s.area(wanted)
	if err != nil {
		return nil, err
	}
	if name, ok := a.Way.guessed(); ok {
		address := subscriber(a.Address)
		if err := s.take(ctx, name, address); err != nil {
			return nil, err
		}
		defer func() { s.giveBack(ctx, name, address, err) }()
	}
	if a.Before != nil {
		if err := a.Before(ctx, area); err != nil {
			return nil, err
		}
	}
	_, anew := a.Way.(Register)
	if anew {
		if err := s.Admits(area, 0); err != nil {
			return nil, err
		}
	}
	again, refreshes := a.Way.(Refresh)
	if refreshes {
		if err := s.mayRefresh(ctx, again, area); err != nil {
			return nil, err
		}
	}
	acc, next, err := a.Way.who(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := s.mayEnter(ctx, a, acc, area); err != nil {
		if anew {
			s.unregister(ctx, acc, err)
		}
		return nil, err
	}
	return s.ticket(ctx, acc, area, account.Origin{Way: a.Way.kind(), Device: a.Device}, next)
}

// mayEnter is why an account that is known is not let in.
func (s *Service) mayEnter(ctx context.Context, a Attempt, acc account.ID, area uint16) error {
	if err := s.refuseSanctioned(ctx, acc); err != nil {
		return err
	}
	if _, refreshes := a.Way.(Refresh); refreshes { // asked before, or the client would lose what it logs in with; the gate refuses it too
		return nil
	}
	if err := s.Admits(area, acc); err != nil {
		return err
	}
	if err := s.identify(ctx, acc, a); err != nil {
		return err
	}
	return s.askPolicy(ctx, acc, area)
}

// unregister leaves nothing of a registration that was refused: its name would be taken, by nobody. Only while a person is still being checked the account stays, under which
// the registry knows the question; its owner logs in.
func (s *Service) unregister(ctx context.Context, acc account.ID, why error) {
	if errors.Is(why, realname.ErrPending) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.Accounts.Unregister(ctx, acc); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "a registration that was refused keeps its name", slog.Int64("account", int64(acc)), slog.Any("error", err))
	}
}

// mayRefresh asks the policy before a refresh token is used up, which a player who may not play now needs when he may again.
func (s *Service) mayRefresh(ctx context.Context, r Refresh, area uint16) error {
	if s.Policy == nil {
		return nil
	}
	_, secret, err := splitRefresh(r.Token)
	if err != nil {
		return err
	}
	acc, ok, err := s.Accounts.RefreshAccount(ctx, secret)
	if err != nil || !ok { // which is said when it is used
		return err
	}
	if err := s.refuseSanctioned(ctx, acc); err != nil {
		return err
	}
	return s.askPolicy(ctx, acc, area)
}

func (s *Service) askPolicy(ctx context.Context, acc account.ID, area uint16) error {
	if s.Policy == nil {
		return nil
	}
	if err := s.Policy.BeforeLogin(ctx, policy.LoginRequest{Account: acc, Area: area}); err != nil {
		return err
	}
	return s.Welcomed(ctx, acc)
}

// identify learns who stands behind an account, if that is said. It can be guessed at, and is throttled for the account.
func (s *Service) identify(ctx context.Context, acc account.ID, a Attempt) (err error) {
	if a.Person == nil {
		return nil
	}
	if s.People == nil {
		return fault.New(fault.Unimplemented, "names are not checked here")
	}
	name, address := fmt.Sprintf("person:%d", acc), subscriber(a.Address)
	if err := s.take(ctx, name, address); err != nil {
		return err
	}
	err = s.People.Identify(ctx, acc, *a.Person)
	if !errors.Is(err, realname.ErrMismatch) {
		s.uncount(ctx, name, address)
	}
	return err
}

// ticket is for whoever may come in. next is his refresh token, if he has one already.
func (s *Service) ticket(ctx context.Context, acc account.ID, area uint16, from account.Origin, next string) (*Ticket, error) {
	player, err := s.Accounts.Character(ctx, acc, area)
	if err != nil {
		return nil, err
	}
	refreshed := next != ""
	if !refreshed {
		if next, err = s.Accounts.IssueRefresh(ctx, acc, from, s.RefreshTTL); err != nil {
			return nil, err
		}
	}
	login, way := account.LoginOf(next), from.Way
	if refreshed {
		if way, err = s.Accounts.WayOf(ctx, login); err != nil {
			return nil, err
		}
	}
	signed, err := s.Tokens.Sign(token.Claims{Account: int64(acc), Player: player, Area: area, Login: login, Way: way})
	if err != nil {
		return nil, err
	}
	return &Ticket{
		Account: int64(acc), Player: player, Area: area, Token: signed, ExpiresIn: s.Tokens.TTL(), Refresh: joinRefresh(area, next),
	}, nil
}

// giveBack takes the attempt off the count unless it ended as a wrong guess does. That the client has hung up is no reason to keep it.
func (s *Service) giveBack(ctx context.Context, name, address string, ended error) {
	if fault.CodeOf(ended) != fault.Unauthenticated {
		s.uncount(ctx, name, address)
	}
}

// take counts an attempt, or says that there were too many.
func (s *Service) take(ctx context.Context, name, address string) error {
	wait, err := s.Throttle.Take(ctx, name, address)
	if err != nil && wait > 0 {
		return &Throttled{After: wait, Err: err}
	}
	return err
}

func (s *Service) uncount(ctx context.Context, name, address string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.Throttle.Succeeded(ctx, name, address); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "an attempt to log in stays counted", slog.Any("error", err))
	}
}

func (s *Service) refuseSanctioned(ctx context.Context, acc account.ID) error {
	sanction, err := s.Accounts.Sanctioned(ctx, acc)
	if err != nil || sanction == nil {
		return err
	}
	return fault.New(fault.Forbidden, sanction.Notice())
}

// subscriber is an address as the throttle counts it: an IPv6 client has a whole /64 to himself.
func subscriber(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	return addr.String()
}
