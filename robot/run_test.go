package robot

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

// settings are those of a run that is over when the stack has sent everybody away.
func settings(t testing.TB, login string) Config {
	// What the stack knows: it has no fields, no parties and one session for a player.
	mix := Mix{"arena": 2, "look": 1, "greet": 2, "shop": 2, "pay": 2, "mail": 2, "friends": 2, "ranking": 2}
	return Config{Login: login, Registry: protocol(t), Robots: 1, For: 10 * time.Minute, Seed: 1, Pace: 1000, Mix: mix, rankedIn: 100 * time.Millisecond}
}

func play(t *testing.T, cfg Config) (report *Report, printed string) {
	t.Helper()
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.Print(&text); err != nil {
		t.Fatal(err)
	}
	return report, text.String()
}

func TestAnHonestStack(t *testing.T) {
	t.Parallel()
	s := startStack(t, "")
	cfg := settings(t, s.web.URL)
	cfg.Robots, cfg.JSON, cfg.Charge = 12, 0.5, startShop(t, s)
	events := startKeyPoints(t)
	cfg.Keypoint, cfg.KeypointKey = events.url, events.key
	report, text := play(t, cfg)
	if report.Failed() || report.Interrupted {
		t.Fatal(text)
	}
	for _, step := range report.Funnel {
		if step.Robots != int64(cfg.Robots) {
			t.Errorf("%d of %d robots are %s", step.Robots, cfg.Robots, step.Name)
		}
	}
	for _, i := range report.Invariants {
		if i.Checked == 0 && i.Name != invariantNames[oneSession] || i.Broken != 0 {
			t.Errorf("%+v", i)
		}
	}
	seen := map[string]Operation{}
	for _, o := range report.Operations {
		seen[o.Name] = o
		if o.Errors > 0 && !(o.Name == "match.start" && o.Examples["forbidden: that is enough"] == o.Errors) {
			t.Errorf("%+v", o)
		}
	}
	for _, name := range []string{
		"login.guest", "login.register", "connect", "queue.enter", "queue.wait", "world.enter", "match.start", "match.wait", "zone.join", "match.play",
		"world.ledger", "world.matches", "charge.order", "charge.pay", "charge.delivery",
	} {
		if seen[name].Count == 0 {
			t.Errorf("there was no %s", name)
		}
	}
}

// TestCuts has a stack break every connection again and again: no robot minds, and the report says how long it took them to come back.
func TestCuts(t *testing.T) {
	t.Parallel()
	s := startStack(t, "")
	s.cuts = 4
	cfg := settings(t, s.web.URL)
	cfg.Robots, cfg.JSON = 6, 0.5
	report, text := play(t, cfg)
	if report.Failed() {
		t.Fatal(text)
	}
	resumed := int64(0)
	for _, o := range report.Operations {
		switch {
		case o.Name == "resume":
			resumed = o.Count
			if !o.Waits || o.Max == 0 {
				t.Errorf("%+v", o)
			}
		case o.Name == "match.start":
			continue // sent away
		}
		if o.Errors > 0 {
			t.Errorf("%+v", o)
		}
	}
	if resumed < int64(cfg.Robots) {
		t.Errorf("%d robots have come back %d times", cfg.Robots, resumed)
	}
}

// TestWhereToComeBack is a gate that has not just failed, if there is one.
func TestWhereToComeBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		gates []client.Address
		want  []string
	}{
		"one gate":    {[]client.Address{{TCP: "a"}}, []string{"tcp://a", "tcp://a", "tcp://a"}},
		"two gates":   {[]client.Address{{TCP: "a"}, {TCP: "b"}}, []string{"tcp://b", "tcp://a", "tcp://b"}},
		"three gates": {[]client.Address{{TCP: "a"}, {TCP: "b"}, {TCP: "c"}}, []string{"tcp://b", "tcp://c", "tcp://a"}},
		"a new one":   {[]client.Address{{TCP: "x"}, {TCP: "a"}}, []string{"tcp://x", "tcp://a", "tcp://x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(w).Encode(client.Ticket{Token: "fresh", Gates: test.gates})
			}))
			defer web.Close()
			e := newEntrance(settings(t, web.URL), newTally(t.Context()), 0, client.Login{Base: web.URL, HTTP: web.Client()})
			e.last = "tcp://a"
			e.cfg.Transport = "tcp"
			why := fault.New(fault.Lost, "cut")
			for i, want := range test.want {
				addr, token, err := e.again(t.Context(), i+1, why)
				if addr != want || token != "fresh" || err != nil {
					t.Errorf("attempt %d: %s, %s, %v; want %s", i+1, addr, token, err, want)
				}
			}
			e.resumed(time.Second)
			op := e.tally.operations["resume"]
			if op.errors != int64(len(test.want)-1) || op.latencies.TotalCount() != 1 {
				t.Errorf("counted are %d failures and %d resumes", op.errors, op.latencies.TotalCount())
			}
		})
	}
}

// TestLies has a stack lie once to each of two robots: the run fails, and says what was broken.
func TestLies(t *testing.T) {
	t.Parallel()
	for lie, broken := range map[string]struct {
		invariant invariant
		says      string
	}{
		"a match without asking":                   {oneMatch, "without waiting for one"},
		"a match of others":                        {oneMatch, "which is not his"},
		"a match with a player twice":              {oneMatch, "twice"},
		"a match that has ended":                   {oneMatch, "which has ended"},
		"two matches at once":                      {oneMatch, "and told of match"},
		"an end told twice":                        {oneEnd, "is told twice that match"},
		"money from nowhere":                       {walletIsLedger, "gold were told, and the ledger has"},
		"items from nowhere":                       {walletIsLedger, "1 item:crown were told, and the ledger has 0"},
		"a ledger out of order":                    {walletIsLedger, "should have the newest first"},
		"a reward that was not given":              {rewardOnce, "11 gold were told, and the ledger has 10"},
		"a reward twice":                           {rewardOnce, "10 gold were told, and the ledger has 20"},
		"a match forgotten":                        {historyTold, "is not among his last"},
		"a match told otherwise":                   {historyTold, "and the history has"},
		"a push lost":                              {orderKept, "frame 3 came when 2 was to come"},
		"a push twice":                             {orderKept, "frame 2 came when 3 was to come"},
		"pushes that changed places":               {orderKept, "frame 3 came when 2 was to come"},
		"snapshots backwards":                      {orderKept, "the snapshot of tick 1 comes after that of tick 2"},
		"a simulation that is another one":         {inStep, "the simulation is not the zone's"},
		"a simulation that the zone does not have": {inStep, "the simulation is another one after tick 2"},
		"a simulation with another result":         {inStep, "and the simulation with"},
		"a greeting forgotten":                     {orderKept, "is counted as number"},
		"two answers":                              {orderKept, "is answered, and nobody waits for that"},

		"an order's goods twice":              {orderOnce, "7 gold were told, and the ledger has 14"},
		"an order that is not delivered":      {orderOnce, "7 gold were told, and the ledger has 0"},
		"a day signed in twice":               {doneOnce, "signs in twice on day 20260101"},
		"a day's reward twice":                {doneOnce, "sign_in:20260101 gave or took gold 2 times"},
		"a mail claimed twice":                {mailOnce, "1 gold were told, and the ledger has 4"},
		"a mail claimed after it was deleted": {mailOnce, "1 gold were told, and the ledger has 3"},
		"a mail that is only in the wallet":   {walletIsLedger, "gold were told, and the ledger has"},
		"a mail claimed for nothing":          {mailOnce, "1 gold were told, and the ledger has 0"},
		"a ranking of another":                {rankedAsPlayed, "and the ranking has 1 at place 1"},
		"a purchase twice":                    {doneOnce, "gave or took gold 2 times"},

		"a push lost between connections": {orderKept, "was to come"},
	} {
		t.Run(lie, func(t *testing.T) {
			t.Parallel()
			s := startStack(t, lie)
			if strings.HasSuffix(lie, "between connections") {
				s.cuts = 4
			}
			cfg := settings(t, s.web.URL)
			cfg.Robots, cfg.JSON = 2, 0.5
			if broken.invariant == orderOnce {
				cfg.Charge = startShop(t, s)
			}
			report, text := play(t, cfg)
			if !report.Failed() || !strings.Contains(text, "\nFAILED\n") {
				t.Fatal(text)
			}
			name := invariantNames[broken.invariant]
			if !slices.ContainsFunc(report.Failures, func(f string) bool { return strings.HasPrefix(f, "broken ") && strings.HasSuffix(f, name) }) {
				t.Errorf("the failures do not name %q: %q", name, report.Failures)
			}
			for i, seen := range report.Invariants {
				switch {
				case invariant(i) != broken.invariant && seen.Broken > 0:
					t.Errorf("broken is also: %+v", seen)
				case invariant(i) == broken.invariant && !slices.ContainsFunc(seen.Violations, func(v string) bool { return strings.Contains(v, broken.says) }):
					t.Errorf("it does not say %q: %+v", broken.says, seen)
				}
			}
			if !strings.Contains(text, broken.says) {
				t.Errorf("it is not printed:\n%s", text)
			}
		})
	}
}

// TestNobodyGetsThrough: a run in which no robot comes through a gate has failed, whatever the reason.
func TestNobodyGetsThrough(t *testing.T) {
	t.Parallel()
	refuse := `{"error":{"code":"forbidden","message":"closed for today"}}`
	for name, test := range map[string]struct {
		login http.HandlerFunc
		says  []string
	}{
		"the login web refuses": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(refuse))
		}, []string{"nobody came as far as through a gate; the last error is login.guest: forbidden: closed for today"}},
		"it is no login web": {once(func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) }, refuse), []string{"is this its URL?", "nobody came"}},
		"it is broken":       {once(func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, refuse), []string{"HTTP status 502", "nobody came"}},
		"there is no gate": {once(func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"token":"x","gates":[]}`)) }, refuse),
			[]string{"the login web knows no gate", "nobody came"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewServer(test.login)
			defer web.Close()
			report, text := play(t, settings(t, web.URL))
			if !report.Failed() {
				t.Error("the run is good")
			}
			for _, says := range test.says {
				if !strings.Contains(text, says) {
					t.Errorf("it does not say %q:\n%s", says, text)
				}
			}
		})
	}
	t.Run("the gate refuses", func(t *testing.T) {
		t.Parallel()
		gate := fakegate.Start(t, protocol(t))
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"token":"x","gates":[{"tcp":"` + strings.TrimPrefix(gate.TCP, "tcp://") + `"}]}`))
		}))
		defer web.Close()
		var served sync.WaitGroup
		served.Go(func() { (<-gate.Sessions).Kick(fault.New(fault.Version, "too old")) })
		report, text := play(t, settings(t, web.URL))
		served.Wait()
		if !report.Failed() || !strings.Contains(text, "nobody came as far as through a gate; the last error is connect: version: too old") {
			t.Error(text)
		}
	})
}

// once answers the first request so, and refuses the others, which ends a run.
func once(first func(http.ResponseWriter), refuse string) http.HandlerFunc {
	var again atomic.Bool
	return func(w http.ResponseWriter, _ *http.Request) {
		if !again.Swap(true) {
			first(w)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(refuse))
	}
}

// TestNothingListens gives a run up early, and says what it tried to reach.
func TestNothingListens(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var progress bytes.Buffer
		cfg := settings(t, "http://"+addr)
		cfg.Robots, cfg.For, cfg.Progress = 5, time.Hour, &progress
		began := time.Now()
		report, text := play(t, cfg)
		if took := time.Since(began); took < hopelessAfter || took > hopelessAfter+longestPause {
			t.Errorf("given up after %s", took)
		}
		if !report.Failed() || !strings.Contains(text, "nobody came as far as through a gate; the last error is login.") || !strings.Contains(text, addr) {
			t.Error(text)
		}
		if lines := progress.String(); !strings.Contains(lines, addr) || !strings.Contains(lines, "logged in 0") {
			t.Errorf("the progress is %q", lines)
		}
	})
}

func TestAnInterruptedRun(t *testing.T) {
	t.Parallel()
	gate := fakegate.Start(t, protocol(t))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"token":"x","gates":[{"tcp":"` + strings.TrimPrefix(gate.TCP, "tcp://") + `"}]}`))
	}))
	defer web.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() {
		s := <-gate.Sessions
		_ = s.Open()
		_, _ = s.Expect(wire.Request) // never answered
		cancel()
		for {
			if _, err := s.Read(); err != nil {
				return
			}
		}
	})
	report, err := Run(ctx, settings(t, web.URL))
	served.Wait()
	if err != nil || report.Failed() || !report.Interrupted || report.Requests.Errors != 0 {
		t.Errorf("%v, %+v", err, report)
	}
}

// TestAProfile ends a run when the first robot is through the gate: of a spike, nobody else has come by then.
func TestAProfile(t *testing.T) {
	t.Parallel()
	gate := fakegate.Start(t, protocol(t))
	var logins atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		logins.Add(1)
		_, _ = w.Write([]byte(`{"token":"x","gates":[{"tcp":"` + strings.TrimPrefix(gate.TCP, "tcp://") + `"}]}`))
	}))
	defer web.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() {
		s := <-gate.Sessions
		_ = s.Open()
		_, _ = s.Expect(wire.Request) // never answered
		cancel()
		for {
			if _, err := s.Read(); err != nil {
				return
			}
		}
	})
	cfg := settings(t, web.URL)
	cfg.Robots, cfg.Profile = 10, ProfileSpike
	report, err := Run(ctx, cfg)
	served.Wait()
	if err != nil || !report.Interrupted || report.Funnel[loggedIn].Robots != 1 || logins.Load() != 1 {
		t.Errorf("%v, %d logins, %+v", err, logins.Load(), report)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := settings(t, "http://127.0.0.1:8080")
	for name, test := range map[string]struct {
		change func(*Config)
		says   []string
	}{
		"good":            {func(*Config) {}, nil},
		"https":           {func(c *Config) { c.Login = "https://login.example.com/base" }, nil},
		"no login":        {func(c *Config) { c.Login = "" }, []string{"login:"}},
		"no scheme":       {func(c *Config) { c.Login = "127.0.0.1:8080" }, []string{"login:", "http://host:port"}},
		"another scheme":  {func(c *Config) { c.Login = "ftp://x" }, []string{"login:"}},
		"with a query":    {func(c *Config) { c.Login = "http://x/?y" }, []string{"login:"}},
		"no robots":       {func(c *Config) { c.Robots = 0 }, []string{"robots: 0"}},
		"an army":         {func(c *Config) { c.Robots = 100_001 }, []string{"robots: 100001"}},
		"no time":         {func(c *Config) { c.For = 0 }, []string{"for: 0s"}},
		"a long ramp":     {func(c *Config) { c.Ramp = c.For + 1 }, []string{"ramp:"}},
		"a spike":         {func(c *Config) { c.Profile = ProfileSpike }, nil},
		"no such shape":   {func(c *Config) { c.Profile = "stairs" }, []string{`profile: "stairs"`, "soak, ramp, step or spike"}},
		"no grace":        {func(c *Config) { c.Grace = -1 }, []string{"grace:"}},
		"udp":             {func(c *Config) { c.Transport = "udp" }, []string{`transport: "udp"`}},
		"too fast":        {func(c *Config) { c.Rate = 10_001 }, []string{"rate: 10001"}},
		"backwards":       {func(c *Config) { c.Rate = -1 }, []string{"rate: -1"}},
		"no rate":         {func(c *Config) { c.Rate = math.NaN() }, []string{"rate: NaN"}},
		"two models":      {func(c *Config) { c.Rate, c.Profile = 1, ProfileSpike }, []string{`profile: "spike"; with a rate`}},
		"more than all":   {func(c *Config) { c.JSON = 1.1 }, []string{"json: 1.1"}},
		"a negative pace": {func(c *Config) { c.Pace = -1 }, []string{"pace: -1"}},
		"no key":          {func(c *Config) { c.Keypoint = "http://127.0.0.1:1" }, []string{"keypoint:", "belong together"}},
		"nowhere to tell": {func(c *Config) { c.KeypointKey = "key" }, []string{"keypoint:", "belong together"}},
		"a bad keypoint":  {func(c *Config) { c.Keypoint, c.KeypointKey = "127.0.0.1:1", "key" }, []string{`keypoint: "127.0.0.1:1"`}},
		"several":         {func(c *Config) { c.Registry, c.Robots, c.For = nil, -1, 0 }, []string{"registry:", "robots:", "for:"}},
	} {
		cfg := good
		test.change(&cfg)
		err := cfg.Validate()
		if (err == nil) != (test.says == nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, says := range test.says {
			if err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v does not say %q", name, err, says)
			}
		}
		if err != nil {
			if report, again := Run(t.Context(), cfg); report != nil || again == nil {
				t.Errorf("%s runs", name)
			}
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	both, tcp, ws := client.Address{TCP: "h:1", WS: "ws://h:2"}, client.Address{TCP: "h:1"}, client.Address{WS: "ws://h:2"}
	for _, test := range []struct {
		transport string
		number    int
		misses    int
		gates     []client.Address
		want      string // "": an error
	}{
		{"tcp", 1, 0, []client.Address{both}, "tcp://h:1"},
		{"ws", 0, 0, []client.Address{both}, "ws://h:2"},
		{"mix", 0, 0, []client.Address{both}, "tcp://h:1"},
		{"mix", 1, 0, []client.Address{both}, "ws://h:2"},
		{"mix", 1, 0, []client.Address{tcp}, "tcp://h:1"},
		{"mix", 0, 0, []client.Address{ws}, "ws://h:2"},
		{"tcp", 0, 0, []client.Address{ws}, ""},
		{"ws", 0, 0, []client.Address{tcp}, ""},
		{"mix", 0, 0, []client.Address{{}}, ""},
		{"mix", 0, 0, nil, ""},
		{"mix", 0, 3, []client.Address{both, ws}, "ws://h:2"}, // after failures the next
	} {
		e := &entrance{cfg: Config{Transport: test.transport}, number: test.number}
		if got, err := e.choose(test.gates, test.misses); got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%+v: %q, %v", test, got, err)
		}
	}
}
