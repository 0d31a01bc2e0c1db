package operator

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/operator/operatortest"
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
		db := storetest.Migrated(t, stores, "operator", migrations.FS("operator"))
		s, err := New(db, id.NewGenerator(1, nil), make([]byte, KeySize), c.Now, operatortest.Passwords{})
		if err != nil {
			t.Fatal(err)
		}
		d := &desk{s, c, t, ""}
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

// TestPasswordsAreArgon2id: what is stored when nobody asks for anything else, with the parameters that the package password gives.
func TestPasswordsAreArgon2id(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		real, err := New(d.db, d.ids, make([]byte, KeySize), d.Now, nil)
		if err != nil {
			t.Fatal(err)
		}
		token, err := real.Reset(t.Context(), "ann")
		if err != nil {
			t.Fatal(err)
		}
		invitation, err := real.Invitation(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := real.Accept(t.Context(), token, "", secretOfAnn, d.code(invitation.Secret)); err != nil {
			t.Fatal(err)
		}
		d.add(time.Minute)
		var row operatorRow
		if err := d.db.Take(&row, "name = ?", "ann").Error; err != nil || !strings.HasPrefix(row.Password, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("stored %q, %v", row.Password, err)
		}
		if _, err := real.Login(t.Context(), "ann", secretOfAnn, d.code(invitation.Secret), "10.0.0.1"); err != nil {
			t.Error(err)
		}
	})
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
		try := func(name, pass, address string, want fault.Code) {
			t.Helper()
			if _, err := d.Login(t.Context(), name, pass, d.code(d.secret), address); fault.CodeOf(err) != want {
				t.Errorf("%s from %s: %v", name, address, err)
			}
		}
		for _, name := range []string{"ann", "nobody"} { // who does not exist is locked out just the same
			for range freeOfPair {
				try(name, "wrong", "1.1.1.1", fault.Unauthenticated)
			}
			try(name, "wrong", "1.1.1.1", fault.RateLimited)
		}
		try("ann", secretOfAnn, "1.1.1.1", fault.RateLimited) // the right password too
		d.add(firstLock)
		try("ann", "wrong", "1.1.1.1", fault.Unauthenticated)
		d.add(firstLock)
		try("ann", "wrong", "1.1.1.1", fault.RateLimited) // for twice as long now
		d.add(firstLock)
		try("ann", secretOfAnn, "1.1.1.1", fault.OK)
		for i := range freeOfAddress {
			try("guess-"+string(rune('a'+i)), "wrong", "9.9.9.9", fault.Unauthenticated)
		}
		try("another", "wrong", "9.9.9.9", fault.RateLimited)
	})
}

// TestOutsiderCannotLockOut: whoever fails at a name from a thousand addresses keeps its operator out of none that he has logged in from, and out of no other for
// good.
func TestOutsiderCannotLockOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		login := func(address string) error {
			_, err := d.Login(t.Context(), "ann", secretOfAnn, d.code(d.secret), address)
			d.add(time.Minute) // to the next code
			return err
		}
		if err := login("1.1.1.1"); err != nil {
			t.Fatal(err)
		}
		strangers, refused := 0, 0
		for refused < 5 {
			strangers++
			_, err := d.Login(t.Context(), "ann", "wrong", "000000", fmt.Sprint("stranger ", strangers))
			if fault.CodeOf(err) == fault.RateLimited {
				refused++
			}
			if strangers > 2*freeOfName {
				t.Fatal("nothing slows guesses from many addresses")
			}
		}
		if err := login("1.1.1.1"); err != nil {
			t.Errorf("from an address that is known: %v", err)
		}
		if err := login("2.2.2.2"); err != nil {
			t.Errorf("from another one, a moment later: %v", err)
		}
	})
}

// TestReset: who is reset is out at once, until he has used his link, once.
func TestReset(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		session, err := d.Login(t.Context(), "ann", secretOfAnn, d.code(d.secret), "1.1.1.1")
		if err != nil {
			t.Fatal(err)
		}
		script, err := d.IssueToken(t.Context(), "ann", "nightly", Viewer, "1.1.1.1", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		lost, err := d.Reset(t.Context(), "ann")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Session(t.Context(), session); !errors.Is(err, ErrSession) {
			t.Errorf("the session: %v", err)
		}
		if _, err := d.Bearer(t.Context(), script); !errors.Is(err, ErrSession) {
			t.Errorf("the token: %v", err)
		}
		d.add(time.Minute)
		if _, err := d.Login(t.Context(), "ann", secretOfAnn, d.code(d.secret), "1.1.1.1"); !errors.Is(err, ErrCredentials) {
			t.Errorf("with the old code: %v", err)
		}
		token, err := d.Reset(t.Context(), "ann") // again: the first link is of no use
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Invitation(t.Context(), lost); !errors.Is(err, ErrInvitation) {
			t.Errorf("the first link: %v", err)
		}
		i, err := d.Invitation(t.Context(), token)
		if err != nil || i.Operator != "ann" || i.Role != Admin || i.Secret == d.secret {
			t.Fatalf("%+v, %v", i, err)
		}
		const other = "another long password"
		op, err := d.Accept(t.Context(), token, "eve", other, d.code(i.Secret)) // the name is not his to choose
		if err != nil || op.Name != "ann" || op.Role != Admin || op.Reset {
			t.Fatalf("%+v, %v", op, err)
		}
		if _, err := d.Accept(t.Context(), token, "ann", other, d.code(i.Secret)); !errors.Is(err, ErrInvitation) {
			t.Errorf("used again: %v", err)
		}
		d.add(time.Minute)
		if _, err := d.Login(t.Context(), "ann", secretOfAnn, d.code(i.Secret), "1.1.1.1"); !errors.Is(err, ErrCredentials) {
			t.Errorf("with the old password: %v", err)
		}
		d.add(time.Minute)
		if _, err := d.Login(t.Context(), "ann", other, d.code(i.Secret), "1.1.1.1"); err != nil {
			t.Error(err)
		}
		if _, err := d.Reset(t.Context(), "nobody"); !errors.Is(err, ErrNotFound) {
			t.Errorf("who does not exist: %v", err)
		}
	})
}

// TestOnce: what is asked for under one key is done once, by whoever asks first, and makes the same; what failed is done when it is asked for again.
func TestOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		once := d.Once(Deed{Key: "gm-1", Seed: "of the form"})
		if _, err := once.IssueToken(t.Context(), "nobody", "nightly", Viewer, "", time.Hour); err == nil {
			t.Error("nobody has a token")
		}
		var asked sync.WaitGroup
		made := make([]string, 8)
		for i := range made {
			asked.Go(func() {
				var err error
				if made[i], err = once.IssueToken(t.Context(), "ann", "nightly", Viewer, "", time.Hour); err != nil {
					t.Error(err)
				}
			})
		}
		asked.Wait()
		if s, err := d.Bearer(t.Context(), made[0]); err != nil || s.Operator.Name != "ann" || len(slices.Compact(made)) != 1 {
			t.Errorf("made %d tokens: %+v, %v", len(slices.Compact(made)), s, err)
		}
		if list, err := d.Access(t.Context(), "ann"); err != nil || len(list) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
		for _, other := range []Deed{{Key: "gm-2", Seed: "of the form"}, {Key: "gm-3", Seed: "of another"}} {
			token, err := d.Once(other).IssueToken(t.Context(), "ann", "nightly", Viewer, "", time.Hour)
			if err != nil || token == made[0] {
				t.Errorf("another deed makes the same token: %v", err)
			}
		}
		invite := d.Once(Deed{Key: "gm-4", Seed: "of the form"})
		token, err := invite.Invite(t.Context(), Viewer)
		if err != nil {
			t.Fatal(err)
		}
		d.accept(token, "bob")
		if again, err := invite.Invite(t.Context(), Viewer); err != nil || again != token {
			t.Errorf("asked for again: %v", err)
		}
		if _, err := d.Invitation(t.Context(), token); !errors.Is(err, ErrInvitation) {
			t.Errorf("a link that was used is good again: %v", err)
		}
		d.add(shownAgain + time.Second)
		if _, err := invite.Invite(t.Context(), Viewer); !errors.Is(err, ErrShown) {
			t.Errorf("shown for ever: %v", err)
		}
		if err := d.Once(Deed{Key: "gm-5", Seed: ""}).Change(t.Context(), "bob", Support, false); err != nil {
			t.Fatal(err)
		}
		if err := d.Once(Deed{Key: "gm-5", Seed: ""}).Change(t.Context(), "bob", Admin, false); err != nil {
			t.Fatal(err)
		}
		if bob, err := d.Find(t.Context(), "bob"); err != nil || bob.Role != Support {
			t.Errorf("changed again: %+v, %v", bob, err)
		}
	})
}

// TestOvertaken: who was let in and is reset, disabled, given another role or sent away before what he asks for is done, does not get it.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		invitation, err := d.Invite(t.Context(), Admin)
		if err != nil {
			t.Fatal(err)
		}
		secret := d.accept(invitation, "bob")
		let := func() Session {
			t.Helper()
			d.add(time.Minute)
			token, err := d.Login(t.Context(), "bob", secretOfAnn, d.code(secret), "1.1.1.1")
			if err != nil {
				t.Fatal(err)
			}
			session, err := d.Session(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			return session
		}
		deeds := 0
		refused := func(by Session, code fault.Code) {
			t.Helper()
			for what, do := range map[string]func(s *Store) error{
				"a token": func(s *Store) error {
					_, err := s.IssueToken(t.Context(), "bob", "nightly", Viewer, "", time.Hour)
					return err
				},
				"a link":         func(s *Store) error { _, err := s.Invite(t.Context(), Viewer); return err },
				"another's role": func(s *Store) error { return s.Change(t.Context(), "ann", Viewer, false) },
				"another's link": func(s *Store) error { _, err := s.Reset(t.Context(), "ann"); return err },
			} {
				deeds++
				if err := do(d.Once(Deed{Key: fmt.Sprint("gm-", deeds), By: by})); fault.CodeOf(err) != code {
					t.Errorf("%s: %v", what, err)
				}
			}
			if list, err := d.Access(t.Context(), "bob"); err != nil || slices.ContainsFunc(list, func(a Access) bool { return a.Label != "" }) {
				t.Errorf("%+v, %v", list, err)
			}
		}
		if _, err := d.Once(Deed{Key: "gm-0", By: let()}).Invite(t.Context(), Viewer); err != nil {
			t.Errorf("who still may: %v", err)
		}

		session := let()
		if err := d.EndAccess(t.Context(), session.ID(), ""); err != nil {
			t.Fatal(err)
		}
		refused(session, fault.Unauthenticated)

		session = let()
		if err := d.Change(t.Context(), "bob", Support, false); err != nil {
			t.Fatal(err)
		}
		refused(session, fault.Forbidden)
		if err := d.Change(t.Context(), "bob", Admin, true); err != nil {
			t.Fatal(err)
		}
		refused(session, fault.Unauthenticated)
		if err := d.Change(t.Context(), "bob", Admin, false); err != nil {
			t.Fatal(err)
		}
		refused(session, fault.Unauthenticated)

		session = let()
		if _, err := d.Reset(t.Context(), "bob"); err != nil {
			t.Fatal(err)
		}
		refused(session, fault.Unauthenticated)
	})
}

// TestOvertakenAtOnce: a reset leaves nothing of what is asked for at the same moment.
func TestOvertakenAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		token, err := d.Login(t.Context(), "ann", secretOfAnn, d.code(d.secret), "1.1.1.1")
		if err != nil {
			t.Fatal(err)
		}
		session, err := d.Session(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		var asking sync.WaitGroup
		for i := range 8 {
			asking.Go(func() {
				once := d.Once(Deed{Key: fmt.Sprint("gm-", i), By: session})
				if _, err := once.IssueToken(t.Context(), "ann", "nightly", Viewer, "", time.Hour); err != nil && !errors.Is(err, ErrSession) {
					t.Error(err)
				}
			})
		}
		if _, err := d.Reset(t.Context(), "ann"); err != nil {
			t.Error(err)
		}
		asking.Wait()
		if list, err := d.Access(t.Context(), "ann"); err != nil || len(list) != 0 {
			t.Errorf("left: %+v, %v", list, err)
		}
	})
}

// TestTokens: a script's token is no cookie, may no more than its operator, and ends when it is told to.
// TestLinksEndWithTheirAuthor: who had an admin's session would still come in by a link that he has made with it.
func TestLinksEndWithTheirAuthor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		invitation, err := d.Invite(t.Context(), Admin)
		if err != nil {
			t.Fatal(err)
		}
		d.accept(invitation, "bob")
		if invitation, err = d.Invite(t.Context(), Support); err != nil {
			t.Fatal(err)
		}
		d.accept(invitation, "carl")
		deeds := 0
		links := func(author string) []string {
			t.Helper()
			deeds++
			op, err := d.Find(t.Context(), author)
			if err != nil {
				t.Fatal(err)
			}
			once := func(what string) *Store { return d.Once(Deed{Key: fmt.Sprint(what, deeds), By: Session{Operator: op}}) }
			made, err := once("invite").Invite(t.Context(), Admin)
			if err != nil {
				t.Fatal(err)
			}
			reset, err := once("reset").Reset(t.Context(), "carl")
			if err != nil {
				t.Fatal(err)
			}
			return []string{made, reset}
		}
		good := func(links []string, want bool, when string) {
			t.Helper()
			for _, link := range links {
				if _, err := d.Invitation(t.Context(), link); (err == nil) != want || err != nil && !errors.Is(err, ErrInvitation) {
					t.Errorf("%s: %v", when, err)
				}
				if want {
					continue
				}
				if _, err := d.Accept(t.Context(), link, "eve", secretOfAnn, "123456"); !errors.Is(err, ErrInvitation) {
					t.Errorf("%s, it is taken: %v", when, err)
				}
			}
		}
		for _, test := range []struct {
			when string
			do   func() error
			good bool
		}{
			{"he has the role that he had", func() error { return d.Change(t.Context(), "bob", Admin, false) }, true},
			{"he may do less", func() error { return d.Change(t.Context(), "bob", Support, false) }, false},
			{"he may do more", func() error { return d.Change(t.Context(), "bob", Admin, false) }, true},
			{"he is disabled", func() error { return d.Change(t.Context(), "bob", Admin, true) }, false},
			{"he is reset", func() error { _, err := d.Reset(t.Context(), "bob"); return err }, false},
		} {
			anns := links("ann")
			bobs := links("bob") // the reset link is the newest of carl
			if err := test.do(); err != nil {
				t.Fatal(err)
			}
			good(bobs, test.good, "bob's, "+test.when)
			good(anns[:1], true, "ann's, "+test.when)
		}
	})
}

// TestNoFirstLinkBesideAnOperator has the link that a start leaves which counts no operators, and makes its link after the first one has come by another's.
func TestNoFirstLinkBesideAnOperator(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		const link = "LATE"
		row := d.invitation(first, link)
		row.Role = Admin
		if err := store.InTx(t.Context(), d.db, func(tx *gorm.DB) error { return tx.Create(&row).Error }); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Invitation(t.Context(), link); !errors.Is(err, ErrInvitation) {
			t.Errorf("shown: %v", err)
		}
		secret, err := d.vault.open(row.TotpSecret, row.Token)
		if err != nil {
			t.Fatal(err)
		}
		if op, err := d.Accept(t.Context(), link, "eve", secretOfAnn, d.code(base32NoPad.EncodeToString(secret))); !errors.Is(err, ErrInvitation) {
			t.Errorf("taken: %+v, %v", op, err)
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		invitation, _ := d.Invite(t.Context(), Support)
		d.accept(invitation, "bob")
		if _, err := d.IssueToken(t.Context(), "bob", "x", Admin, "", time.Hour); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("more than he may: %v", err)
		}
		for what, try := range map[string]struct {
			label string
			ttl   time.Duration
		}{"no label": {" ", time.Hour}, "no time": {"x", 0}, "for ever": {"x", maxToken + 1}} {
			if _, err := d.IssueToken(t.Context(), "bob", try.label, Viewer, "", try.ttl); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", what, err)
			}
		}
		token, err := d.IssueToken(t.Context(), "bob", "nightly", Support, "1.1.1.1", 100*24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Session(t.Context(), token); !errors.Is(err, ErrSession) {
			t.Errorf("as a cookie: %v", err)
		}
		cookie, _ := d.Login(t.Context(), "ann", secretOfAnn, d.code(d.secret), "1.1.1.1")
		if _, err := d.Bearer(t.Context(), cookie); !errors.Is(err, ErrSession) {
			t.Errorf("a cookie as a token: %v", err)
		}
		d.add(50 * 24 * time.Hour)
		if s, err := d.Bearer(t.Context(), token); err != nil || s.Operator.Role != Support || s.CSRF() != "" || s.Brings("") {
			t.Errorf("%+v, %v", s, err)
		}
		if err := d.Change(t.Context(), "bob", Viewer, false); err != nil {
			t.Fatal(err)
		}
		if s, err := d.Bearer(t.Context(), token); err != nil || s.Operator.Role != Viewer {
			t.Errorf("after he may less: %+v, %v", s, err)
		}
		list, err := d.Access(t.Context(), "bob")
		if err != nil || len(list) != 1 || list[0].Label != "nightly" || strings.Contains(token, list[0].ID) {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, id := range []string{"%", "", list[0].ID[:1], list[0].ID} {
			if err := d.EndAccess(t.Context(), id, "ann"); !errors.Is(err, ErrNoAccess) {
				t.Errorf("%q of another: %v", id, err)
			}
		}
		if err := d.EndAccess(t.Context(), list[0].ID, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Bearer(t.Context(), token); !errors.Is(err, ErrSession) {
			t.Errorf("when it was ended: %v", err)
		}
		for range maxTokens {
			if _, err = d.IssueToken(t.Context(), "bob", "x", Viewer, "", time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if _, err = d.IssueToken(t.Context(), "bob", "x", Viewer, "", time.Hour); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("one too many: %v", err)
		}
	})
}

// TestManySessions has more sessions than fit on a page: all of them are listed, and the one that was seen longest ago can be ended.
func TestManySessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		oldest, err := d.Login(t.Context(), "ann", secretOfAnn, d.code(d.secret), "1.1.1.1")
		if err != nil {
			t.Fatal(err)
		}
		const more = 250
		rows := make([]sessionRow, more)
		for i := range rows {
			seen := d.Now().Add(time.Duration(i+1) * time.Millisecond)
			rows[i] = sessionRow{Token: digest(fmt.Sprint("session ", i)), Operator: "ann", SeenAt: seen.UnixMilli(), ExpiresAt: seen.Add(time.Hour).UnixMilli()}
		}
		if err := store.InTx(t.Context(), d.db, func(tx *gorm.DB) error { return tx.Create(&rows).Error }); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ann", ""} {
			if list, err := d.Access(t.Context(), name); err != nil || len(list) != more+1 || list[more].ID != shown(digest(oldest)) {
				t.Errorf("%d sessions of %q are listed, %v", len(list), name, err)
			}
		}
		if err := d.EndAccess(t.Context(), shown(digest(oldest)), "ann"); err != nil {
			t.Errorf("the oldest: %v", err)
		}
		if _, err := d.Session(t.Context(), oldest); !errors.Is(err, ErrSession) {
			t.Errorf("the oldest goes on: %v", err)
		}
	})
}

// TestSecretsAreSealed: no row has a secret as it is, and one that stands in another's row, or was sealed with another key, does not open.
func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		token, _ := d.Invite(t.Context(), Admin)
		i, err := d.Invitation(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		var sealed []string
		for _, table := range []string{"operators", "operator_invitations"} {
			var some []string
			if err := d.db.Table(table).Pluck("totp_secret", &some).Error; err != nil || len(some) != 1 {
				t.Fatalf("%v, %v", some, err)
			}
			sealed = append(sealed, some...)
		}
		for _, text := range sealed {
			if raw, err := base32NoPad.DecodeString(i.Secret); err != nil || strings.Contains(text, i.Secret) || strings.Contains(text, d.secret) ||
				strings.Contains(text, base64.RawStdEncoding.EncodeToString(raw)[:20]) {
				t.Errorf("%q stands in a row", text)
			}
		}
		other, err := New(d.db, id.NewGenerator(2, nil), bytes.Repeat([]byte{1}, KeySize), d.Now, operatortest.Passwords{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Login(t.Context(), "ann", secretOfAnn, d.code(d.secret), "1.1.1.1"); fault.CodeOf(err) != fault.Internal {
			t.Errorf("with another key: %v", err)
		}
		err = store.InTx(t.Context(), d.db, func(tx *gorm.DB) error {
			return tx.Table("operators").Where("name = ?", "ann").Update("totp_secret", sealed[1]).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Login(t.Context(), "ann", secretOfAnn, d.code(i.Secret), "1.1.1.1"); err == nil {
			t.Error("a secret of an invitation opens as ann's")
		}
	})
	if _, err := New(nil, nil, []byte("short"), nil, nil); err == nil {
		t.Error("a short key is taken")
	}
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
			entries, err := d.Audit(t.Context(), 0, Filter{Target: "player 7", Operator: "ann", Act: "kick"}, 10)
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
