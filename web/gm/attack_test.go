package gm

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/store/account"
	"loumiao/game/store/operator"
)

// api posts an act as JSON.
func (g *console) api(path, cookie, body string, header ...string) (*http.Response, string) {
	g.t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return g.send(r, cookie, header...)
}

// TestTextIsText: whatever players, nodes and operators have written stands on every page as text, and no page has a script, a style or a resource of its own.
func TestTextIsText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		if reply, body := g.ask("POST", "/acts/mute", cookie, url.Values{"csrf": {csrf}, "reason": {evil}, "player": {"7"}, "minutes": {"5"}}); reply.StatusCode != http.StatusOK {
			t.Fatal(body)
		}
		pages := []string{
			"/", "/nodes", "/log?node=5", "/players?q=7", "/settings", "/tables", "/setting?name=queue.rate", "/setting?name=tables.shop", "/history", "/audit", "/operators", "/me",
			"/logs?player=7", "/queue", "/xray?player=7", "/charts", "/players?by=name&q=" + url.QueryEscape(evil), "/audit?target=" + url.QueryEscape(`"><script>`), "/acts/mail?subject=" + url.QueryEscape(`"><script>`),
			"/acts/publish?text=" + url.QueryEscape("</textarea><script>"), "/nothing" + url.PathEscape("/<script>"), "/players?area=<script>&q=x", "/join?token=<script>",
		}
		for _, path := range pages {
			reply, body := g.ask("GET", path, cookie, nil)
			if reply.StatusCode >= 500 {
				t.Errorf("%s: %d", path, reply.StatusCode)
			}
			for _, bad := range []string{"<script", "style=", "javascript:", " onload", "src=", "http://", "https://", "ZgotmplZ"} {
				if strings.Contains(body, bad) {
					t.Errorf("%s has %q", path, bad)
				}
			}
			if policy := reply.Header.Get("Content-Security-Policy"); policy != pagePolicy || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: policy %q", path, policy)
			}
			if h := reply.Header; h.Get("X-Frame-Options") != "DENY" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "same-origin" {
				t.Errorf("%s: headers %v", path, h)
			}
		}
	})
}

// TestTokenOfScripts: a script's token is good for the API and nothing else, needs no CSRF token, makes no access, and ends.
func TestTokenOfScripts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		_, body := g.api("/api/acts/token", cookie, `{"fields":{"label":"nightly","role":"support","days":"9"}}`, headerCSRF, csrf)
		_, token, ok := strings.Cut(strings.TrimSuffix(body, `"}}`), `{"result":{"token":"`)
		if !ok {
			t.Fatal(body)
		}
		bearer := "Bearer " + token
		status := func(want int, reply *http.Response, body string) {
			t.Helper()
			if reply.StatusCode != want {
				t.Errorf("%d, not %d: %s", reply.StatusCode, want, body)
			}
		}
		get := func(path string) (*http.Response, string) {
			return g.ask("GET", path, "", nil, "Authorization", bearer)
		}
		post := func(path, body string) (*http.Response, string) {
			return g.api(path, "", body, "Authorization", bearer)
		}
		reply, body := get("/api/players?q=7")
		status(http.StatusOK, reply, body)
		reply, body = post("/api/acts/mute", `{"reason":"spam","fields":{"player":"7","minutes":"5"}}`)
		status(http.StatusOK, reply, body)
		reply, body = post("/api/acts/grant", `{"reason":"x","fields":{"player":"7","wallet":"gold 5"}}`) // more than the token's role
		status(http.StatusForbidden, reply, body)
		reply, body = get("/players?q=7") // a page
		status(http.StatusSeeOther, reply, body)
		reply, body = g.ask("GET", "/api/nodes", token, nil) // as a cookie
		status(http.StatusUnauthorized, reply, body)
		for _, wrong := range []string{"Bearer", "Bearer x", "Basic " + token, bearer + "x", "Bearer " + cookie} {
			reply, body = g.ask("GET", "/api/nodes", cookie, nil, "Authorization", wrong) // the cookie does not help
			status(http.StatusUnauthorized, reply, body)
		}
		reply, body = post("/api/acts/token", `{"fields":{"label":"another","role":"viewer","days":"9"}}`) // its like
		status(http.StatusForbidden, reply, body)
		entries, err := g.Operators.Audit(t.Context(), 0, operator.Filter{}, 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if all := asJSON(e); strings.Contains(string(all), token) {
				t.Errorf("the token stands in the audit: %s", all)
			}
		}
		list, _ := g.Operators.Access(t.Context(), "admin")
		i := slices.IndexFunc(list, func(a operator.Access) bool { return a.Label == "nightly" })
		viewer, other := g.login("viewer", "")
		reply, body = g.api("/api/acts/end", viewer, `{"fields":{"id":"`+list[i].ID+`"}}`, headerCSRF, other) // of somebody else
		status(http.StatusNotFound, reply, body)
		reply, body = g.api("/api/acts/end", cookie, `{"fields":{"id":"`+list[i].ID+`"}}`, headerCSRF, csrf)
		status(http.StatusOK, reply, body)
		reply, body = get("/api/players?q=7")
		status(http.StatusUnauthorized, reply, body)
	})
}

// TestOnce: what is asked for again under the same name is the same command, and nobody else's.
func TestOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		ids := map[string]int{}
		for _, who := range []string{"admin", "support"} {
			cookie, csrf := g.login(who, "")
			for range 2 {
				if reply, body := g.api("/api/acts/mute", cookie, `{"reason":"spam","once":"a","fields":{"player":"7","minutes":"5"}}`, headerCSRF, csrf); reply.StatusCode != http.StatusOK {
					t.Fatal(body)
				}
			}
			if reply, _ := g.api("/api/acts/mute", cookie, `{"reason":"spam","once":"a b","fields":{"player":"7","minutes":"5"}}`, headerCSRF, csrf); reply.StatusCode != http.StatusBadRequest {
				t.Errorf("a bad name: %d", reply.StatusCode)
			}
		}
		for _, c := range g.public.got {
			ids[c.ID]++
		}
		if len(ids) != 2 || len(g.public.got) != 4 {
			t.Errorf("commands %v", ids)
		}
	})
}

// TestDangerAsksTwice: what takes something away shows first what is there, and does nothing before it was confirmed.
func TestDangerAsksTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		form := url.Values{"csrf": {csrf}, "reason": {"afk"}, "player": {"7"}, "once": {"abc"}}
		_, body := g.ask("POST", "/acts/kick", cookie, form)
		if len(g.public.got) != 0 || !strings.Contains(body, "Nothing was done yet") || !strings.Contains(body, "gold") || !strings.Contains(body, `value="abc"`) {
			t.Errorf("did %+v: %s", g.public.got, body)
		}
		form.Set("confirmed", "yes")
		g.public.fail = fault.New(fault.Deadline, "nobody says")
		reply, body := g.ask("POST", "/acts/kick", cookie, form)
		if reply.StatusCode != http.StatusGatewayTimeout || !strings.Contains(body, "It may have been done") || !strings.Contains(body, `value="abc"`) {
			t.Errorf("%d %s", reply.StatusCode, body)
		}
		g.public.fail = nil
		if _, body = g.ask("POST", "/acts/kick", cookie, form); !strings.Contains(body, "Done, and in the audit") || g.public.got[0].ID != g.public.got[1].ID {
			t.Errorf("again: %s", body)
		}
		form.Del("player")
		if reply, body = g.ask("POST", "/acts/kick", cookie, form); reply.StatusCode != http.StatusBadRequest || !strings.Contains(body, "player: must be given") || !strings.Contains(body, `value="afk"`) {
			t.Errorf("without a player: %d %s", reply.StatusCode, body)
		}
	})
}

// TestSettings: a change is shown before it is made, for the version that it was compared with; one that is no good goes back with the row that is wrong.
func TestSettings(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		form := url.Values{"csrf": {csrf}, "reason": {"more"}, "name": {"queue.rate"}, "area": {"0"}, "text": {"7\r\n8"}}
		_, body := g.ask("POST", "/acts/publish", cookie, form)
		if len(g.public.got) != 0 || !strings.Contains(body, `class="minus">- 5`) || !strings.Contains(body, `class="plus">&#43; 7`) || !strings.Contains(body, "readonly>\n3</textarea>") {
			t.Fatalf("%+v %s", g.public.got, body)
		}
		form.Set("confirmed", "yes")
		form.Set("base", "3")
		if reply, body := g.ask("POST", "/acts/publish", cookie, form); reply.StatusCode != http.StatusOK {
			t.Fatal(body)
		}
		if got := g.public.got[0]; got.Name != command.Publish || string(got.Args) != `{"changes":[{"name":"queue.rate","text":"7\n8"}],"base":3}` {
			t.Errorf("%+v", got)
		}
		entries, _ := g.Operators.Audit(t.Context(), 0, operator.Filter{Act: "publish"}, 1)
		if len(entries) != 1 || !strings.Contains(string(entries[0].Before), `"text":"5"`) || !strings.Contains(string(entries[0].After), `"text":"5"`) {
			t.Errorf("audit: %+v", entries)
		}
		form.Set("text", "broken")
		form.Del("confirmed")
		if reply, body := g.ask("POST", "/acts/publish", cookie, form); reply.StatusCode != http.StatusBadRequest || !strings.Contains(body, "shop.csv:6: price") || strings.Contains(body, `name="confirmed"`) {
			t.Errorf("broken: %d %s", reply.StatusCode, body)
		}
		back := url.Values{"csrf": {csrf}, "reason": {"was better"}, "version": {"1"}}
		if _, body = g.ask("POST", "/acts/roll_back", cookie, back); !strings.Contains(body, `class="plus">&#43; 4`) || len(g.public.got) != 1 {
			t.Errorf("%s", body)
		}
		on := url.Values{"csrf": {csrf}, "reason": {"patch"}, "area": {"2"}, "on": {"on"}, "confirmed": {"yes"}}
		if reply, body := g.ask("POST", "/acts/maintenance", cookie, on); reply.StatusCode != http.StatusOK {
			t.Fatal(body)
		}
		entries, _ = g.Operators.Audit(t.Context(), 0, operator.Filter{Act: "maintenance", Target: "area 2"}, 1)
		if len(entries) != 1 || !strings.Contains(string(entries[0].Before), `"maintenance.on":{"area":2,"text":"true"`) {
			t.Errorf("audit of maintenance: %+v", entries)
		}
	})
}

// TestOperators: an admin resets another and not himself, and the link is not in the audit.
func TestOperators(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		victim, _ := g.login("viewer", "")
		reset := func(name string) (*http.Response, string) {
			return g.ask("POST", "/acts/reset", cookie, url.Values{"csrf": {csrf}, "reason": {"lost"}, "name": {name}, "confirmed": {"yes"}})
		}
		if reply, body := reset("admin"); reply.StatusCode != http.StatusBadRequest && reply.StatusCode != http.StatusPreconditionFailed && reply.StatusCode != http.StatusConflict {
			t.Errorf("himself: %d %s", reply.StatusCode, body)
		}
		_, body := reset("viewer")
		_, rest, ok := strings.Cut(body, "/join?token=")
		if !ok {
			t.Fatal(body)
		}
		token := rest[:26]
		if reply, _ := g.ask("GET", "/api/nodes", victim, nil); reply.StatusCode != http.StatusUnauthorized {
			t.Errorf("his session: %d", reply.StatusCode)
		}
		entries, _ := g.Operators.Audit(t.Context(), 0, operator.Filter{Act: "reset"}, 5)
		if len(entries) != 2 || strings.Contains(string(asJSON(entries)), token) || !strings.Contains(string(entries[0].After), `"reset":true`) {
			t.Errorf("audit: %s", asJSON(entries))
		}
		g.join(token, "viewer")
		g.login("viewer", "")
	})
}

// TestBrowserIsBound: cookies of a console behind https are for it alone, redirects go nowhere else, and a session that is planted is none.
func TestBrowserIsBound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		g.Service.Public = func() string { return "https://gm.example.com" }
		g.mu.Lock()
		g.now = g.now.Add(time.Minute)
		g.mu.Unlock()
		form := url.Values{"name": {"admin"}, "password": {password}, "code": {g.code("admin")}}
		reply, body := g.ask("POST", "/login?next=https://evil.example", "planted", form, "Origin", "https://gm.example.com")
		if reply.StatusCode != http.StatusSeeOther || reply.Header.Get("Location") != "/" {
			t.Fatalf("%d %v %s", reply.StatusCode, reply.Header, body)
		}
		c := reply.Cookies()[0]
		if c.Name != "__Host-"+sessionCookie || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Domain != "" || c.Path != "/" || c.Value == "planted" {
			t.Errorf("cookie %+v", c)
		}
		if reply.Header.Get("Strict-Transport-Security") == "" {
			t.Error("browsers may go on without https")
		}
		if reply, _ := g.ask("GET", "/api/nodes", c.Value, nil); reply.StatusCode != http.StatusUnauthorized {
			t.Errorf("under the name that any host can set: %d", reply.StatusCode)
		}
		for _, origin := range []string{"https://evil.example", "null", "https://gm.example.com.evil.example"} {
			if reply, _ := g.ask("POST", "/login", "", form, "Origin", origin); reply.StatusCode != http.StatusForbidden {
				t.Errorf("from %s: %d", origin, reply.StatusCode)
			}
		}
		if reply, _ := g.ask("POST", "/login", "", form, "Sec-Fetch-Site", "cross-site"); reply.StatusCode != http.StatusForbidden {
			t.Errorf("from another site: %d", reply.StatusCode)
		}
	})
}

// TestHostileQueries: nothing that can be asked for breaks a page, and no text of a query is more than text in it.
func TestHostileQueries(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, _ := g.login("admin", "")
		names := []string{"q", "by", "area", "before", "id", "kind", "player", "after", "from", "to", "ticket", "name", "app", "steps", "event", "hours", "target", "operator", "act", "node", "token"}
		values := []string{"%00", "%ff%fe", strings.Repeat("a", 5000), "%F0%9F%98%80", "'%22%3E%3Cscript%3E%5C", "%25_", "-1", "0", "99999999999999999999", "9223372036854775807", "%E2%80%AE"}
		for _, p := range g.rows {
			base := url.Values{}
			if kept := filled[p.path]; kept != "" {
				base, _ = url.ParseQuery(kept[1:])
			}
			for _, name := range names {
				for _, value := range values {
					query := url.Values{}
					for key := range base {
						query.Set(key, base.Get(key))
					}
					query.Del(name)
					path := p.path + "?" + query.Encode() + "&" + name + "=" + value
					if reply, body := g.ask("GET", path, cookie, nil); reply.StatusCode >= 500 || strings.Contains(body, "<script") {
						t.Errorf("%s: %d %s", path, reply.StatusCode, body)
					}
				}
			}
		}
		_, body := g.ask("GET", "/api/history?before=99999999999999999999", cookie, nil)
		if !strings.Contains(body, `"version":3`) || g.public.before != 0 {
			t.Errorf("what is no number is not the newest: before %d, %s", g.public.before, body)
		}
	})
}

// TestReasonIsReadable: a reason has nothing that is not seen, or changes how the audit reads.
func TestReasonIsReadable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		for reason, want := range map[string]int{
			"ticket 5": http.StatusOK, "日本語 👩‍🚀": http.StatusOK, "a\x00b": http.StatusBadRequest, "two\nlines": http.StatusBadRequest, "\u202egnp": http.StatusBadRequest, "\xff": http.StatusBadRequest,
		} {
			reply, body := g.ask("POST", "/acts/mute", cookie, url.Values{"csrf": {csrf}, "reason": {reason}, "player": {"7"}, "minutes": {"5"}})
			if reply.StatusCode != want {
				t.Errorf("%q: %d %s", reason, reply.StatusCode, body)
			}
		}
	})
}

// TestLiftOfOthers: a sanction is lifted of the account that has it, and nothing is said to be done to one that it does not have.
func TestLiftOfOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("support", "")
		var of [2]string
		var sanction string
		for i, name := range []string{"Ann", "Bob"} {
			acc, err := g.Accounts.Register(t.Context(), name, "secret-of-"+name)
			if err != nil {
				t.Fatal(err)
			}
			number, err := g.Accounts.Impose(t.Context(), acc, account.Sanction{Reason: "bot", Author: "ann"})
			if err != nil {
				t.Fatal(err)
			}
			of[i], sanction = fmt.Sprint(acc), fmt.Sprint(number)
		}
		for i, want := range []int{http.StatusNotFound, http.StatusOK} {
			reply, body := g.ask("POST", "/acts/lift", cookie, url.Values{"csrf": {csrf}, "reason": {"x"}, "account": {of[i]}, "sanction": {sanction}})
			if reply.StatusCode != want || len(g.public.got) != i {
				t.Errorf("of account %d: %d %s", i, reply.StatusCode, body)
			}
		}
	})
}

// TestSubmittedTwice: a form that is sent twice at once is one command, which public does once.
func TestSubmittedTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		form := url.Values{"csrf": {csrf}, "reason": {"x"}, "player": {"7"}, "wallet": {"gold 5"}}
		_, body := g.ask("POST", "/acts/grant", cookie, form)
		_, rest, _ := strings.Cut(body, `name="once" value="`)
		once, _, ok := strings.Cut(rest, `"`)
		if !ok || once == "" {
			t.Fatalf("the form has no name: %s", body)
		}
		form.Set("once", once)
		form.Set("confirmed", "yes")
		var sent sync.WaitGroup
		for range 4 {
			sent.Go(func() {
				if reply, body := g.ask("POST", "/acts/grant", cookie, form); reply.StatusCode != http.StatusOK {
					t.Errorf("%d %s", reply.StatusCode, body)
				}
			})
		}
		sent.Wait()
		for _, c := range g.public.got {
			if c.ID != g.public.got[0].ID {
				t.Errorf("commands %s and %s", g.public.got[0].ID, c.ID)
			}
		}
	})
}

// TestFormsActOnce: every form, sent twice, does what it does once, and both answers show the same. Sent again later it does nothing, and shows no secret.
func TestFormsActOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		acc, err := g.Accounts.Register(t.Context(), "Bob", "secret-of-bob")
		if err != nil {
			t.Fatal(err)
		}
		sanction, err := g.Accounts.Impose(t.Context(), acc, account.Sanction{Reason: "bot", Author: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		player, err := g.Accounts.Character(t.Context(), acc, 1)
		if err != nil {
			t.Fatal(err)
		}
		token := func() string {
			if _, err := g.Operators.IssueToken(t.Context(), "admin", "nightly", operator.Viewer, "", time.Hour); err != nil {
				t.Fatal(err)
			}
			list, err := g.Operators.Access(t.Context(), "admin")
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(list, func(a operator.Access) bool { return a.Label == "nightly" })
			return list[i].ID
		}
		state := func() string {
			list, err := g.Operators.List(t.Context())
			access, err2 := g.Operators.Access(t.Context(), "")
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			for i := range access {
				access[i].Seen = time.Time{}
			}
			g.public.mu.Lock()
			defer g.public.mu.Unlock()
			ids := map[string]bool{}
			for _, c := range g.public.got {
				if c.Name != command.Preview {
					ids[c.ID] = true
				}
			}
			slices.SortFunc(access, func(a, b operator.Access) int { return cmp.Compare(a.ID, b.ID) })
			return fmt.Sprint(list, access, ids)
		}
		for _, a := range g.deeds {
			form := url.Values{"csrf": {csrf}, "reason": {"x"}, "once": {"of-" + a.name}, "confirmed": {"yes"}}
			for _, f := range a.fields {
				form.Set(f.name, map[kind]string{number: "7", hidden: "3", line: "x", block: "x", file: "x", role: "viewer", again: "7"}[f.kind])
			}
			switch a.name {
			case "ban", "lift":
				form.Set("account", fmt.Sprint(acc))
				form.Set("sanction", fmt.Sprint(sanction))
			case "erase":
				form.Set("player", fmt.Sprint(player))
				form.Set("again", fmt.Sprint(player))
			case "operator", "reset":
				form.Set("name", "support")
			case "end", "end_any":
				form.Set("id", token())
			}
			before := state()
			reply, first := g.ask("POST", a.path(), cookie, form)
			done := state()
			if reply.StatusCode != http.StatusOK || done == before && a.name != "invite" { // whose link is in the answer
				t.Errorf("%s: %d, %s", a.path(), reply.StatusCode, first)
			}
			reply, second := g.ask("POST", a.path(), cookie, form)
			if reply.StatusCode != http.StatusOK || second != first || state() != done {
				t.Errorf("%s twice: %d, %s and %s; %s and %s", a.path(), reply.StatusCode, first, second, done, state())
			}
			g.mu.Lock()
			g.now = g.now.Add(2 * time.Minute)
			g.mu.Unlock()
			makes := slices.Contains([]string{"invite", "reset", "token"}, a.name)
			if reply, again := g.ask("POST", a.path(), cookie, form); (reply.StatusCode == http.StatusOK) == makes || state() != done {
				t.Errorf("%s later: %d, %s", a.path(), reply.StatusCode, again)
			}
		}
	})
}

// TestRefusals: what the server refuses before it reaches the console is a page in a browser, and JSON for scripts.
func TestRefusals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, _ := g.login("viewer", "")
		for path, want := range map[string]string{"/acts/publish": "text/html; charset=utf-8", "/api/acts/publish": "application/json"} {
			r := httptest.NewRequest("POST", path, strings.NewReader("x"))
			r.Header.Set("Content-Encoding", "gzip")
			reply, body := g.send(r, cookie)
			if reply.StatusCode != http.StatusBadRequest || reply.Header.Get("Content-Type") != want || !strings.Contains(body, "must not be compressed") {
				t.Errorf("%s: %d %v %s", path, reply.StatusCode, reply.Header, body)
			}
			if h := reply.Header; h.Get("X-Frame-Options") != "DENY" || h.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: headers %v", path, h)
			}
		}
	})
}

// TestOvertaken: an act that makes access is not done when its operator's session ends while it is on its way.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("support", "")
		g.ClientIP = func(*fiber.Ctx) netip.Addr { // asked for when the act is let in, and not done yet
			if _, err := g.Operators.Reset(t.Context(), "support"); err != nil {
				t.Error(err)
			}
			return netip.MustParseAddr("10.0.0.1")
		}
		form := url.Values{"csrf": {csrf}, "label": {"nightly"}, "role": {"viewer"}, "days": {"7"}}
		if reply, body := g.ask("POST", "/acts/token", cookie, form); reply.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d %s", reply.StatusCode, body)
		}
		if list, err := g.Operators.Access(t.Context(), "support"); err != nil || len(list) != 0 {
			t.Errorf("left: %+v, %v", list, err)
		}
	})
}
