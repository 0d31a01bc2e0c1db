package httpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"loumiao/framework/fault"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's pool looks after idle workers in a loop that sleeps 10 s and only then sees that it was stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

const patience = 30 * time.Second

// logBuffer is a log that a test can read.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type server struct {
	*Server
	log    *logBuffer
	client *http.Client
}

func start(t *testing.T, cfg Config, routes func(*fiber.App)) *server {
	t.Helper()
	out := &logBuffer{}
	s := New(cfg, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if routes != nil {
		routes(s.App())
	}
	return serve(t, s, out)
}

// serve starts a server that is made.
func serve(t *testing.T, s *Server, out *logBuffer) *server {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return &server{Server: s, log: out, client: &http.Client{Transport: transport, Timeout: patience}}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) code() string {
	var e errorBody
	_ = json.Unmarshal([]byte(a.body), &e)
	return e.Error.Code
}

func (s *server) do(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	s := start(t, Config{BodyLimit: 1024}, func(app *fiber.App) {
		app.Get("/fault", func(*fiber.Ctx) error { return fault.New(fault.NotFound, "no such mail") })
		app.Get("/plain", func(*fiber.Ctx) error { return errors.New("dial tcp hunter2") })
		app.Get("/panic", func(*fiber.Ctx) error { panic("hunter2") })
		app.Get("/slow", func(c *fiber.Ctx) error { return context.DeadlineExceeded })
		app.Get("/retry", func(c *fiber.Ctx) error {
			return &Retry{After: 90 * time.Second, Err: fault.New(fault.RateLimited, "wait")}
		})
		app.Post("/body", func(c *fiber.Ctx) error { return c.SendStatus(204) })
	})
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"a fault is shown", "GET", "/fault", "", 404, "not_found"},
		{"an error is not", "GET", "/plain", "", 500, "internal"},
		{"a panic neither", "GET", "/panic", "", 500, "internal"},
		{"deadline", "GET", "/slow", "", 504, "deadline"},
		{"retry", "GET", "/retry", "", 429, "rate_limited"},
		{"no route", "GET", "/nowhere", "", 404, "not_found"},
		{"wrong method", "POST", "/fault", "", 405, "unimplemented"},
		{"body too large", "POST", "/body", strings.Repeat("x", 2000), 413, "too_large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := s.do(t, tc.method, tc.path, tc.body)
			if a.status != tc.status || a.code() != tc.code || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, tc.status, tc.code)
			}
			if strings.Contains(a.body, "hunter2") {
				t.Errorf("details are shown: %s", a.body)
			}
			if tc.code == "rate_limited" && a.header.Get("Retry-After") != "90" {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
		})
	}
	log := s.log.String()
	if strings.Count(log, "hunter2") < 2 || !strings.Contains(log, "server_test.go") {
		t.Errorf("details or the stack are not in the log:\n%s", log)
	}
}

func TestBadRequestIsAnswered(t *testing.T) {
	t.Parallel()
	s := start(t, Config{}, nil)
	for name, request := range map[string]string{
		"no HTTP":        "\x16\x03\x01 hello\r\n\r\n",
		"header too big": "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 2*headerLimit) + "\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = conn.Write([]byte(request))
		b, _ := io.ReadAll(conn)
		conn.Close()
		if !bytes.HasPrefix(b, []byte("HTTP/1.1 4")) {
			t.Errorf("%s: answered with %q", name, b)
		}
	}
}

// TestErrorsAsPages: what goes wrong before a handler or in one is a page where one is wanted, with the headers of any answer, and JSON elsewhere.
func TestErrorsAsPages(t *testing.T) {
	t.Parallel()
	made := New(Config{BodyLimit: 10}, nil)
	made.ShowErrors(func(c *fiber.Ctx, said string) (bool, error) {
		if strings.HasPrefix(c.Path(), "/api/") {
			return false, nil
		}
		return true, c.SendString("page: " + said)
	})
	broken := func(*fiber.Ctx) error { return errors.New("a secret") }
	made.App().Get("/broken", broken)
	made.App().Get("/api/broken", broken)
	s := serve(t, made, nil)
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/form", strings.Repeat("x", 11), http.StatusRequestEntityTooLarge, "page: the request is too large"},
		{"POST", "/api/form", strings.Repeat("x", 11), http.StatusRequestEntityTooLarge, `{"error":{"code":"too_large","message":"the request is too large"}}`},
		{"GET", "/broken", "", http.StatusInternalServerError, "page: internal error"},
		{"GET", "/api/broken", "", http.StatusInternalServerError, `{"error":{"code":"internal","message":"internal error"}}`},
		{"GET", "/nothing", "", http.StatusNotFound, "page: nothing is served under this path"},
	} {
		reply := s.do(t, test.method, test.path, test.body)
		if reply.status != test.status || reply.body != test.want || reply.header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s %s: %d %s, %v", test.method, test.path, reply.status, reply.body, reply.header)
		}
	}
}

func TestHeadersAndRequestID(t *testing.T) {
	t.Parallel()
	s := start(t, Config{}, func(app *fiber.App) {
		app.Get("/id", func(c *fiber.Ctx) error { return c.SendString(RequestID(c)) })
	})
	for _, tc := range []struct {
		sent string
		kept bool
	}{{"abc-123", true}, {"", false}, {"a b", false}, {strings.Repeat("x", 65), false}} {
		a := s.do(t, "GET", "/id?token=hunter2", "", "X-Request-Id", tc.sent)
		if got := a.header.Get("X-Request-Id"); got != a.body || got == "" || (got == tc.sent) != tc.kept {
			t.Errorf("sent %q, got %q in the header and %q in the handler", tc.sent, got, a.body)
		}
		for key, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store"} {
			if got := a.header.Get(key); got != want {
				t.Errorf("%s is %q", key, got)
			}
		}
	}
	if log := s.log.String(); !strings.Contains(log, "route=/id") || !strings.Contains(log, "request=abc-123") || strings.Contains(log, "hunter2") {
		t.Errorf("access log:\n%s", log)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var sick error
	s := start(t, Config{Rate: 0.001, Health: func(context.Context) error { return sick }}, nil)
	if a := s.do(t, "GET", "/healthz", ""); a.status != 200 || a.body != `{"status":"ok"}` {
		t.Errorf("healthy: %d %s", a.status, a.body)
	}
	sick = fault.New(fault.ShuttingDown, "draining")
	if a := s.do(t, "GET", "/healthz", ""); a.status != 503 || !strings.Contains(a.body, "draining") {
		t.Errorf("sick: %d %s", a.status, a.body)
	}
}

func TestRateLimitPerAddress(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Rate: 0.01, Burst: 2, Proxies: []string{"127.0.0.1"}}, func(app *fiber.App) {
		app.Get("/", func(c *fiber.Ctx) error { return c.SendStatus(204) })
	})
	for i, want := range []int{204, 204, 429} {
		if a := s.do(t, "GET", "/", "", "X-Forwarded-For", "203.0.113.1"); a.status != want {
			t.Errorf("request %d: %d, want %d", i+1, a.status, want)
		}
	}
	if a := s.do(t, "GET", "/", "", "X-Forwarded-For", "203.0.113.2"); a.status != 204 {
		t.Errorf("another address: %d", a.status)
	}
	for range 3 {
		if a := s.do(t, "GET", "/", ""); a.status != 204 {
			t.Errorf("one's own machine: %d", a.status)
		}
	}
}

func TestClientIP(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		proxies   []string
		forwarded string
		want      string
	}{
		{"no proxy is believed", nil, "203.0.113.9", "127.0.0.1"},
		{"one proxy", []string{"127.0.0.0/8"}, "203.0.113.9", "203.0.113.9"},
		{"what the client wrote is not believed", []string{"127.0.0.1"}, "1.1.1.1, 203.0.113.9", "203.0.113.9"},
		{"two proxies", []string{"127.0.0.1", "10.0.0.0/8"}, "1.1.1.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"},
		{"what the client wrote on a line of its own", []string{"127.0.0.1"}, "1.1.1.1\n203.0.113.9", "203.0.113.9"},
		{"garbage", []string{"127.0.0.1"}, "garbage", "127.0.0.1"},
		{"nothing", []string{"127.0.0.1"}, "", "127.0.0.1"},
		{"mapped", []string{"127.0.0.1"}, "::ffff:203.0.113.9", "203.0.113.9"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var s *server
			ready := make(chan struct{})
			s = start(t, Config{Proxies: tc.proxies}, func(app *fiber.App) {
				app.Get("/", func(c *fiber.Ctx) error { <-ready; return c.SendString(s.ClientIP(c).String()) })
			})
			close(ready)
			var headers []string
			for line := range strings.SplitSeq(tc.forwarded, "\n") {
				headers = append(headers, "X-Forwarded-For", line)
			}
			if a := s.do(t, "GET", "/", "", headers...); a.body != tc.want {
				t.Errorf("got %s, want %s", a.body, tc.want)
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Origins: []string{"https://play.example.com"}}, func(app *fiber.App) {
		app.Post("/", func(c *fiber.Ctx) error { return c.SendStatus(204) })
	})
	for origin, want := range map[string]string{"https://play.example.com": "https://play.example.com", "https://evil.example.com": ""} {
		a := s.do(t, "OPTIONS", "/", "", "Origin", origin, "Access-Control-Request-Method", "POST")
		if got := a.header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("from %s: allowed %q", origin, got)
		}
	}
}

func TestPortTakenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	first := start(t, Config{}, nil)
	second := New(Config{Name: "login", ListenKey: "login.http.listen", Listen: first.Addr()}, nil)
	err := second.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), first.Addr()) || !strings.Contains(err.Error(), "login.http.listen") {
		t.Errorf("got %v", err)
	}
	if err := second.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStopWaitsForRequests(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	s := start(t, Config{}, func(app *fiber.App) {
		app.Get("/", func(c *fiber.Ctx) error {
			close(entered)
			<-release
			return c.SendString("done")
		})
	})
	got := make(chan answer, 1)
	go func() { got <- s.do(t, "GET", "/", "") }()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(context.Background()) }()
	for { // until new connections are refused
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			break
		}
		conn.Close()
	}
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a request in hand: %v", err)
	default:
	}
	close(release)
	if a := <-got; a.status != 200 || a.body != "done" {
		t.Errorf("the request in hand got %d %q", a.status, a.body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStopCutsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	s := New(Config{HandlerTimeout: time.Hour}, nil)
	s.App().Get("/", func(c *fiber.Ctx) error {
		close(entered)
		<-c.UserContext().Done()
		return c.UserContext().Err()
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-entered
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		if err := s.Stop(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if n := s.listener.open(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

func TestHandlerTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, Config{HandlerTimeout: time.Millisecond}, func(app *fiber.App) {
		app.Get("/", func(c *fiber.Ctx) error { <-c.UserContext().Done(); return c.UserContext().Err() })
	})
	if a := s.do(t, "GET", "/", ""); a.status != 504 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, Config{}, nil)
	for _, path := range []string{"/healthz", "/a", "/b"} {
		s.do(t, "GET", path, "")
	}
	if n := testutil.CollectAndCount(s.Collector()); n != 2 {
		t.Errorf("%d series, want one for the health and one for all paths that are none", n)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, body, want string }{
		{"good", `{"name":"a","id":"9007199254740993","area":1}`, ""},
		{"unknown field", `{"nme":"a"}`, `unknown field "nme"`},
		{"wrong type", `{"name":5}`, "the field name must be a JSON string"},
		{"out of range", `{"area":65536}`, "the field area must be a JSON whole number in range (uint16)"},
		{"no object", `[]`, "the body must be a JSON object"},
		{"empty", ``, "the body must not be empty"},
		{"two values", `{}{}`, "the body must be one JSON value"},
		{"cut", `{"name":`, "the body is not valid JSON"},
		{"id as number", `{"id":5}`, "the body is not valid JSON"},
		{"too deep", strings.Repeat("[", 20000), "the body is not valid JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var v struct {
				Name string `json:"name"`
				ID   int64  `json:"id,string"`
				Area uint16 `json:"area"`
			}
			err := DecodeJSON([]byte(tc.body), &v)
			if tc.want == "" {
				if err != nil || v.ID != 9007199254740993 {
					t.Errorf("got %+v, %v", v, err)
				}
				return
			}
			if code, msg := fault.Outside(err); code != fault.Invalid || msg != tc.want {
				t.Errorf("got %s %q, want %q", code, msg, tc.want)
			}
		})
	}
	s := start(t, Config{}, func(app *fiber.App) {
		app.Post("/", func(c *fiber.Ctx) error { return Decode(c, &struct{}{}) })
	})
	for kind, want := range map[string]int{"application/json; charset=utf-8": 200, "text/plain": 400, "": 400} {
		if a := s.do(t, "POST", "/", "{}", "Content-Type", kind); a.status != want {
			t.Errorf("content type %q: %d", kind, a.status)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"name":"a","id":"1","list":[1,2]}`))
	f.Add([]byte(`{"id":"x"}`))
	f.Add([]byte("\xff{"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var v struct {
			Name string   `json:"name"`
			ID   int64    `json:"id,string"`
			List []uint16 `json:"list"`
		}
		if err := DecodeJSON(body, &v); err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Fatalf("code of %v", err)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	err := Config{Listen: "x", BodyLimit: -1, ReadTimeout: -1, Rate: -1, Proxies: []string{"x"}, Origins: []string{"play.example.com", "https://x/"}}.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, key := range []string{"listen", "body_limit", "read_timeout", "rate", "proxies", "origins"} {
		if !strings.Contains(err.Error(), key+": ") {
			t.Errorf("nothing about %s in:\n%v", key, err)
		}
	}
}
