package login

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/signin"
	"loumiao/game/store/account"
	"loumiao/migrations"
)

// What the other tests pretend, with the store that is really used.
func TestWithTheRealStore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		accounts := account.New(storetest.Migrated(t, stores, "account", migrations.FS("account")), id.NewGenerator(1, nil), nil)
		s := start(t, func(d *signin.Deps) {
			d.Accounts = accounts
			d.Throttle = account.NewThrottle(stores, account.ThrottleConfig{PerName: 2})
		})
		mustPost := func(path, body string) Reply {
			t.Helper()
			status, reply, failure := s.post(t, path, body)
			if status != 200 {
				t.Fatalf("%s: %d %s", path, status, failure)
			}
			if c, err := s.keys.Verify(reply.Token); err != nil || c.Account != reply.Account || c.Player != reply.Player {
				t.Fatalf("%s: the token says %+v, %v; the reply %+v", path, c, err, reply)
			}
			return reply
		}

		registered := mustPost("/v1/register", `{"name":"Ann","password":"correct horse"}`)
		back := mustPost("/v1/login", `{"name":"ann","password":"correct horse"}`)
		if back.Account != registered.Account || back.Player != registered.Player {
			t.Errorf("registered as %+v, logged in as %+v", registered, back)
		}
		refreshed := mustPost("/v1/refresh", `{"refresh":"`+back.Refresh+`"}`)
		if refreshed.Player != back.Player || refreshed.Area != back.Area {
			t.Errorf("refreshed as %+v", refreshed)
		}
		if status, _, _ := s.post(t, "/v1/refresh", `{"refresh":"`+back.Refresh+`"}`); status != 401 {
			t.Errorf("a refresh token used twice: %d", status)
		}
		if status, _, _ := s.post(t, "/v1/refresh", `{"refresh":"`+refreshed.Refresh+`"}`); status != 401 {
			t.Errorf("the login goes on after its token was used twice: %d", status)
		}
		phone := mustPost("/v1/login", `{"name":"ann","password":"correct horse","device_name":"phone"}`)
		if status, list := s.logins(t, http.MethodGet, "", phone.Token); status != 200 || len(list) != 2 || list[0].DeviceName != "phone" || list[0].Way != "password" {
			t.Errorf("logins: %d %+v", status, list)
		} else if status, list := s.logins(t, http.MethodDelete, "/"+list[0].ID, phone.Token); status != 200 || len(list) != 1 || list[0].DeviceName != "" {
			t.Errorf("after one was ended: %d %+v", status, list)
		}
		if status, _, _ := s.post(t, "/v1/refresh", `{"refresh":"`+phone.Refresh+`"}`); status != 401 {
			t.Errorf("an ended login goes on: %d", status)
		}
		if status, _ := s.logins(t, http.MethodDelete, "/moon", phone.Token); status != 404 {
			t.Errorf("a login that there is not is ended: %d", status)
		}
		if status, list := s.logins(t, http.MethodDelete, "", phone.Token); status != 200 || len(list) != 0 {
			t.Errorf("after all were ended: %d %+v", status, list)
		}
		if status, _ := s.logins(t, http.MethodGet, "", "x"); status != 401 {
			t.Errorf("with a forged token: %d", status)
		}
		if status, _, _ := s.post(t, "/v1/login", `{"name":"ann","password":"correct horse","device_name":"`+strings.Repeat("a", 65)+`"}`); status != 400 {
			t.Errorf("an endless name of a device: %d", status)
		}
		guest := mustPost("/v1/guest", `{"device":"`+strconv.FormatInt(registered.Account, 10)+`-0123456789"}`)
		if again := mustPost("/v1/guest", `{"device":"`+strconv.FormatInt(registered.Account, 10)+`-0123456789"}`); again.Player != guest.Player {
			t.Errorf("the same device is %+v and %+v", guest, again)
		}

		for name, tc := range map[string]struct {
			path, body string
			status     int
		}{
			"name taken":     {"/v1/register", `{"name":"ANN","password":"correct horse"}`, 409},
			"short password": {"/v1/register", `{"name":"bob","password":"x"}`, 400},
			"bad name":       {"/v1/register", `{"name":"b b","password":"correct horse"}`, 400},
			"nobody":         {"/v1/login", `{"name":"nobody","password":"correct horse"}`, 401},
			"short device":   {"/v1/guest", `{"device":"x"}`, 400},
		} {
			if status, _, failure := s.post(t, tc.path, tc.body); status != tc.status {
				t.Errorf("%s: %d %s, want %d", name, status, failure, tc.status)
			}
		}
		for i, want := range []int{401, 401, 429} {
			if status, _, failure := s.post(t, "/v1/login", `{"name":"ann","password":"incorrect horse"}`); status != want {
				t.Errorf("guess %d: %d %s, want %d", i+1, status, failure, want)
			}
		}

		ends := time.Now().Add(time.Hour)
		if _, err := accounts.Impose(t.Context(), account.ID(guest.Account), account.Sanction{Reason: "aimbot", Author: "test", Ends: ends}); err != nil {
			t.Fatal(err)
		}
		status, _, failure := s.post(t, "/v1/guest", `{"device":"`+strconv.FormatInt(registered.Account, 10)+`-0123456789"}`)
		if want := "forbidden: this account is blocked until " + ends.UTC().Format(time.RFC3339) + ": aimbot"; status != 403 || failure != want {
			t.Errorf("sanctioned: %d %s, want %s", status, failure, want)
		}
	})
}

// TestIdentities binds a password and a second device to a guest's account by HTTP, and takes one away, by the rules that the game protocol has.
func TestIdentities(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		accounts := account.New(storetest.Migrated(t, stores, "account", migrations.FS("account")), id.NewGenerator(1, nil), nil)
		s := start(t, func(d *signin.Deps) { d.Accounts = accounts })
		enter := func(path, body string) Reply {
			t.Helper()
			status, reply, failure := s.post(t, path, body)
			if status != 200 {
				t.Fatalf("%s: %d %s", path, status, failure)
			}
			return reply
		}
		guest, ann := enter("/v1/guest", `{"device":"0123456789abcdef"}`), enter("/v1/register", `{"name":"ann","password":"correct horse"}`)
		for _, step := range []struct {
			what, method, path, body, bearer string
			status                           int
			kinds                            string
		}{
			{"what there is", "GET", "", "", guest.Token, 200, "device"},
			{"the last goes", "DELETE", "/device", "", guest.Token, 409, ""},
			{"another's name", "POST", "", `{"kind":"password","name":"ANN","secret":"correct horse"}`, guest.Token, 409, ""},
			{"a short password", "POST", "", `{"kind":"password","name":"bea","secret":"x"}`, guest.Token, 400, ""},
			{"a kind that there is not", "POST", "", `{"kind":"moon","secret":"x"}`, guest.Token, 404, ""},
			{"an unknown field", "POST", "", `{"kind":"password","x":1}`, guest.Token, 400, ""},
			{"a name", "POST", "", `{"kind":"password","name":"Bea","secret":"correct horse"}`, guest.Token, 200, "device password"},
			{"the same name again", "POST", "", `{"kind":"password","name":"Bea","secret":"correct horse"}`, guest.Token, 409, ""},
			{"another device", "POST", "", `{"kind":"device","secret":"fedcba9876543210"}`, guest.Token, 409, ""},
			{"the guest's device", "POST", "", `{"kind":"device","secret":"0123456789abcdef"}`, ann.Token, 409, ""},
			{"the device goes", "DELETE", "/device", "", guest.Token, 200, "password"},
			{"nobody", "GET", "", "", "x", 401, ""},
		} {
			status, list := s.identities(t, step.method, step.path, step.body, step.bearer)
			if status != step.status || list != step.kinds {
				t.Errorf("%s: %d %q, want %d %q", step.what, status, list, step.status, step.kinds)
			}
		}
		if back := enter("/v1/login", `{"name":"bea","password":"correct horse"}`); back.Player != guest.Player {
			t.Errorf("the guest comes back as %+v, and was %+v", back, guest)
		}
		c, err := s.keys.Verify(guest.Token)
		if err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.ended = c.Login
		s.mu.Unlock()
		if status, _ := s.identities(t, "GET", "", "", guest.Token); c.Login == "" || status != 401 {
			t.Errorf("a login that was ended (%q): %d", c.Login, status)
		}
	})
}

// identities lists or changes those of the token's owner; what it returns are their kinds.
func (s *setup) identities(t *testing.T, method, path, body, bearer string) (status int, kinds string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.server.Addr()+"/v1/identities"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var reply struct{ Identities []Identity }
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, i := range reply.Identities {
		list = append(list, i.Kind)
	}
	slices.Sort(list)
	return resp.StatusCode, strings.Join(list, " ")
}

// logins lists or ends the logins of the token's owner.
func (s *setup) logins(t *testing.T, method, path, bearer string) (status int, list []Login) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.server.Addr()+"/v1/logins"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var reply struct{ Logins []Login }
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, reply.Logins
}
