package otlp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/fault"
	"loumiao/framework/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A collector keeps what it is sent.
type collector struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
	raw      []string
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var req request
		if err == nil {
			err = json.Unmarshal(body, &req)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("request %s %s: %v", r.URL, r.Header, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests = append(c.requests, req)
		c.raw = append(c.raw, string(body))
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) spans() (all []span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests {
		for _, rs := range r.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				all = append(all, ss.Spans...)
			}
		}
	}
	return all
}

func open(t *testing.T, cfg Config) (trace.Tracer, func(context.Context) error) {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s.Open("world", 7)
}

func TestSpansReachTheCollectorWhenTheNodeStops(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	tracer, stop := open(t, Config{Endpoint: c.URL + "/", Sample: 1, Version: "v1"})
	first := tracer.Begin(trace.Producer, "Greet")
	next := tracer.Continue(first.Ref(), trace.Server, "Greet")
	sql := next.Child(trace.Client, "sql")
	sql.Set("db.query.text", strings.Repeat("x", 2*maxText))
	sql.SetInt("rows", 1<<60)
	sql.End(fault.Wrap(errors.New("the password is hunter2"), fault.NotFound, "no such player hunter2"))
	next.End(nil)
	first.End(nil)
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	byName := map[string]span{}
	for _, s := range c.spans() {
		byName[s.Name+"/"+s.Parent] = s
	}
	root := byName["Greet/"]
	server := byName["Greet/"+root.ID]
	leaf := byName["sql/"+server.ID]
	if len(byName) != 3 || leaf.ID == "" || root.Trace != leaf.Trace || len(root.Trace) != 32 || len(root.ID) != 16 || root.Trace != first.Ref().String() {
		t.Fatalf("spans are %+v", byName)
	}
	if root.Kind != 4 || server.Kind != 2 || leaf.Kind != 3 {
		t.Errorf("kinds are %d, %d, %d", root.Kind, server.Kind, leaf.Kind)
	}
	if root.Status != nil || leaf.Status == nil || leaf.Status.Code != statusError || leaf.Status.Message != "not_found" {
		t.Errorf("statuses are %v and %v", root.Status, leaf.Status)
	}
	if leaf.Start > leaf.End || leaf.Start < root.Start {
		t.Errorf("from %s to %s, in one from %s", leaf.Start, leaf.End, root.Start)
	}
	raw := strings.Join(c.raw, "")
	for _, want := range []string{`"service.name","value":{"stringValue":"world"}`, `"service.instance.id","value":{"intValue":"7"}`, `"rows","value":{"intValue":"1152921504606846976"}`} {
		if !strings.Contains(raw, want) {
			t.Errorf("%s is missing in\n%s", want, raw)
		}
	}
	if strings.Contains(raw, "hunter2") || strings.Contains(raw, strings.Repeat("x", maxText+1)) {
		t.Errorf("too much is told:\n%s", raw)
	}
}

func TestOnlyAPartIsTraced(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	for part, want := range map[float64][2]int{0: {0, 0}, 0.5: {400, 600}, 1: {1000, 1000}} {
		tracer, stop := open(t, Config{Endpoint: c.URL, Sample: part})
		n := 0
		for range 1000 {
			if s := tracer.Begin(trace.Server, "x"); !s.IsZero() {
				n++
				s.End(nil)
			}
		}
		if n < want[0] || n > want[1] {
			t.Errorf("%v of 1000: %d", part, n)
		}
		_ = stop(t.Context())
	}
}

// patience is far more than anything takes here, and less than waiting for a collector that never answers would: that is sendTimeout for each batch.
const patience = 30 * time.Second

// A collector that takes connections and says nothing, and one that is not there, hold up nobody; what cannot be sent is dropped, and the log says so, without the password.
func TestACollectorThatIsAwaySlowsNobody(t *testing.T) {
	t.Parallel()
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for name, addr := range map[string]string{"deaf": deaf.Addr().String(), "gone": gone.Addr().String()} {
		var log lines
		tracer, stop := open(t, Config{Endpoint: "http://user:hunter2@" + addr, Sample: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
		const many = 5 * queueSpans
		begun := time.Now()
		for range many {
			tracer.Begin(trace.Server, "x").End(nil)
		}
		if took := time.Since(begun); took > patience {
			t.Errorf("%s: %d spans took %v", name, many, took)
		}
		begun = time.Now()
		_ = stop(context.Background())
		if took := time.Since(begun); took > patience {
			t.Errorf("%s: stopping took %v", name, took)
		}
		if text := log.String(); strings.Contains(text, "hunter2") || name == "gone" && strings.Count(text, "traces are lost") != 1 {
			t.Errorf("%s: logged %q", name, text)
		}
	}
}

type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{{Endpoint: ""}, {Endpoint: "127.0.0.1:4318"}, {Endpoint: "ftp://x"}, {Endpoint: "http://x", Sample: 1.1}, {Endpoint: "http://x", Sample: -1}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
