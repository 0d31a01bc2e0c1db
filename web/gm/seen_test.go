package gm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"loumiao/game/store/account"
	"loumiao/game/store/operator"
)

// filled is queries with which pages show something.
var filled = map[string]string{"/setting": "?name=queue.rate", "/log": "?node=5", "/players": "?q=7", "/logs": "?player=7", "/xray": "?player=7", "/queue": "?area=2&player=7"}

// everyPage is what an admin can look at: pages that show something and that do not, forms of acts, and errors.
func (g *console) everyPage() (paths []string) {
	for _, p := range g.rows {
		if p.path != "/order" { // there is none: its page is an error's
			paths = append(paths, p.path+filled[p.path])
		}
		if filled[p.path] != "" || p.path == "/order" {
			paths = append(paths, p.path)
		}
	}
	for _, a := range g.deeds {
		paths = append(paths, a.path()+"?"+a.target+"=7")
	}
	return append(paths, "/login", "/nothing", "/players?by=order&q=1", "/logs?player=x", "/xray?player=x", "/queue?area=x", "/charts?from=x", "/join?token=x")
}

var (
	tags     = regexp.MustCompile(`(?s)<[^>]*>`)
	grids    = regexp.MustCompile(`(?s)<table.*?</table>`)
	headings = regexp.MustCompile(`(?s)<h([1-6])[^>]*>(.*?)</h`)
	controls = regexp.MustCompile(`<(?:input|select|textarea)\b[^>]*>`)
	moments  = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( UTC)?`)
	headers  = regexp.MustCompile(`(?s)<th\b([^>]*)>(.*?)</th>`)
)

// unsound is what somebody who does not see a page, has no mouse or lives in another time zone would miss in it.
func unsound(body string) (faults []string) {
	bad := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if !strings.Contains(body, `<html lang="en">`) {
		bad("no language")
	}
	if strings.Contains(body, "<nav") && !strings.Contains(body, `class="skip" href="#main"`) {
		bad("no way past the menu")
	}
	last, firsts := 0, 0
	for _, h := range headings.FindAllStringSubmatch(body, -1) {
		level := int(h[1][0] - '0')
		if level > last+1 || strings.TrimSpace(tags.ReplaceAllString(h[2], "")) == "" {
			bad("heading %q after one of level %d", h[0], last)
		}
		if last = level; level == 1 {
			firsts++
		}
	}
	if firsts != 1 {
		bad("%d headings of level 1", firsts)
	}
	for _, at := range controls.FindAllStringIndex(body, -1) {
		control, before := body[at[0]:at[1]], body[:at[0]]
		if !strings.Contains(control, " hidden") && !strings.Contains(control, `"hidden"`) && strings.LastIndex(before, "<label") <= strings.LastIndex(before, "</label") {
			bad("no label: %s", control)
		}
	}
	for _, table := range grids.FindAllString(body, -1) {
		cells := headers.FindAllStringSubmatch(table, -1)
		if len(cells) == 0 {
			bad("a table without headers: %s", table)
		}
		for _, th := range cells {
			if !strings.Contains(th[1], "scope=") || strings.TrimSpace(tags.ReplaceAllString(th[2], "")) == "" {
				bad("a header that says nothing: %s", th[0])
			}
		}
		for _, at := range moments.FindAllStringSubmatch(table, -1) {
			if at[1] == "" && !strings.Contains(table, ", UTC</th>") {
				bad("of which zone is %s in %s", at[0], table)
			}
		}
	}
	for _, at := range moments.FindAllStringSubmatch(grids.ReplaceAllString(body, ""), -1) {
		if at[1] == "" {
			bad("of which zone is %s", at[0])
		}
	}
	return faults
}

// TestPagesAreSound: every page has a language, a title of its own, headings in order, labels, headers and zones.
func TestPagesAreSound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		acc, err := g.Accounts.Register(t.Context(), "Bob", "secret-of-bob")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Accounts.Impose(t.Context(), acc, account.Sanction{Reason: "bot", Author: "ann"}); err != nil {
			t.Fatal(err)
		}
		g.ask("POST", "/acts/mute", cookie, url.Values{"csrf": {csrf}, "reason": {"spam"}, "player": {"7"}, "minutes": {"5"}})
		for _, path := range append(g.everyPage(), "/players?by=account&q="+fmt.Sprint(acc)) {
			reply, body := g.ask("GET", path, cookie, nil)
			if reply.StatusCode >= 500 {
				t.Errorf("%s: %d", path, reply.StatusCode)
			}
			for _, fault := range unsound(body) {
				t.Errorf("%s: %s", path, fault)
			}
			if title := regexp.MustCompile(`<title>(.+) · console</title>`).FindStringSubmatch(body); title == nil {
				t.Errorf("%s has no title", path)
			}
		}
		for _, a := range g.deeds { // asked for, where it is asked for twice, and done
			form := url.Values{"csrf": {csrf}, "reason": {"x"}}
			for _, f := range a.fields {
				form.Set(f.name, map[kind]string{number: "7", hidden: "3", line: "x", block: "x", file: "x", role: "viewer", again: "7"}[f.kind])
			}
			if a.target == "account" {
				form.Set("account", fmt.Sprint(acc))
			}
			_, body := g.ask("POST", a.path(), cookie, form)
			for _, fault := range unsound(body) {
				t.Errorf("%s: %s", a.path(), fault)
			}
		}
	})
}

// TestActsLeadBack: from the form of an act, from the question whether it is meant, and from its end, there is a way back to what it is done to.
func TestActsLeadBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		for _, a := range g.deeds {
			path, _, _ := strings.Cut(a.back.Path, "?")
			if !slices.ContainsFunc(g.rows, func(p page) bool { return p.path == path }) {
				t.Errorf("%s leads back to %q", a.name, a.back.Path)
			}
			want := `<a href="` + strings.ReplaceAll(a.back.Path, "&", "&amp;")
			if _, body := g.ask("GET", a.path()+"?"+a.target+"=7", cookie, nil); !strings.Contains(body, want) {
				t.Errorf("%s has no way back to %s", a.name, want)
			}
		}
		form := url.Values{"csrf": {csrf}, "reason": {"x"}, "player": {"7"}}
		const player = `<a class="button" href="/players?by=player&amp;q=7">`
		for range 2 {
			if _, body := g.ask("POST", "/acts/kick", cookie, form); !strings.Contains(body, player) {
				t.Errorf("no way back to the player: %s", body)
			}
			form.Set("confirmed", "yes")
		}
	})
}

// TestQuestionShowsAll: whoever is asked whether he means it sees whom it is done to by name, and numbers that he left out.
func TestQuestionShowsAll(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		_, body := g.ask("POST", "/acts/kick", cookie, url.Values{"csrf": {csrf}, "reason": {"x"}, "player": {"7"}})
		if !strings.Contains(body, "<dt>name</dt><dd>&lt;script&gt;") {
			t.Errorf("the name of the player is not shown: %s", body)
		}
		_, body = g.ask("POST", "/acts/maintenance", cookie, url.Values{"csrf": {csrf}, "reason": {"x"}})
		if !strings.Contains(body, "<dt>Area; 0 is all</dt><dd>0</dd>") {
			t.Errorf("that it is of all areas is not shown: %s", body)
		}
		for path, left := range map[string]string{"/acts/ban?account=7": "days", "/acts/mute?player=7": "minutes", "/acts/broadcast": "days"} {
			u, _ := url.Parse(path)
			form := u.Query()
			for key, value := range map[string]string{"csrf": csrf, "reason": "x", "sender": "Team", "subject": "Sale", "confirmed": "yes"} {
				if path == "/acts/broadcast" || key != "sender" && key != "subject" {
					form.Set(key, value)
				}
			}
			if reply, body := g.ask("POST", u.Path, cookie, form); reply.StatusCode != http.StatusBadRequest || !strings.Contains(body, left+": must be given") {
				t.Errorf("%s without %s: %d %s", path, left, reply.StatusCode, body)
			}
		}
	})
}

// TestLinesOfBrowsers: a text of several lines arrives as that, though browsers send CRLF.
func TestLinesOfBrowsers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("support", "")
		form := url.Values{"csrf": {csrf}, "reason": {"x"}, "player": {"7"}, "sender": {"Team"}, "subject": {"Sale"}, "body": {"one\r\ntwo\r\n"}}
		if reply, body := g.ask("POST", "/acts/mail", cookie, form); reply.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", reply.StatusCode, body)
		}
		if did := string(g.public.got[0].Args); !strings.Contains(did, `"body":"one\ntwo"`) {
			t.Errorf("sent %s", did)
		}
	})
}

// TestFormAgain: what was wrong is said above the form, which has what was given: at the door, and where something is looked for.
func TestFormAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		token, err := g.Operators.Invite(t.Context(), operator.Viewer)
		if err != nil {
			t.Fatal(err)
		}
		cookie, _ := g.login("viewer", "")
		for _, test := range []struct {
			method, path string
			form         url.Values
			status       int
			says         []string
		}{
			{"POST", "/login", url.Values{"name": {"ann"}, "password": {"x"}, "code": {"1"}}, http.StatusUnauthorized, []string{"wrong name, password or code", `value="ann"`, `action="/login"`}},
			{"POST", "/join", url.Values{"token": {token}, "name": {"cat"}, "password": {"x"}}, http.StatusBadRequest, []string{"a password has", `value="cat"`, `value="` + token + `"`, `action="/join"`}},
			{"POST", "/join", url.Values{"token": {"x"}, "name": {"cat"}}, http.StatusNotFound, []string{"this link was used"}},
			{"GET", "/login?joined=yes", nil, http.StatusOK, []string{"Log in with the next code"}},
			{"GET", "/players?by=order&q=99", nil, http.StatusNotFound, []string{`role="alert"`, `value="99"`, `role="search"`}},
			{"GET", "/players?by=account&q=x", nil, http.StatusBadRequest, []string{"whole number", `value="x"`}},
			{"GET", "/logs?kind=battle&from=x", nil, http.StatusBadRequest, []string{"from: must be a time", `role="search"`}},
			{"GET", "/xray?player=7&ticket=8", nil, http.StatusBadRequest, []string{"not both", `value="8"`}},
			{"GET", "/queue?player=x", nil, http.StatusBadRequest, []string{"player: must be", `role="search"`}},
			{"GET", "/charts?hours=0", nil, http.StatusBadRequest, []string{"hours: must be", `action="/charts"`}},
		} {
			reply, body := g.ask(test.method, test.path, cookie, test.form)
			if reply.StatusCode != test.status {
				t.Errorf("%s %s: %d %s", test.method, test.path, reply.StatusCode, body)
			}
			for _, want := range test.says {
				if !strings.Contains(body, want) {
					t.Errorf("%s %s does not say %q: %s", test.method, test.path, want, body)
				}
			}
			if strings.Contains(body, `value="x"`) && test.form.Get("password") == "x" {
				t.Errorf("%s shows the password", test.path)
			}
		}
	})
}

// TestErrorsKnowWho: an error's page has the menu for whoever is logged in, and the way to log in for others only.
func TestErrorsKnowWho(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, _ := g.login("viewer", "")
		for _, in := range []string{cookie, "", "planted"} {
			for _, ask := range []struct{ method, path, origin string }{{"GET", "/nothing", ""}, {"GET", "/logout", ""}, {"GET", "/join?token=x", ""}, {"POST", "/login", "https://evil.example"}} {
				_, body := g.ask(ask.method, ask.path, in, nil, "Origin", ask.origin)
				if menu, door := strings.Contains(body, "<nav"), strings.Contains(body, `href="/login"`); menu != (in == cookie) || door == (in == cookie) {
					t.Errorf("%s %s with the session %q: %s", ask.method, ask.path, in, body)
				}
			}
		}
	})
}

// TestReasonsAreShown: why something was done to a player, a node or an operator stands where that is seen, for who may read the audit.
func TestReasonsAreShown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		g.public.life = "stopped"
		for path, form := range map[string]url.Values{
			"/acts/mute": {"player": {"7"}, "minutes": {"5"}}, "/acts/stop": {"node": {"5"}, "confirmed": {"yes"}},
			"/acts/operator": {"name": {"support"}, "role": {"support"}, "disabled": {"on"}, "confirmed": {"yes"}},
		} {
			form.Set("csrf", csrf)
			form.Set("reason", "reason of "+path)
			if reply, body := g.ask("POST", path, cookie, form); reply.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d %s", path, reply.StatusCode, body)
			}
		}
		viewer, _ := g.login("viewer", "")
		for path, want := range map[string]string{
			"/players?q=7": "mute by admin: reason of /acts/mute", "/nodes": "stop by admin: reason of /acts/stop", "/operators": "operator by admin: reason of /acts/operator",
		} {
			if _, body := g.ask("GET", path, cookie, nil); !strings.Contains(body, want) {
				t.Errorf("%s does not say %q: %s", path, want, body)
			}
			if _, body := g.ask("GET", path, viewer, nil); strings.Contains(body, want) {
				t.Errorf("%s says %q to a viewer", path, want)
			}
		}
		for path, want := range map[string]string{"/settings": "version 3: &lt;script&gt;", "/queue?area=2": "set by ann, 1970-01-01 00:00:00 UTC: full"} {
			if _, body := g.ask("GET", path, viewer, nil); !strings.Contains(body, want) {
				t.Errorf("%s does not say %q: %s", path, want, body)
			}
		}
	})
}

// TestSupportGivesNothing: whoever helps players writes to them; goods in a mail are an admin's to give, as they are without one.
func TestSupportGivesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		for role, may := range map[string]bool{"support": false, "admin": true} {
			cookie, csrf := g.login(role, "")
			if _, body := g.ask("GET", "/acts/mail", cookie, nil); strings.Contains(body, `name="wallet"`) != may || !strings.Contains(body, `name="subject"`) {
				t.Errorf("%s: what he is asked for is %s", role, body)
			}
			for goods, status := range map[string]int{"": http.StatusOK, "gold 100": map[bool]int{true: http.StatusOK, false: http.StatusBadRequest}[may]} {
				done := len(g.public.got)
				form := url.Values{"csrf": {csrf}, "reason": {"x"}, "player": {"7"}, "sender": {"Support"}, "subject": {"Hello"}, "wallet": {goods}}
				reply, body := g.ask("POST", "/acts/mail", cookie, form)
				text, err := json.Marshal(map[string]any{"reason": "x", "fields": map[string]string{"player": "7", "sender": "Support", "subject": "Hello", "wallet": goods}})
				if err != nil {
					t.Fatal(err)
				}
				again, said := g.api("/api/acts/mail", cookie, string(text), headerCSRF, csrf)
				if reply.StatusCode != status || again.StatusCode != status || (status != http.StatusOK) != strings.Contains(said, "wallet: needs the role admin") {
					t.Errorf("%s gives %q: %d %s, and by JSON %d %s", role, goods, reply.StatusCode, body, again.StatusCode, said)
				}
				if now := len(g.public.got); now != done+2 && status == http.StatusOK || now != done && status != http.StatusOK {
					t.Errorf("%s gives %q: %d commands", role, goods, now-done)
				}
			}
		}
	})
}

// TestFormsOffer: where goods are given, the form says which currencies and items there are.
func TestFormsOffer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, _ := g.login("admin", "")
		for _, a := range g.deeds {
			_, body := g.ask("GET", a.path(), cookie, nil)
			for _, what := range []string{"gem", "exp_book"} {
				gives := slices.ContainsFunc(a.fields, func(f field) bool { return f.kind == amounts })
				if offered := strings.Contains(body, "<code>"+what+"</code>"); offered != gives {
					t.Errorf("%s offers %s: %v", a.path(), what, offered)
				}
			}
		}
	})
}
