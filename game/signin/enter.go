package signin

import (
	"context"
	"log/slog"
	"net/netip"
	"time"
	"unicode/utf8"

	"loumiao/framework/fault"
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
// whoever is not who they say, Forbidden for the sanctioned, NotFound for an area that there is not, a *[Throttled], and those of the
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
		wait, refused := s.Throttle.Take(ctx, name, address)
		if refused != nil && wait > 0 {
			return nil, &Throttled{After: wait, Err: refused}
		} else if refused != nil {
			return nil, refused
		}
		defer func() { s.giveBack(ctx, name, address, err) }()
	}
	if a.Before != nil {
		if err := a.Before(ctx, area); err != nil {
			return nil, err
		}
	}
	if _, anew := a.Way.(Register); anew {
		if err := s.Admits(area, 0); err != nil {
			return nil, err
		}
	}
	acc, next, err := a.Way.who(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := s.refuseSanctioned(ctx, acc); err != nil {
		return nil, err
	}
	if _, usedUp := a.Way.(Refresh); !usedUp { // or the client would lose what it logs in with; the gate refuses it too
		if err := s.Admits(area, acc); err != nil {
			return nil, err
		}
	}
	return s.ticket(ctx, acc, area, account.Origin{Way: a.Way.kind(), Device: a.Device}, next)
}

// ticket is for whoever may come in. next is his refresh token, if he has one already.
func (s *Service) ticket(ctx context.Context, acc account.ID, area uint16, from account.Origin, next string) (*Ticket, error) {
	player, err := s.Accounts.Character(ctx, acc, area)
	if err != nil {
		return nil, err
	}
	signed, err := s.Tokens.Sign(token.Claims{Account: int64(acc), Player: player, Area: area})
	if err != nil {
		return nil, err
	}
	if next == "" {
		if next, err = s.Accounts.IssueRefresh(ctx, acc, from, s.RefreshTTL); err != nil {
			return nil, err
		}
	}
	return &Ticket{
		Account: int64(acc), Player: player, Area: area, Token: signed, ExpiresIn: s.Tokens.TTL(), Refresh: joinRefresh(area, next),
	}, nil
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
