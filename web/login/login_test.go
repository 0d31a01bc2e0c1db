package login

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"loumiao/framework/config"
	"loumiao/framework/fault"
	"loumiao/game/channel"
	"loumiao/game/signin"
	"loumiao/game/store/account"
	"loumiao/game/token"
	"loumiao/web/httpserver"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's pool looks after idle workers in a loop that sleeps 10 s and only then sees that it was stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// fake is the account store, throttle and gates in memory.
type fake struct {
	mu        sync.Mutex
	accounts  map[string]account.ID // by "name/password" or device
	refreshes map[string]account.ID
	sanctions map[account.ID]*account.Sanction
	failures  map[string]int
	gates     map[uint16][]Gate
	calls     []string
	ended     string // a login that was ended
	broken    error  // of Character
	version   string // of the design tables
}

const manyFailures = 3

// arcade is a channel whose tickets say whose they are.
type arcade struct{}

func (arcade) Name() string { return "arcade" }

func (arcade) Verify(_ context.Context, ticket string) (channel.User, error) {
	user, ok := strings.CutPrefix(ticket, "of-")
	if !ok {
		return channel.User{}, channel.ErrTicket
	}
	return channel.User{ID: user}, nil
}

func newFake() *fake {
	return &fake{
		accounts:  map[string]account.ID{"ann/secret-of-ann": 1<<53 + 1, "arcade/eve": 1<<53 + 2},
		refreshes: map[string]account.ID{},
		sanctions: map[account.ID]*account.Sanction{},
		failures:  map[string]int{},
		gates:     map[uint16][]Gate{1: {{TCP: "10.0.0.1:7000", WS: "ws://10.0.0.1:7001/", Capacity: 10}}},
	}
}

func (f *fake) call(format string, args ...any) func() {
	f.mu.Lock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return f.mu.Unlock
}

func (f *fake) Register(_ context.Context, name, password string) (account.ID, error) {
	defer f.call("register %s", name)()
	for known := range f.accounts {
		if strings.HasPrefix(known, name+"/") {
			return 0, fault.New(fault.AlreadyExists, "the name is taken")
		}
	}
	acc := account.ID(100 + len(f.accounts))
	f.accounts[name+"/"+password] = acc
	return acc, nil
}

func (f *fake) Unregister(_ context.Context, acc account.ID) error {
	defer f.call("unregister %d", acc)()
	maps.DeleteFunc(f.accounts, func(_ string, made account.ID) bool { return made == acc })
	return nil
}

func (f *fake) Login(_ context.Context, name, password string) (account.ID, error) {
	defer f.call("login %s", name)()
	if acc, ok := f.accounts[strings.ToLower(name)+"/"+password]; ok {
		return acc, nil
	}
	return 0, fault.New(fault.Unauthenticated, "wrong name or password")
}

func (f *fake) Guest(_ context.Context, device string) (account.ID, error) {
	defer f.call("guest")()
	if len(device) < 16 {
		return 0, fault.New(fault.Invalid, "a device has at least 16 bytes")
	}
	if _, ok := f.accounts[device]; !ok {
		f.accounts[device] = account.ID(100 + len(f.accounts))
	}
	return f.accounts[device], nil
}

func (f *fake) Enter(_ context.Context, identity account.Identity) (account.ID, error) {
	defer f.call("enter %s", identity.Kind)()
	return f.accounts[identity.Kind+"/"+identity.Subject], nil
}

func (f *fake) Character(_ context.Context, acc account.ID, area uint16) (int64, error) {
	defer f.call("character %d %d", acc, area)()
	return int64(acc)*10 + int64(area), f.broken
}

func (f *fake) Sanctioned(_ context.Context, acc account.ID) (*account.Sanction, error) {
	defer f.call("sanctioned %d", acc)()
	return f.sanctions[acc], nil
}

func (f *fake) IssueRefresh(_ context.Context, acc account.ID, _ account.Origin, ttl time.Duration) (string, error) {
	defer f.call("issue %d %s", acc, ttl)()
	next := fmt.Sprintf("r%d.x", len(f.refreshes))
	f.refreshes[next] = acc
	return next, nil
}

// barred keeps out the bearer of one token.
func (f *fake) barred(_ context.Context, bearer token.Claims) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended != "" && bearer.Login == f.ended {
		return fault.New(fault.Unauthenticated, "this login was ended")
	}
	return nil
}

func (*fake) Logins(context.Context, account.ID) ([]account.LoginEntry, error) { return nil, nil }
func (*fake) EndLogin(context.Context, account.ID, string) error               { return nil }
func (*fake) RevokeRefresh(context.Context, account.ID) error                  { return nil }

func (*fake) WayOf(context.Context, string) (string, error) { return "", nil }

func (f *fake) RefreshAccount(context.Context, string) (account.ID, bool, error) {
	return 0, false, nil
}

func (f *fake) UseRefresh(_ context.Context, used string) (account.ID, string, error) {
	defer f.call("use %s", used)()
	acc, ok := f.refreshes[used]
	if !ok {
		return 0, "", fault.New(fault.Unauthenticated, "the refresh token is not valid")
	}
	delete(f.refreshes, used)
	f.refreshes[used+"+"] = acc
	return acc, used + "+", nil
}

func (f *fake) Take(_ context.Context, name, address string) (time.Duration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range []string{name, address} {
		if f.failures[key] >= manyFailures {
			return time.Minute, fault.New(fault.RateLimited, "too many failures")
		}
	}
	f.failures[name]++
	f.failures[address]++
	return 0, nil
}

func (f *fake) Succeeded(_ context.Context, name, address string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures[name]--
	f.failures[address]--
	return nil
}

func (f *fake) Pick(_ context.Context, area uint16, n int) ([]Gate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gates[area][:min(n, len(f.gates[area]))], nil
}

func (f *fake) tables() (string, []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.version, []byte(`{"version":"` + f.version + `"}`)
}

type setup struct {
	*fake
	rules  *signin.Service
	server *httpserver.Server
	client *http.Client
	keys   *token.Verifier
}

func start(t *testing.T, changes ...func(*signin.Deps)) *setup {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := newFake()
	server := httpserver.New(httpserver.Config{Name: "login", Proxies: []string{"127.0.0.1"}}, nil)
	deps := signin.Deps{
		Accounts: f, Throttle: f, Channels: []channel.Channel{arcade{}},
		Tokens: token.NewSigner(private, "k", 5*time.Minute, nil),
		Areas:  []signin.Area{{ID: 1, Name: "First"}, {ID: 2, Name: "Second"}},
	}
	for _, change := range changes {
		change(&deps)
	}
	if err := deps.Validate(); err != nil {
		t.Fatal(err)
	}
	rules := signin.New(deps)
	keys := token.NewVerifier(map[string]ed25519.PublicKey{"k": public}, nil, time.Second)
	identities, _ := deps.Accounts.(signin.Identities) // the fake binds nothing
	New(Deps{Rules: rules, Gates: f, Tokens: keys, Binder: signin.NewBinder(identities, rules), ClientIP: server.ClientIP, Tables: f.tables, Barred: f.barred}).Routes(server.App())
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &setup{
		fake: f, rules: rules, server: server, client: &http.Client{Transport: transport, Timeout: 30 * time.Second},
		keys: keys,
	}
}

// post sends the body and returns the reply, or the code and message of the error.
func (s *setup) post(t *testing.T, path, body string, from ...string) (status int, reply Reply, failure string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.server.Addr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for _, ip := range from {
		req.Header.Set("X-Forwarded-For", ip)
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
	if resp.StatusCode != http.StatusOK {
		var e struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(data, &e); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		return resp.StatusCode, Reply{}, e.Error.Code + ": " + e.Error.Message
	}
	if err := json.Unmarshal(data, &reply); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return resp.StatusCode, reply, ""
}

func TestEveryWayIn(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, tc := range []struct {
		name, path, body string
		account          int64
		area             uint16
	}{
		{"password", "/v1/login", `{"name":"Ann","password":"secret-of-ann","area":1}`, 1<<53 + 1, 1},
		{"default area", "/v1/login", `{"name":"ann","password":"secret-of-ann"}`, 1<<53 + 1, 1},
		{"register", "/v1/register", `{"name":"bob","password":"secret-of-bob","area":1}`, 102, 1},
		{"guest", "/v1/guest", `{"device":"0123456789abcdef","area":1}`, 103, 1},
		{"external", "/v1/external", `{"channel":"arcade","ticket":"of-eve"}`, 1<<53 + 2, 1},
		{"guest again", "/v1/guest", `{"device":"0123456789abcdef"}`, 103, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, reply, failure := s.post(t, tc.path, tc.body)
			if status != 200 {
				t.Fatalf("%d %s", status, failure)
			}
			s.check(t, reply, tc.account, tc.area)

			status, again, failure := s.post(t, "/v1/refresh", `{"refresh":"`+reply.Refresh+`"}`)
			if status != 200 {
				t.Fatalf("refresh: %d %s", status, failure)
			}
			s.check(t, again, tc.account, tc.area)
			if again.Refresh == reply.Refresh || again.Token == reply.Token {
				t.Error("a refresh gave the same token again")
			}
			if status, _, _ := s.post(t, "/v1/refresh", `{"refresh":"`+reply.Refresh+`"}`); status != 401 {
				t.Errorf("a used refresh token: %d", status)
			}
		})
	}
	if got := testutil.CollectAndCount(s.rules.Collector()); got != 6 {
		t.Error("failures are not counted in the metrics")
	}
}

func (s *setup) check(t *testing.T, r Reply, account int64, area uint16) {
	t.Helper()
	if r.Account != account || r.Player != account*10+int64(area) || r.Area != area || r.ExpiresIn != 300 || len(r.Gates) != 1 || r.Gates[0].TCP != "10.0.0.1:7000" {
		t.Errorf("reply is %+v", r)
	}
	c, err := s.keys.Verify(r.Token)
	if err != nil || c.Account != r.Account || c.Player != r.Player || c.Area != area {
		t.Errorf("token says %+v, %v", c, err)
	}
}

func TestIDsAreStrings(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(Reply{Account: 1<<63 - 1, Player: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `"account":"9223372036854775807","player":"1"`) {
		t.Errorf("reply is %s", b)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, path, body string
		prepare          func(*fake)
		status           int
		failure          string
		untouched        bool // the store must not have been asked to change or check anything
	}{
		{"wrong password", "/v1/login", `{"name":"ann","password":"wrong"}`, nil, 401, "unauthenticated: wrong name or password", false},
		{"unknown field", "/v1/login", `{"name":"ann","pass":"x"}`, nil, 400, `invalid: unknown field "pass"`, true},
		{"endless name", "/v1/login", `{"name":"` + strings.Repeat("a", 129) + `","password":"x"}`, nil, 401, "unauthenticated: wrong name or password", true},
		{"name taken", "/v1/register", `{"name":"ann","password":"x"}`, nil, 409, "already_exists: the name is taken", false},
		{"bad device", "/v1/guest", `{"device":"x"}`, nil, 400, "invalid: a device has at least 16 bytes", false},
		{"unknown area", "/v1/guest", `{"device":"0123456789abcdef","area":9}`, nil, 404, "not_found: there is no area 9", true},
		{"area out of range", "/v1/guest", `{"device":"0123456789abcdef","area":65536}`, nil, 400,
			"invalid: the field area must be a JSON whole number in range (uint16)", true},
		{"no gate", "/v1/register", `{"name":"bob","password":"x","area":2}`, nil, 503, "unavailable: no gate is up for area 2", true},
		{"no gate for a refresh", "/v1/refresh", `{"refresh":"2.abc"}`, nil, 503, "unavailable: no gate is up for area 2", true},
		{"forged ticket", "/v1/external", `{"channel":"arcade","ticket":"x"}`, nil, 401,
			"unauthenticated: the channel's ticket is not valid; get a new one", true},
		{"unknown channel", "/v1/external", `{"channel":"moon","ticket":"x"}`, nil, 404, "not_found: there is no such channel", true},
		{"malformed refresh", "/v1/refresh", `{"refresh":"abc"}`, nil, 401, "unauthenticated: the refresh token is malformed", true},
		{"unknown refresh", "/v1/refresh", `{"refresh":"1.abc"}`, nil, 401, "unauthenticated: the refresh token is not valid", false},
		{"sanctioned", "/v1/login", `{"name":"ann","password":"secret-of-ann"}`, func(f *fake) {
			f.sanctions[1<<53+1] = &account.Sanction{Reason: "aimbot", Ends: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		}, 403, "forbidden: this account is blocked until 2026-01-02T03:04:05Z: aimbot", false},
		{"sanctioned for good", "/v1/login", `{"name":"ann","password":"secret-of-ann"}`, func(f *fake) {
			f.sanctions[1<<53+1] = &account.Sanction{Reason: "fraud"}
		}, 403, "forbidden: this account is blocked: fraud", false},
		{"sanctioned with a wrong password", "/v1/login", `{"name":"ann","password":"guess"}`, func(f *fake) {
			f.sanctions[1<<53+1] = &account.Sanction{Reason: "aimbot"}
		}, 401, "unauthenticated: wrong name or password", false},
		{"store is down", "/v1/login", `{"name":"ann","password":"secret-of-ann"}`, func(f *fake) {
			f.broken = errors.New("dial tcp 10.0.0.5: refused")
		}, 500, "internal: internal error", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if tc.prepare != nil {
				tc.prepare(s.fake)
			}
			status, _, failure := s.post(t, tc.path, tc.body)
			if status != tc.status || failure != tc.failure {
				t.Errorf("got %d %s, want %d %s", status, failure, tc.status, tc.failure)
			}
			if tc.untouched && len(s.calls) > 0 {
				t.Errorf("the store was asked: %v", s.calls)
			}
		})
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	s := start(t)
	login := func(name, password, from string) (int, string) {
		status, _, failure := s.post(t, "/v1/login", `{"name":"`+name+`","password":"`+password+`"}`, from)
		return status, failure
	}
	for range 2 * manyFailures {
		if status, failure := login("ann", "secret-of-ann", "203.0.113.1"); status != 200 {
			t.Fatalf("right passwords count: %d %s", status, failure)
		}
	}
	s.broken = errors.New("the store is down")
	for range 2 * manyFailures {
		if status, failure := login("ann", "secret-of-ann", "203.0.113.1"); status != 500 {
			t.Fatalf("our own failures count: %d %s", status, failure)
		}
	}
	s.broken = nil
	for i := range manyFailures { // one address, many names
		if status, _ := login(fmt.Sprint("name", i), "guess", "203.0.113.1"); status != 401 {
			t.Fatalf("guess %d: %d", i, status)
		}
	}
	if status, _ := login("ann", "secret-of-ann", "203.0.113.1"); status != 429 {
		t.Errorf("an address that guessed too often gets %d", status)
	}
	for i := range manyFailures { // one name, many addresses
		if status, _ := login("ann", "guess", fmt.Sprint("203.0.113.", 10+i)); status != 401 {
			t.Fatalf("guess %d: %d", i, status)
		}
	}
	if status, _ := login("ann", "secret-of-ann", "203.0.113.99"); status != 429 {
		t.Errorf("a name that was guessed at too often gets %d", status)
	}
	maps.DeleteFunc(s.failures, func(_ string, n int) bool { return n == 0 })
	want := map[string]int{"203.0.113.1": 3, "ann": 3, "203.0.113.10": 1, "203.0.113.11": 1, "203.0.113.12": 1, "name0": 1, "name1": 1, "name2": 1}
	if !maps.Equal(s.failures, want) {
		t.Errorf("counted %v", s.failures)
	}
	if status, _, _ := s.post(t, "/v1/guest", `{"device":"0123456789abcdef"}`, "203.0.113.1"); status != 200 {
		t.Errorf("a guest from an address that guessed gets %d", status)
	}
}

func TestThrottledSaysHowLong(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.failures["ann"] = manyFailures
	resp, err := s.client.Post("http://"+s.server.Addr()+"/v1/login", "application/json", strings.NewReader(`{"name":"ann","password":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Retry-After"); resp.StatusCode != 429 || got != "60" {
		t.Errorf("status %d, Retry-After %q", resp.StatusCode, got)
	}
}

func TestAreas(t *testing.T) {
	t.Parallel()
	s := start(t)
	resp, err := s.client.Get("http://" + s.server.Addr() + "/v1/areas")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if want := `{"areas":[{"id":1,"name":"First"},{"id":2,"name":"Second"}]}`; string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
}

func TestGatesAreSpreadByLoad(t *testing.T) {
	t.Parallel()
	var up []Gate
	for i := range 10 {
		up = append(up, Gate{TCP: fmt.Sprint("g", i), Sessions: i * 10, Capacity: 100})
	}
	up = append(up, Gate{Capacity: 100}) // nowhere to connect
	s := New(Deps{Gates: GatesFunc(func(context.Context, uint16, int) ([]Gate, error) { return up, nil })})

	first := map[string]int{}
	for range 5000 {
		got, err := s.gates(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != offered || got[0] == got[1] || got[1] == got[2] || got[0] == got[2] || slices.Contains(got, GateAddress{}) {
			t.Fatalf("offered %v", got)
		}
		first[got[0].TCP]++
	}
	// Two choices of ten: the least loaded wins 19 of 100, the most loaded 1 of 100. Far from these is a wrong choice, not bad luck.
	if n := first["g0"]; n < 700 || n > 1200 {
		t.Errorf("the least loaded gate comes first %d times of 5000, want about 950", n)
	}
	if n := first["g9"]; n > 150 {
		t.Errorf("the most loaded gate comes first %d times of 5000, want about 50", n)
	}
}

func TestDepsValidate(t *testing.T) {
	t.Parallel()
	err := Deps{}.Validate()
	for _, what := range []string{"Rules", "Gates", "Tokens", "Binder"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("nothing about %s in %v", what, err)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	cfg := Defaults()
	err := config.Load(&cfg, config.Bytes("game.yaml", []byte("listen: 0.0.0.0:1\nareas: [{id: 3, name: Third}]")), config.Env("X", []string{"X_RATE=0"}))
	if err != nil || cfg.Listen != "0.0.0.0:1" || cfg.Rate != 0 || !slices.Equal(cfg.Areas, []signin.Area{{ID: 3, Name: "Third"}}) {
		t.Errorf("got %+v, %v", cfg, err)
	}
	cfg = Defaults()
	err = config.Load(&cfg, config.Bytes("game.yaml", []byte("listen: nowhere\nareas: [{id: 3}, {id: 3}]")))
	for _, want := range []string{"game.yaml:1: listen: ", "game.yaml:2: areas[1].id: is 3"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
