package gm

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.uber.org/goleak"

	"loumiao/configs"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/command"
	"loumiao/game/store/account"
	"loumiao/game/store/keypoint"
	"loumiao/game/store/operator"
	"loumiao/game/store/operator/operatortest"
	"loumiao/game/store/order"
	"loumiao/game/tables"
	"loumiao/migrations"
	"loumiao/web/httpserver"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's pool looks after idle workers in a loop that sleeps 10 s and only then sees that it was stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

const password = "correct horse battery"

// public plays the node that does commands.
type public struct {
	mu     sync.Mutex
	got    []command.Command
	fail   error  // of Submit
	before uint64 // of the last question for the history
	life   string // of the node 5; "": it runs
}

func (p *public) Submit(_ context.Context, c command.Command) (command.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := c.Validate(); err != nil {
		return command.Result{}, err
	}
	if value := p.look(c); value != nil {
		text, err := json.Marshal(value)
		return command.Result{Value: text}, err
	}
	p.got = append(p.got, c)
	return command.Result{Value: json.RawMessage(`{"players":3}`)}, p.fail
}

const evil = "<script>alert(1)</script>"

// look answers commands that change nothing; nil to others.
func (p *public) look(c command.Command) any {
	var named command.SettingsArgs
	_ = json.Unmarshal(c.Args, &named) // others have no name
	rate := command.Setting{
		Name: "queue.rate", Type: "int", Doc: evil, Default: "0", PerArea: true,
		Values: []command.SettingValue{{Area: 0, Text: "5", Version: 3, Author: "ann", Reason: evil, At: 1}},
	}
	maintenance := command.Setting{Name: "maintenance.on", Default: "false", Values: []command.SettingValue{{Area: 2, Text: "true", Version: 1}}}
	admission := command.Setting{Name: "queue.admission", Default: "open", Values: []command.SettingValue{{Area: 2, Text: "paused", Version: 2, Author: "ann", Reason: "full"}, {Text: "open", Author: "bob"}}}
	table := command.Setting{Name: "tables.shop", Type: "table", Default: "item,price\n" + evil}
	switch c.Name {
	case command.LookUp:
		return command.Found{
			Player: 7, Name: evil, Wallet: map[string]int64{"gold": 100}, Ledger: []command.FoundChange{{ID: 3, Asset: "gold", Amount: 5, Reason: evil, At: 1000}},
			Mails: []command.FoundMail{{Subject: evil, Sent: 2000}}, Friends: []command.FoundFriend{{Player: 8, Name: evil, Bond: "friend"}},
		}
	case command.Nodes:
		return command.NodeList{Machines: []command.Machine{{Pod: 1, Name: evil}}, Nodes: []command.Node{{Node: 5, Type: "zone", Pod: 1, Life: cmp.Or(p.life, "running"), State: "ready", Error: evil}}}
	case command.Logs:
		var find command.LogsArgs
		_ = json.Unmarshal(c.Args, &find) // it is ours
		details, _ := json.Marshal(map[string]string{"reason": evil})
		page := command.LogPage{Records: []command.LogRecord{{Player: find.Player, ID: 9, Kind: "economy", At: find.From, Details: details}}}
		if find.After == nil {
			page.Next = &command.LogEnd{Player: find.Player, ID: 9, At: find.To}
		}
		return page
	case command.QueueStatus:
		var of command.QueueArgs
		_ = json.Unmarshal(c.Args, &of) // it is ours
		state := command.QueueState{Area: of.Area, Admission: "paused", Waiting: 12, Held: evil, Lanes: []command.Lane{{Name: evil}}}
		if of.Player != 0 {
			state.Player = &command.Stands{Player: of.Player, Lane: "standard", Position: 3, ETA: 2000}
		}
		return state
	case command.Explain:
		var of command.ExplainArgs
		_ = json.Unmarshal(c.Args, &of) // it is ours
		if of.Ticket != 0 {
			return command.Explained{Area: of.Area, State: "made", Why: "its match has a room", Ticket: of.Ticket, Match: &command.ExplainedMatch{Match: 5, Holder: evil, Due: -1}}
		}
		return command.Explained{State: "waiting", Why: evil, Players: []string{"7"}, Wait: &command.ExplainedWait{Window: -1, Near: []command.ExplainNear{{Obstacle: evil}}}}
	case command.Tail:
		return command.Tailed{Lines: []string{evil}}
	case command.History:
		var of command.HistoryArgs
		_ = json.Unmarshal(c.Args, &of) // it is ours
		p.before = of.Before
		return command.PublishedList{Versions: []command.Publication{{Version: 3, Author: "ann", Reason: evil, Changes: []command.SettingChange{{Name: "queue.rate", Text: evil}}}}}
	case command.Settings:
		list := command.SettingsList{Version: 3}
		for _, one := range []command.Setting{maintenance, admission, rate, table} {
			if named.Name == "" || named.Name == one.Name {
				list.Settings = append(list.Settings, one)
			}
		}
		return list
	case command.Check:
		var args command.CheckArgs
		_ = json.Unmarshal(c.Args, &args) // it is ours
		checked := command.Checked{Version: 3}
		for _, change := range args.Changes {
			checked.Diffs = append(checked.Diffs, command.SettingDiff{SettingChange: change, Had: true, Before: "5"})
			if strings.Contains(change.Text, "broken") {
				checked.Problems = []string{"shop.csv:6: price: is " + change.Text}
			}
		}
		if args.BackTo != nil {
			checked.Diffs = []command.SettingDiff{{SettingChange: command.SettingChange{Name: "queue.rate", Text: "4"}, Had: true, Before: "5"}}
		}
		return checked
	}
	return nil
}

// a console is a service with an operator of each role.
type console struct {
	*Service
	t      *testing.T
	app    *fiber.App
	public *public

	mu      sync.Mutex
	now     time.Time
	secrets map[string]string
}

func each(t *testing.T, test func(t *testing.T, g *console)) {
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		g := &console{t: t, public: &public{}, now: time.UnixMilli(1_800_000_000_000), secrets: map[string]string{}}
		db := storetest.Migrated(t, stores, "operator", migrations.FS("operator"))
		operators, err := operator.New(db, id.NewGenerator(1, nil), make([]byte, operator.KeySize), g.clock, operatortest.Passwords{})
		if err != nil {
			t.Fatal(err)
		}
		design, err := tables.Parse(configs.Tables())
		if err != nil {
			t.Fatal(err)
		}
		server := httpserver.New(httpserver.Config{BodyLimit: Defaults().BodyLimit}, nil)
		t.Cleanup(func() { _ = server.Stop(context.Background()) })
		g.Service = New(Deps{
			Operators: operators, Accounts: account.New(storetest.Migrated(t, stores, "account", migrations.FS("account")), id.NewGenerator(1, nil), g.clock),
			Orders: order.New(storetest.Migrated(t, stores, "order", migrations.FS("order")), id.NewGenerator(1, nil), g.clock),
			Events: keypoint.New(storetest.Migrated(t, stores, "keypoint", migrations.FS("keypoint"))), Now: g.clock,
			Commands: g.public, Cluster: cluster.NewStatic(), Tables: func() *tables.Tables { return design }, Public: func() string { return "http://example.com" },
			ClientIP: func(*fiber.Ctx) netip.Addr { return netip.MustParseAddr("10.0.0.1") }, Log: slog.New(slog.DiscardHandler),
		})
		g.app = server.App()
		g.Routes(g.app)
		server.ShowErrors(g.showRefusal)
		first, err := operators.InviteFirst(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		g.join(first, "admin")
		for _, role := range []operator.Role{operator.Viewer, operator.Support} {
			token, err := operators.Invite(t.Context(), role)
			if err != nil {
				t.Fatal(err)
			}
			g.join(token, string(role))
		}
		test(t, g)
	})
}

func (g *console) clock() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

// ask sends a request; a form, if it is not nil.
func (g *console) ask(method, path, cookie string, form url.Values, header ...string) (*http.Response, string) {
	g.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return g.send(r, cookie, header...)
}

func (g *console) send(r *http.Request, cookie string, header ...string) (*http.Response, string) {
	g.t.Helper()
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	reply, err := g.app.Test(r, int(time.Minute.Milliseconds()))
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return reply, string(body)
}

func (g *console) code(name string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	code, err := operator.Code(g.secrets[name], g.now)
	if err != nil {
		g.t.Fatal(err)
	}
	return code
}

func (g *console) join(token, name string) {
	g.t.Helper()
	invitation, err := g.Operators.Invitation(g.t.Context(), token)
	if err != nil {
		g.t.Fatal(err)
	}
	g.secrets[name] = invitation.Secret
	form := url.Values{"token": {token}, "name": {name}, "password": {password}, "code": {g.code(name)}}
	if reply, body := g.ask("POST", "/join", "", form); reply.StatusCode != http.StatusSeeOther {
		g.t.Fatalf("join: %d %s", reply.StatusCode, body)
	}
	if reply, _ := g.ask("POST", "/join", "", form); reply.StatusCode != http.StatusNotFound {
		g.t.Errorf("the link was used again: %d", reply.StatusCode)
	}
}

// login logs in as a role's operator.
func (g *console) login(name, old string) (cookie, csrf string) {
	g.t.Helper()
	g.mu.Lock()
	g.now = g.now.Add(time.Minute)
	g.mu.Unlock()
	reply, body := g.ask("POST", "/login", old, url.Values{"name": {name}, "password": {password}, "code": {g.code(name)}})
	if reply.StatusCode != http.StatusSeeOther || len(reply.Cookies()) != 1 {
		g.t.Fatalf("login: %d %s", reply.StatusCode, body)
	}
	c := reply.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
		g.t.Errorf("cookie %+v", c)
	}
	session, err := g.Operators.Session(g.t.Context(), c.Value)
	if err != nil {
		g.t.Fatal(err)
	}
	return c.Value, session.CSRF()
}

// TestRoles goes through every route with every role, with and without a session and its token.
func TestRoles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		type route struct {
			method, path string
			need         operator.Role
		}
		var routes []route
		known := map[string]string{"/setting": "?name=queue.rate", "/log": "?node=5"} // pages of one thing
		for _, p := range g.rows {
			if p.path == "/order" {
				continue // there is none: see TestPlayer
			}
			p.path += known[p.path]
			routes = append(routes, route{"GET", p.path, p.role}, route{"GET", "/api" + strings.TrimSuffix(p.path, "/"), p.role})
		}
		for _, a := range g.deeds {
			routes = append(routes, route{"GET", a.path(), a.role}, route{"POST", a.path(), a.role}, route{"POST", "/api" + a.path(), a.role})
		}
		for _, r := range routes {
			want := http.StatusUnauthorized
			if r.method == "GET" && !strings.HasPrefix(r.path, "/api") {
				want = http.StatusSeeOther
			}
			if reply, _ := g.ask(r.method, r.path, "", nil); reply.StatusCode != want {
				t.Errorf("%s %s without a session: %d", r.method, r.path, reply.StatusCode)
			}
		}
		for _, role := range operator.Roles() {
			cookie, csrf := g.login(string(role), "")
			for _, r := range routes {
				may := role.Covers(r.need)
				reply, _ := g.ask(r.method, r.path, cookie, nil)
				if r.method == "GET" {
					if ok := reply.StatusCode == http.StatusOK; ok != may || !ok && reply.StatusCode != http.StatusForbidden {
						t.Errorf("%s %s as %s: %d", r.method, r.path, role, reply.StatusCode)
					}
					continue
				}
				if reply.StatusCode != http.StatusForbidden {
					t.Errorf("%s %s as %s without a token: %d", r.method, r.path, role, reply.StatusCode)
				}
				// With the token, and without a reason: whoever may is told so, and nothing is done.
				reply, body := g.ask(r.method, r.path, cookie, url.Values{"csrf": {csrf}, "confirmed": {"yes"}}, headerCSRF, csrf)
				if (reply.StatusCode != http.StatusForbidden) != may || may && reply.StatusCode != http.StatusBadRequest {
					t.Errorf("%s %s as %s: %d %s", r.method, r.path, role, reply.StatusCode, body)
				}
				reply, _ = g.ask(r.method, r.path, cookie, url.Values{"csrf": {csrf}, "reason": {"x"}}, headerCSRF, csrf, "Origin", "https://evil.example")
				if reply.StatusCode != http.StatusForbidden {
					t.Errorf("%s %s from another site: %d", r.method, r.path, reply.StatusCode)
				}
			}
		}
		if len(g.public.got) != 0 {
			t.Errorf("done: %+v", g.public.got)
		}
	})
}

// TestActIsAudited: what is done stands in the audit with its reason, before and after; what nobody knows the end of is unknown, and
// what public has not begun in time has failed.
func TestActIsAudited(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("support", "")
		for round, outcome := range []operator.Outcome{operator.Done, operator.Unknown, operator.Failed} {
			said := []string{"", "nobody says", "expired, not executed"}[round]
			switch outcome {
			case operator.Unknown:
				g.public.fail = fault.New(fault.Deadline, said)
			case operator.Failed:
				g.public.fail = command.ErrExpired
			}
			var reply *http.Response
			var body string
			if round == 0 {
				reply, body = g.ask("POST", "/acts/mute", cookie, url.Values{"csrf": {csrf}, "reason": {"spam"}, "player": {"7"}, "minutes": {"5"}})
			} else {
				r := httptest.NewRequest("POST", "/api/acts/mute", strings.NewReader(`{"reason":"spam","fields":{"player":"7","minutes":"5"}}`))
				r.Header.Set("Content-Type", "application/json")
				reply, body = g.send(r, cookie, headerCSRF, csrf)
			}
			if (reply.StatusCode == http.StatusOK) != (outcome == operator.Done) || !strings.Contains(body, said) {
				t.Errorf("round %d: %d %s", round, reply.StatusCode, body)
			}
			entries, err := g.Operators.Audit(t.Context(), 0, operator.Filter{Target: "player 7"}, 1)
			if err != nil || len(entries) != 1 {
				t.Fatalf("%+v, %v", entries, err)
			}
			e, did := entries[0], g.public.got[round]
			if e.Operator != "support" || e.Reason != "spam" || e.Outcome != outcome || !strings.HasPrefix(e.Error, said) || !strings.Contains(string(e.Before), `"gold":100`) {
				t.Errorf("audit: %+v", e)
			}
			if did.ID != fmt.Sprint("gm-", e.ID) || did.Author != "support" || string(did.Args) != `{"player":7,"seconds":300}` {
				t.Errorf("command: %+v", did)
			}
		}
	})
}

func TestBroadcastIsPreviewed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		form := url.Values{"csrf": {csrf}, "reason": {"sorry"}, "sender": {"Team"}, "subject": {"Hello"}, "days": {"3"}, "wallet": {"gold 5"}}
		reply, body := g.ask("POST", "/acts/broadcast", cookie, form)
		if reply.StatusCode != http.StatusOK || !strings.Contains(body, "Nothing was done yet") || g.public.got[0].Name != command.Preview {
			t.Fatalf("%d %s", reply.StatusCode, body)
		}
		form.Set("confirmed", "yes")
		if reply, body = g.ask("POST", "/acts/broadcast", cookie, form); reply.StatusCode != http.StatusOK || g.public.got[1].Name != command.Broadcast {
			t.Errorf("%d %s", reply.StatusCode, body)
		}
	})
}

// TestNamesAreText: what a player calls himself is shown, and not run.
func TestNamesAreText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, _ := g.login("viewer", "")
		reply, body := g.ask("GET", "/players?q=7", cookie, nil)
		if strings.Contains(body, "<script>") || !strings.Contains(body, "&lt;script&gt;") {
			t.Error(body)
		}
		if policy := reply.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script") {
			t.Errorf("policy %q", policy)
		}
	})
}

// TestLoginHasNewToken: a cookie that somebody has planted is not the session's.
func TestLoginHasNewToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		first, _ := g.login("viewer", "planted")
		second, csrf := g.login("viewer", first)
		if first == "planted" || second == first {
			t.Errorf("tokens %q, %q", first, second)
		}
		if reply, _ := g.ask("POST", "/logout", second, url.Values{"csrf": {csrf}}); reply.StatusCode != http.StatusSeeOther {
			t.Errorf("logout: %d", reply.StatusCode)
		}
		if reply, _ := g.ask("GET", "/api/nodes", second, nil); reply.StatusCode != http.StatusUnauthorized {
			t.Errorf("after logout: %d", reply.StatusCode)
		}
	})
}

// FuzzAmounts: whatever is typed is amounts, or an error.
func FuzzAmounts(f *testing.F) {
	f.Add("gold 100\npotion -2")
	f.Add("gold")
	f.Fuzz(func(t *testing.T, text string) {
		v := &values{given: map[string]string{"wallet": text}}
		if got := v.amounts("wallet"); v.err() != nil && got != nil {
			t.Errorf("%q is %v and %v", text, got, v.err())
		}
	})
}
