package rpc

import (
	"context"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"loumiao/framework/fault"
)

func panics(t *testing.T, want string, fn func()) {
	t.Helper()
	defer func() {
		if got, _ := recover().(string); !strings.Contains(got, want) {
			t.Errorf("panic %q, want ...%q", got, want)
		}
	}()
	fn()
}

func TestProgrammersErrors(t *testing.T) {
	t.Parallel()
	caller, _ := pair(t)
	handler := func(_ context.Context, m *text) (*text, error) { return m, nil }
	HandleFunc(caller, echo, handler)
	panics(t, "echo.Echo is served twice", func() { HandleFunc(caller, echo, handler) })
	for _, name := range []string{"", "echo", ".Echo", "echo."} {
		panics(t, "not of the form", func() { Method[*text, *text](name) })
	}
	one, other := Method[*text, *text]("x.costarring"), Method[*text, *text]("x.liquid")
	other.method.hash = one.hash // as two names in four billion have
	HandleFunc(caller, one, handler)
	panics(t, "x.liquid and x.costarring have the same hash", func() { HandleFunc(caller, other, handler) })
}

func TestConfigReportsEverything(t *testing.T) {
	t.Parallel()
	err := Config{CallTimeout: -1, MaxInFlight: 1 << 20}.Validate()
	for _, field := range []string{"Self", "View", "CallTimeout", "MaxInFlight"} {
		if err == nil || !strings.Contains(err.Error(), "rpc: "+field) {
			t.Errorf("%s is not reported", field)
		}
	}
}

func TestCollector(t *testing.T) {
	t.Parallel()
	caller, callee := pair(t)
	HandleFunc(callee, echo, func(_ context.Context, m *text) (*text, error) {
		if m.Value == "bad" {
			return nil, fault.New(fault.NotFound, "bad")
		}
		return m, nil
	})
	for _, v := range []string{"good", "good", "bad"} {
		_, _ = echo.Call(t.Context(), caller.rpc, &text{Value: v}, Any)
	}
	_ = echo.Send(t.Context(), caller.rpc, &text{}, Any)
	eventually(t, "four handled", func() bool { return count(t, callee.rpc, "rpc_handled_total", "") == 4 })
	for name, tt := range map[string]struct {
		of   *RPC
		code string
		want float64
	}{
		"rpc_calls_total":   {caller.rpc, "ok", 2},
		"rpc_sends_total":   {caller.rpc, "ok", 1},
		"rpc_handled_total": {callee.rpc, "not_found", 1},
		"rpc_links":         {caller.rpc, "", 1},
	} {
		if got := count(t, tt.of, name, tt.code); got != tt.want {
			t.Errorf("%s{%s} is %v, want %v", name, tt.code, got, tt.want)
		}
	}
}

// count adds up the metric's values with the code; "" is every code.
func count(t *testing.T, r *RPC, name, code string) (sum float64) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(r.Collector())
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			match := code == ""
			for _, l := range m.GetLabel() {
				match = match || l.GetName() == "code" && l.GetValue() == code
			}
			if match {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
