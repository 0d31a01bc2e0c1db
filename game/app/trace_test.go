package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"loumiao/game/pb"
)

// A tracedSpan is a span as a collector sees it.
type tracedSpan struct {
	Service          string
	Trace            string `json:"traceId"`
	ID               string `json:"spanId"`
	Parent           string `json:"parentSpanId"`
	Name             string
	Start            string `json:"startTimeUnixNano"`
	End              string `json:"endTimeUnixNano"`
	AttributesOfSpan []struct {
		Key   string
		Value struct{ StringValue string }
	} `json:"attributes"`
}

// A traceCollector is what traces are sent to.
type traceCollector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []tracedSpan
}

func newTraceCollector(t *testing.T) *traceCollector {
	c := &traceCollector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct {
			ResourceSpans []struct {
				Resource struct {
					Attributes []struct {
						Key   string
						Value struct{ StringValue string }
					}
				}
				ScopeSpans []struct{ Spans []tracedSpan }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, rs := range body.ResourceSpans {
			service := ""
			for _, a := range rs.Resource.Attributes {
				if a.Key == "service.name" {
					service = a.Value.StringValue
				}
			}
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					s.Service = service
					c.spans = append(c.spans, s)
				}
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// paths is the ways from the first span of a trace down to each span, as "gate Enter > world Enter > ...".
func (c *traceCollector) paths(t *testing.T) (all []string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	byID := map[string]tracedSpan{}
	for _, s := range c.spans {
		if _, twice := byID[s.ID]; twice || s.Start > s.End {
			t.Errorf("span %+v came twice, or ended before it began", s)
		}
		byID[s.ID] = s
	}
	for _, s := range c.spans {
		way := []string{s.Service + " " + s.Name}
		for at := s; at.Parent != ""; {
			parent, ok := byID[at.Parent]
			if !ok || parent.Trace != s.Trace {
				t.Fatalf("span %+v has no parent in its trace", at)
			}
			at = parent
			way = append(way, at.Service+" "+at.Name)
		}
		slices.Reverse(way)
		all = append(all, strings.Join(way, " > "))
	}
	return all
}

// TestTracedStack follows a client's message from the gate to the statements that it causes, in one trace, all of which has arrived when the stack has stopped.
func TestTracedStack(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	c := newTraceCollector(t)
	s := &stack{dir: t.TempDir(), config: configFile(t, quick), environ: []string{"GAME_TRACE_ENDPOINT=" + c.URL, "GAME_TRACE_SAMPLE=1"}}
	s.up(t)
	p := s.connect(t, "traced", false)
	p.enter()
	ask[*pb.GreetReply](p, &pb.Greet{Greeting: "Hello, I am secret"})
	s.stop(t)

	paths := c.paths(t)
	for _, want := range []string{
		"gate game.EnterQueue > queue game.EnterQueue > ",
		"gate game.Greet > world game.Greet > world pb.Greet",
		"gate game.EnterWorld > world game.EnterWorld > world pb.EnterWorld > ",
		" > world db.LoadPlayer > db db.LoadPlayer > db sql transaction > db sql",
		" > world redis",
	} {
		if !slices.ContainsFunc(paths, func(path string) bool { return strings.Contains(path, want) }) {
			t.Errorf("no span on the way %q", want)
		}
	}
	sql := 0
	for i, span := range c.spans {
		if !strings.HasPrefix(paths[i], "gate game.") {
			t.Errorf("a trace that no client began: %s", paths[i])
		}
		for _, a := range span.AttributesOfSpan {
			if strings.Contains(a.Value.StringValue, "secret") {
				t.Errorf("what a player wrote is in %s", paths[i])
			}
			if a.Key == "db.query.text" && strings.Contains(a.Value.StringValue, "players") {
				sql++
			}
		}
	}
	if sql == 0 {
		t.Error("no statement on the table of players")
	}
	if t.Failed() {
		t.Logf("all:\n%s", strings.Join(paths, "\n"))
	}
}
