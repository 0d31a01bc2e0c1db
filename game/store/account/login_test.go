package account_test

import (
	"errors"
	"testing"
	"time"

	"loumiao/game/store/account"
)

// TestLogins lists an account's logins, the one used last first, and ends one and then all of them, and nobody else's.
func TestLogins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, c *clock) {
		ann, bob := must(s.Guest(t.Context(), "0123456789abcdef")), must(s.Guest(t.Context(), "0123456789abcdeg"))
		issue := func(acc account.ID, device string, ttl time.Duration) string {
			t.Helper()
			token, err := s.IssueRefresh(t.Context(), acc, account.Origin{Way: "guest", Device: device}, ttl)
			if err != nil {
				t.Fatal(err)
			}
			c.add(time.Second)
			return token
		}
		devices := func(acc account.ID) (names []string, ids []string) {
			t.Helper()
			list, err := s.Logins(t.Context(), acc)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range list {
				if l.Way != "guest" || l.Began.IsZero() || l.Used.Before(l.Began) || !l.Expires.After(l.Used) {
					t.Errorf("listed: %+v", l)
				}
				names, ids = append(names, l.Device), append(ids, l.ID)
			}
			return names, ids
		}
		phone := issue(ann, "phone", time.Hour)
		issue(ann, "short", time.Second)
		tablet := issue(ann, "tablet", time.Hour)
		issue(bob, "bob's", time.Hour)
		if names, _ := devices(ann); len(names) != 2 || names[0] != "tablet" || names[1] != "phone" {
			t.Fatalf("listed: %v", names)
		}
		if _, next, err := s.UseRefresh(t.Context(), phone); err != nil {
			t.Fatal(err)
		} else {
			phone = next
		}
		names, ids := devices(ann)
		if len(names) != 2 || names[0] != "phone" {
			t.Fatalf("listed after use: %v", names)
		}
		if err := s.EndLogin(t.Context(), bob, ids[1]); !errors.Is(err, account.ErrNoLogin) {
			t.Errorf("another's login is ended: %v", err)
		}
		if err := s.EndLogin(t.Context(), ann, ids[1]); err != nil {
			t.Fatal(err)
		}
		if err := s.EndLogin(t.Context(), ann, ids[1]); !errors.Is(err, account.ErrNoLogin) {
			t.Errorf("ended again: %v", err)
		}
		if _, _, err := s.UseRefresh(t.Context(), tablet); !errors.Is(err, account.ErrRefresh) {
			t.Errorf("an ended login goes on: %v", err)
		}
		if _, _, err := s.UseRefresh(t.Context(), phone); err != nil {
			t.Errorf("the other login has ended too: %v", err)
		}
		if err := s.RevokeRefresh(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
		if names, _ := devices(ann); len(names) != 0 {
			t.Errorf("after all were ended: %v", names)
		}
		if names, _ := devices(bob); len(names) != 1 {
			t.Errorf("of somebody else: %v", names)
		}
	})
}

// TestTooManyLogins logs in more often than an account has logins: those used longest ago end, as if their owner had ended them, and the list is all that there are.
func TestTooManyLogins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *account.Store, c *clock) {
		ctx := t.Context()
		ann := must(s.Guest(ctx, "0123456789abcdef"))
		issue := func() string {
			t.Helper()
			c.add(time.Second)
			return must(s.IssueRefresh(ctx, ann, account.Origin{Way: "guest"}, time.Hour))
		}
		const most, more = 100, 3
		var tokens []string
		for range most {
			tokens = append(tokens, issue())
		}
		c.add(time.Second)
		_, kept, err := s.UseRefresh(ctx, tokens[0]) // the oldest goes on
		if err != nil {
			t.Fatal(err)
		}
		for range more {
			tokens = append(tokens, issue())
		}
		if list := must(s.Logins(ctx, ann)); len(list) != most {
			t.Errorf("%d logins go on", len(list))
		}
		ended := map[string]bool{}
		for _, e := range must(s.EndedSince(ctx, c.Now().Add(-time.Minute))) {
			ended[e.ID] = e.Account == ann
		}
		for _, token := range tokens[1 : 1+more] {
			if _, _, err := s.UseRefresh(ctx, token); !errors.Is(err, account.ErrRefresh) || !ended[account.LoginOf(token)] {
				t.Errorf("one that was used long ago: %v", err)
			}
		}
		for _, token := range []string{kept, tokens[1+more], tokens[most+more-1]} {
			if _, _, err := s.UseRefresh(ctx, token); err != nil {
				t.Errorf("one that was used lately: %v", err)
			}
		}
		if len(ended) != more {
			t.Errorf("%d logins have ended", len(ended))
		}
	})
}
