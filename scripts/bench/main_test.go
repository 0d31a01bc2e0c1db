package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"loumiao/scripts/bench/harness"
)

// TestMain lets the test binary be started in a role, as the driver does with its own.
func TestMain(m *testing.M) {
	if was, err := roles().Run(os.Args[1:]); was {
		if err != nil {
			_, _ = io.WriteString(os.Stderr, err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestEveryRoleOfThePlanIsThere(t *testing.T) {
	t.Parallel()
	here := roles()
	for _, f := range plan() {
		for _, c := range f.Contenders {
			for _, name := range slices.Concat(c.Servers, []string{c.Client, c.Idle}) {
				if group, _, _ := strings.Cut(name, "/"); name == "" || binaries[group] != "" {
					continue
				}
				if here.Servers[name] == nil && here.Clients[name] == nil {
					t.Errorf("%s: %s: nobody plays %q", f.Name, c.Name, name)
				}
			}
		}
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-only", "actor"}, {"-for", "0"}, {"-rounds", "0"}, {"-idle", "-1"}, {"rpc"}, {"-nonsense"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	o, err := parse([]string{"-only", "rpc", "-peers", "gRPC,net", "-rows", "1 caller, p50;one-way"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range o.chosen()[0].Contenders {
		names = append(names, c.Name)
	}
	if want := []string{"raw TCP", "ours, function", "ours, actor", "gRPC", "gRPC, tuned", "net/rpc"}; !slices.Equal(names, want) || len(o.chosen()) != 1 || len(o.rows) != 2 {
		t.Errorf("chosen are %q of %d families and rows %q", names, len(o.chosen()), o.rows)
	}
}

func TestRatiosAreThoseOfMedians(t *testing.T) {
	t.Parallel()
	families := []Family{{Name: "f", Rows: []Row{{"fast", "k/s", true}, {"slow", "ns", false}}, Contenders: []Contender{
		{Name: "go", Kind: Limit}, {Name: "us", Kind: Ours}, {Name: "them", Kind: Peer}, {Name: "them, tuned", Kind: Tuned}, {Name: "gone", Kind: Peer},
	}}}
	r := newReport(families, options{turns: 3})
	for contender, values := range map[string][]float64{"go": {9, 10, 400}, "us": {5, 4, 6}, "them": {1, 2, 3}, "them, tuned": {4, 4, 4}} {
		for _, v := range values {
			r.add("f", contender, []harness.Sample{{Row: "fast", Value: v}, {Row: "slow", Value: v}}, nil)
		}
	}
	r.add("f", "gone", nil, errors.New("is not built"))
	r.finish()
	got := map[string][2]float64{}
	for _, row := range r.Families[0].Rows {
		for _, x := range row.Results {
			got[row.Row.Name+" "+x.Contender] = [2]float64{x.OverPeer, x.OverLimit}
		}
	}
	// Of the fast row the best peer has 4, of the slow one 2.
	want := map[string][2]float64{
		"fast go": {2.5, 1}, "fast us": {1.25, 0.5}, "fast them": {0.5, 0.2}, "fast them, tuned": {1, 0.4},
		"slow go": {0.2, 1}, "slow us": {0.4, 2}, "slow them": {1, 5}, "slow them, tuned": {0.5, 2.5},
	}
	for k, w := range want {
		if got[k] != w {
			t.Errorf("%s: %v, want %v", k, got[k], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d results, want %d: %v", len(got), len(want), got)
	}
	var text bytes.Buffer
	if err := r.write(&text); err != nil || !strings.Contains(text.String(), "gone: is not built") {
		t.Errorf("the report does not say who is missing: %v\n%s", err, &text)
	}
}

// One contender of each shape, through real processes: the smallest run that there is.
func TestARun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "out.json")
	var out, log bytes.Buffer
	err := run(context.Background(), []string{"-quick", "-for", "20ms", "-peers", "net/rpc", "-rows", "ask x1;add;64 callers;one-way;100 clients x 16", "-json", file}, &out, &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Families {
		for _, x := range f.Failed {
			t.Errorf("%s: %s: %s", f.Name, x.Contender, x.Reason)
		}
		for _, row := range f.Rows {
			wanted := slices.Contains([]string{"ask x1", "add + stop", "64 callers", "one-way", "100 clients x 16"}, row.Row.Name)
			if wanted != slices.ContainsFunc(row.Results, func(x Result) bool { return x.Kind == Ours && x.Median > 0 }) {
				t.Errorf("%s: %s: %+v", f.Name, row.Row.Name, row.Results)
			}
		}
	}
	if !strings.Contains(out.String(), "| rpc: 64 callers, k/s | ours") {
		t.Errorf("the table is\n%s", &out)
	}
}
