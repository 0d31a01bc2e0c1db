package policy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/area"
	"loumiao/game/realname"
	"loumiao/game/store/account"
	"loumiao/game/store/order"
)

const (
	mostAtOnce = 4 * LookEvery // the most that is counted as played between two looks: who counts may have been away
	// seatMemory is how long an account without a session is watched after it has logged in: longer than a token can be used and a session come back.
	seatMemory = 3 * time.Hour
)

// Accounts is what the sample needs of the account store; [account.Store] is one.
type Accounts interface {
	Person(ctx context.Context, acc account.ID) (account.Person, bool, error)
	SamePerson(ctx context.Context, acc account.ID) ([]account.ID, error)
	SetPerson(ctx context.Context, acc account.ID, p account.Person) error
	PlaytimeOf(ctx context.Context, acc account.ID) (account.Playtime, error)
	Watch(ctx context.Context, acc account.ID, area uint16) error
	Watched(ctx context.Context, since time.Time, limit int) ([]account.Playtime, error)
	CountPlaytime(ctx context.Context, before time.Time, p account.Playtime, watched bool) (bool, error)
}

var _ Accounts = (*account.Store)(nil)

// Sample answers all questions as its configuration says. It is safe for concurrent use, and keeps nothing: any number of nodes may ask one each.
type Sample struct {
	cfg       Config
	key       []byte
	accounts  Accounts
	registry  realname.Registry // nil: nobody is vouched for
	calendars *area.Calendars
	now       func() time.Time
}

var (
	_ Login    = (*Sample)(nil)
	_ Playtime = (*Sample)(nil)
	_ Charge   = (*Sample)(nil)
	_ People   = (*Sample)(nil)
)

// NewSample has the rules of cfg, which must be valid, held on the clocks of areas. People are told apart by digests under key, which is a secret of the
// whole stack. now is the clock; nil is time.Now.
func NewSample(cfg Config, key []byte, accounts Accounts, calendars *area.Calendars, now func() time.Time) *Sample {
	if now == nil {
		now = time.Now
	}
	return &Sample{cfg: cfg, key: key, accounts: accounts, registry: cfg.Registry.Open(), calendars: calendars, now: now}
}

// Set has the sample answer everything.
func (s *Sample) Set() Set { return Set{Login: s, Playtime: s, Charge: s, People: s} }

// Identify asks the registry, once for an account.
func (s *Sample) Identify(ctx context.Context, acc account.ID, claim realname.Claim) error {
	if _, known, err := s.accounts.Person(ctx, acc); err != nil || known {
		return err
	}
	if s.registry == nil {
		return fault.New(fault.Unimplemented, "names are not checked here")
	}
	who, err := s.registry.Verify(ctx, strconv.FormatInt(int64(acc), 10), claim)
	if err != nil {
		return err
	}
	return s.accounts.SetPerson(ctx, acc, account.Person{
		Born: who.Born, Registry: s.registry.Name(), Reference: who.Reference, Digest: s.digest(claim),
	})
}

// digest tells the person of a claim from others. Numbers can be tried, of which there are few: hence the key.
func (s *Sample) digest(claim realname.Claim) string {
	mac := hmac.New(sha256.New, s.key)
	_, _ = io.WriteString(mac, s.registry.Name()+"\x00"+strings.ToUpper(claim.Number)) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))
}

// minor is how old the person of an account is, and whether that is too young for rules not to hold.
func (s *Sample) minor(ctx context.Context, acc account.ID, there time.Time) (years int, minor bool, err error) {
	p, known, err := s.accounts.Person(ctx, acc)
	if err != nil {
		return 0, false, err
	}
	years, err = s.cfg.ageOf(p, known, there)
	return years, years < s.cfg.AdultAge, err
}

// BeforeLogin refuses minors outside their hours and after their time, and whoever has to be known and is not. Those whose time runs are watched from then on.
func (s *Sample) BeforeLogin(ctx context.Context, r LoginRequest) error {
	now, calendar := s.now(), s.calendars.Of(r.Area)
	_, minor, err := s.minor(ctx, r.Account, calendar.Local(now))
	if err != nil || !minor {
		return err
	}
	p, err := s.accounts.PlaytimeOf(ctx, r.Account)
	if err != nil {
		return err
	}
	if _, refused := s.cfg.Playtime.mayPlay(calendar, now, p.On(calendar.Day(now))); refused != nil {
		return refused
	}
	return s.accounts.Watch(ctx, r.Account, r.Area)
}

// Watched is those who were not looked at for a while.
func (s *Sample) Watched(ctx context.Context, limit int) ([]account.Playtime, error) {
	return s.accounts.Watched(ctx, s.now().Add(-LookEvery*3/4), limit)
}

// Look counts, and looks who has grown up meanwhile too.
func (s *Sample) Look(ctx context.Context, p account.Playtime, online bool) (over error, until time.Time, err error) {
	now, calendar := s.now(), s.calendars.Of(p.Area)
	_, minor, err := s.minor(ctx, p.Account, calendar.Local(now))
	if fault.CodeOf(err) == errUnknown.Code {
		err, minor = nil, false // the rule is newer than the session
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	before := p.Counted
	if day := calendar.Day(now); day > p.Day {
		p.Day, p.Played = day, 0
	}
	if online {
		p.Played += min(max(0, now.Sub(before)), mostAtOnce)
	}
	p.Counted = now
	until, over = s.cfg.Playtime.mayPlay(calendar, now, p.Played)
	if !online || !minor {
		over, until = nil, time.Time{}
	}
	counted, err := s.accounts.CountPlaytime(ctx, before, p, minor && (online || now.Sub(p.Login) < seatMemory))
	if err != nil {
		return nil, time.Time{}, err
	}
	if !counted { // another node has counted it, or it logs in just now: it is looked at again
		return nil, time.Time{}, nil
	}
	return over, until, nil
}

// BeforeCharge is the caps for the buyer's age.
func (s *Sample) BeforeCharge(ctx context.Context, r ChargeRequest) ([]order.Cap, error) {
	now, calendar := s.now(), s.calendars.Of(r.Area)
	years, minor, err := s.minor(ctx, account.ID(r.Account), calendar.Local(now))
	if err != nil || !minor {
		return nil, err
	}
	caps, err := s.cfg.Spending.mayBuy(calendar, now, years, r)
	if err != nil || len(caps) == 0 {
		return nil, err
	}
	same, err := s.accounts.SamePerson(ctx, account.ID(r.Account))
	if err != nil {
		return nil, err
	}
	for i := range caps {
		for _, acc := range same {
			caps[i].Accounts = append(caps[i].Accounts, int64(acc))
		}
	}
	return caps, nil
}

// money is an amount in minor units, of currencies that have hundredths.
func money(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }
