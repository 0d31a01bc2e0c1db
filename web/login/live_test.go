package login

import (
	"io"
	"net/http"
	"testing"

	"loumiao/framework/fault"
	"loumiao/game/signin"
	"loumiao/game/store/account"
)

// TestMaintenance lets testers in and nobody else, makes no account, and costs nobody his refresh token.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	on := false
	s := start(t, func(d *signin.Deps) {
		d.Admits = func(area uint16, acc account.ID) error {
			if on && area == 1 && acc != 1<<53+1 {
				return fault.New(fault.Unavailable, "back at noon")
			}
			return nil
		}
	})
	status, before, failure := s.post(t, "/v1/guest", `{"device":"0123456789abcdef"}`)
	if status != 200 {
		t.Fatal(failure)
	}
	on = true
	for _, tc := range []struct {
		path, body string
		status     int
	}{
		{"/v1/guest", `{"device":"0123456789abcdef"}`, 503},
		{"/v1/register", `{"name":"bob","password":"secret-of-bob"}`, 503},
		{"/v1/login", `{"name":"ann","password":"wrong"}`, 401},
		{"/v1/login", `{"name":"ann","password":"secret-of-ann"}`, 200},
		{"/v1/guest", `{"device":"0123456789abcdef","area":2}`, 503}, // no gate there: not the maintenance
		{"/v1/refresh", `{"refresh":"` + before.Refresh + `"}`, 200},
	} {
		status, _, failure := s.post(t, tc.path, tc.body)
		if status != tc.status || status == 503 && failure != "unavailable: back at noon" && failure != "unavailable: no gate is up for area 2" {
			t.Errorf("%s %s: %d %s", tc.path, tc.body, status, failure)
		}
	}
	if _, made := s.accounts["bob/secret-of-bob"]; made {
		t.Error("an account was made during maintenance")
	}
}

func TestTablesAreSentOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.version = "v1"
	get := func(known string) (status int, etag, body string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.server.Addr()+"/v1/tables", nil)
		if err != nil {
			t.Fatal(err)
		}
		if known != "" {
			req.Header.Set("If-None-Match", known)
		}
		resp, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("ETag"), string(data)
	}
	status, etag, body := get("")
	if status != 200 || etag != `"v1"` || body != `{"version":"v1"}` {
		t.Fatalf("%d %s %s", status, etag, body)
	}
	for _, known := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
		if status, again, body := get(known); status != 304 || again != etag || body != "" {
			t.Errorf("who has %s gets %d %s", known, status, body)
		}
	}
	s.version = "v2"
	if status, etag, body = get(etag); status != 200 || etag != `"v2"` || body != `{"version":"v2"}` {
		t.Errorf("after a change: %d %s %s", status, etag, body)
	}
}
