// Bench measures this framework beside other libraries that do the same, in one run and in turn, and prints how they compare. It starts
// itself again for every role that takes a process: see package harness. README.md says what is compared and how to read it.
//
//	go build -o out/bench . && (cd protoactor && go build -o ../out/bench-protoactor .) && (cd pitaya && go build -o ../out/bench-pitaya .)
//	out/bench -only rpc -peers net/rpc,gRPC
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	was, err := roles().Run(os.Args[1:])
	if !was {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	only, peers, rows []string // empty: all
	length, limit     time.Duration
	turns             int
	idle              int
	json, profile     string
}

func parse(args []string, stderr io.Writer) (options, error) {
	o := options{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	only := f.String("only", "", "families to measure, comma-separated: actors, timers, rpc, gate, through")
	names := f.String("peers", "", "contenders to measure beside ours and plain Go, by the beginning of their names, comma-separated; \"none\": no others")
	rows := f.String("rows", "", "rows to measure, by the beginning of their names, separated by semicolons")
	f.DurationVar(&o.length, "for", time.Second, "how long each row of a contender is measured in each round")
	f.IntVar(&o.turns, "rounds", 3, "how often all of them are measured in turn")
	f.DurationVar(&o.limit, "limit", 30*time.Minute, "when to end in any case, with what was measured until then")
	f.IntVar(&o.idle, "idle", 10_000, "how many idle connections and actors are made to see what one costs; 0: none")
	f.StringVar(&o.json, "json", "", "a file to write all samples and medians to, as JSON")
	f.StringVar(&o.profile, "profile", "", "a folder to write a CPU profile of every process to, for go tool pprof; later rounds replace earlier ones")
	quick := f.Bool("quick", false, "-for 100ms -rounds 1 -idle 500: whether all of it runs, not how fast it is")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if *quick {
		o.length, o.turns, o.idle = 100*time.Millisecond, 1, 500
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("what is %q? all that can be said is said with flags", f.Arg(0))
	}
	if o.length < 10*time.Millisecond || o.length > time.Minute || o.turns < 1 || o.turns > 100 || o.idle < 0 || o.idle > 1_000_000 {
		return o, fmt.Errorf("-for is 10ms to 1m, -rounds 1 to 100, -idle 0 to 1,000,000")
	}
	list := func(s, separator string) []string {
		return slices.DeleteFunc(strings.Split(s, separator), func(s string) bool { return s == "" })
	}
	o.only, o.peers, o.rows = list(*only, ","), list(*names, ","), list(*rows, ";")
	for _, name := range o.only {
		if !slices.ContainsFunc(plan(), func(f Family) bool { return f.Name == name }) {
			return o, fmt.Errorf("-only: there is no family %q", name)
		}
	}
	return o, nil
}

// chosen is the part of the plan that is wanted.
func (o options) chosen() []Family {
	families := slices.DeleteFunc(plan(), func(f Family) bool { return len(o.only) > 0 && !slices.Contains(o.only, f.Name) })
	for i := range families {
		families[i].Contenders = slices.DeleteFunc(families[i].Contenders, func(c Contender) bool {
			if c.Kind == Ours || c.Kind == Limit || len(o.peers) == 0 {
				return false
			}
			return !slices.ContainsFunc(o.peers, func(p string) bool { return strings.HasPrefix(c.Name, p) })
		})
	}
	return families
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	d := &driver{options: o, self: self, dir: filepath.Dir(self), log: stderr}
	families := o.chosen()
	report := newReport(families, o)
	ctx, cancel := context.WithTimeoutCause(ctx, o.limit, fmt.Errorf("not all was measured in %v, which is the -limit", o.limit))
	defer cancel()
	d.rounds(ctx, families, report)
	report.finish()
	if o.json != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if err := report.write(stdout); err != nil {
		return err
	}
	return errors.Join(context.Cause(ctx), report.oursFailed())
}
