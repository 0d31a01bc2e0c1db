package operator

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/migrations"
)

func TestMain(m *testing.M) { frameworktest.Main(m) }

const secretOfAnn = "correct horse battery"

// A clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// a desk is a store with an admin called ann.
type desk struct {
	*Store
	*clock
	t      *testing.T
	secret string // of ann's codes
}

func each(t *testing.T, test func(t *testing.T, d *desk)) {
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		c := &clock{now: time.UnixMilli(1_800_000_000_000)}
		d := &desk{New(storetest.Migrated(t, stores, "operator", migrations.FS("operator")), id.NewGenerator(1, nil), c.Now), c, t, ""}
		token, err := d.InviteFirst(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d.secret = d.accept(token, "ann")
		test(t, d)
	})
}

// accept makes an operator, and moves the clock on so that he can log in with the next code.
func (d *desk) accept(token, name string) (secret string) {
	d.t.Helper()
	invitation, err := d.Invitation(d.t.Context(), token)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.Accept(d.t.Context(), token, name, secretOfAnn, d.code(invitation.Secret)); err != nil {
		d.t.Fatal(err)
	}
	d.add(time.Minute)
	return invitation.Secret
}

func (d *desk) code(secret string) string {
	code, err := Code(secret, d.Now())
	if err != nil {
		d.t.Fatal(err)
	}
	return code
}

// TestCodes has the vectors of RFC 6238, appendix B, for SHA-1.
func TestCodes(t *testing.T) {
	t.Parallel()
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got := hotp([]byte("12345678901234567890"), at/codeStep, 8); got != want {
			t.Errorf("at %d: %s, not %s", at, got, want)
		}
	}
}

func TestInvitationIsUsedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		if token, err := d.InviteFirst(t.Context()); token != "" || err != nil {
			t.Errorf("a first operator beside ann: %q, %v", token, err)
		}
		token, err := d.Invite(t.Context(), Support)
		if err != nil {
			t.Fatal(err)
		}
		secret := d.accept(token, "bob")
		if _, err := d.Accept(t.Context(), token, "eve", secretOfAnn, d.code(secret)); !errors.Is(err, ErrInvitation) {
			t.Errorf("used again: %v", err)
		}
		late, _ := d.Invite(t.Context(), Viewer)
		d.add(InvitationTTL)
		if _, err := d.Invitation(t.Context(), late); !errors.Is(err, ErrInvitation) {
			t.Errorf("expired: %v", err)
		}
		other, _ := d.Invite(t.Context(), Viewer)
		invitation, _ := d.Invitation(t.Context(), other)
		for what, try := range map[string][3]string{
			"name": {"Bob ", secretOfAnn, d.code(invitation.Secret)}, "password": {"cid", "short", d.code(invitation.Secret)},
			"code": {"cid", secretOfAnn, "000000x"}, "taken": {"ann", secretOfAnn, d.code(invitation.Secret)},
		} {
			if _, err := d.Accept(t.Context(), other, try[0], try[1], try[2]); err == nil {
				t.Errorf("bad %s is taken", what)
			}
		}
		d.accept(other, "cid") // what was refused has not used it up
	})
}

func TestCodeIsUsedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		code := d.code(d.secret)
		if _, err := d.Login(t.Context(), "ann", secretOfAnn, code, "1.2.3.4"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Login(t.Context(), "ann", secretOfAnn, code, "1.2.3.4"); !errors.Is(err, ErrCredentials) {
			t.Errorf("used again: %v", err)
		}
	})
}

func TestLockout(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		fail := func(name, address string, want fault.Code) {
			t.Helper()
			if _, err := d.Login(t.Context(), name, "wrong", "000000", address); fault.CodeOf(err) != want {
				t.Errorf("%s from %s: %v", name, address, err)
			}
		}
		for _, name := range []string{"ann", "nobody"} { // who does not exist is locked out just the same
			for range freeOfName {
				fail(name, "1.1.1.1", fault.Unauthenticated)
			}
			fail(name, "2.2.2.2", fault.RateLimited)
		}
		if _, err := d.Login(t.Context(), "ann", secretOfAnn, d.code(d.secret), "3.3.3.3"); fault.CodeOf(err) != fault.RateLimited {
			t.Errorf("the right password while locked out: %v", err)
		}
		d.add(firstLock)
		fail("ann", "3.3.3.3", fault.Unauthenticated)
		d.add(firstLock)
		fail("ann", "3.3.3.3", fault.RateLimited) // for twice as long now
		d.add(firstLock)
		if _, err := d.Login(t.Context(), "ann", secretOfAnn, d.code(d.secret), "3.3.3.3"); err != nil {
			t.Errorf("when it is over: %v", err)
		}
		for i := range freeOfAddress {
			fail("guess-"+string(rune('a'+i)), "9.9.9.9", fault.Unauthenticated)
		}
		fail("another", "9.9.9.9", fault.RateLimited)
	})
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		login := func() string {
			t.Helper()
			d.add(time.Minute)
			token, err := d.Login(t.Context(), "ann", secretOfAnn, d.code(d.secret), "1.2.3.4")
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		gone := func(what, token string) {
			t.Helper()
			if _, err := d.Session(t.Context(), token); !errors.Is(err, ErrSession) {
				t.Errorf("%s: %v", what, err)
			}
		}
		gone("never begun", "")
		idle := login()
		d.add(IdleTTL)
		gone("idle", idle)
		old := login()
		for end := d.Now().Add(AbsoluteTTL); d.Now().Before(end.Add(-IdleTTL / 2)); d.add(IdleTTL / 2) {
			if _, err := d.Session(t.Context(), old); err != nil {
				t.Fatal(err)
			}
		}
		d.add(IdleTTL / 2)
		gone("old", old)
		left := login()
		session, err := d.Session(t.Context(), left)
		if err != nil || !session.Brings(session.CSRF()) || session.Brings("") || session.Brings(left) {
			t.Errorf("%+v, %v", session, err)
		}
		if err := d.Logout(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		gone("logged out", left)
		disabled := login()
		if err := d.Change(t.Context(), "ann", Admin, true); !errors.Is(err, ErrLastAdmin) {
			t.Errorf("the last admin: %v", err)
		}
		token, _ := d.Invite(t.Context(), Admin)
		d.accept(token, "bob")
		if err := d.Change(t.Context(), "ann", Admin, true); err != nil {
			t.Fatal(err)
		}
		gone("disabled", disabled)
	})
}

// TestAuditOnlyGrows: what came of an act is recorded once, and what was not recorded is unknown.
func TestAuditOnlyGrows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		number, err := d.Begin(t.Context(), Entry{Operator: "ann", Act: "kick", Target: "player 7", Reason: strings.Repeat("é", maxText), Before: []byte(`{"a":1}`)})
		if err != nil {
			t.Fatal(err)
		}
		read := func() Entry {
			t.Helper()
			entries, err := d.Audit(t.Context(), 0, "player 7", 10)
			if err != nil || len(entries) != 1 {
				t.Fatalf("%+v, %v", entries, err)
			}
			return entries[0]
		}
		if e := read(); e.Outcome != Unknown || string(e.Before) != `{"a":1}` || string(e.After) != "null" {
			t.Errorf("begun: %+v", e)
		}
		if err := d.End(t.Context(), number, Result{Outcome: Failed, Error: "no"}); err != nil {
			t.Fatal(err)
		}
		if err := d.End(t.Context(), number, Result{Outcome: Done}); fault.CodeOf(err) != fault.AlreadyExists {
			t.Errorf("ended again: %v", err)
		}
		if e := read(); e.Outcome != Failed || e.Error != "no" {
			t.Errorf("ended: %+v", e)
		}
	})
}
