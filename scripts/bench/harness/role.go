// Package harness is what the binaries of the comparison share: how one is started in a role, how others learn what it has used, and
// the loads that are put on every contender alike.
//
//	driver ── starts ──► "serve plain/echo"      one process a server; answers on a control port what it has used
//	       ── starts ──► "measure plain/rpc"     loads the servers, asks them before and after each row, prints samples
//
// A contender implements [Actors], [Timers], or for what crosses processes a [Server] and either a [DialRPC] or a [DialGate]. What is
// measured, and how, stands here and nowhere else.
package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A Server starts one process's part of a contender, and says where it listens: on loopback, on a port of its own choice.
type Server func(h *Host) (addr string, err error)

// A Client measures a contender: it has e measure rows, each of which may fail by itself. Its own error is why it could not go on.
type Client func(e *Env) error

// Roles are what a binary can be started as, by name.
type Roles struct {
	Servers map[string]Server
	Clients map[string]Client
}

// A Host is what a server is given.
type Host struct {
	// Upstream is where the servers that were started before it listen.
	Upstream []string
	// Handled counts the one-way messages that were handled.
	Handled atomic.Int64
	// Wrong counts what arrived with other contents than were sent.
	Wrong atomic.Int64
}

// Check counts a message whose contents are wrong.
func (h *Host) Check(payload []byte) {
	n := len(payload)
	if n < PayloadSize-2 || n > PayloadSize || string(payload) != Payload[:n] {
		h.Wrong.Add(1)
	}
}

// An Endpoint is a running server.
type Endpoint struct {
	Addr    string // where clients connect
	Control string // where it says what it has used
}

// What a role is started with: "serve" or "measure", its name, and an Env as JSON.
const (
	Serve   = "serve"
	Measure = "measure"
)

// Run runs the role in args and reports whether they are one. A role ends with its standard input, so that none outlives its driver.
func (r Roles) Run(args []string) (was bool, err error) {
	if len(args) != 3 || args[0] != Serve && args[0] != Measure {
		return false, nil
	}
	e := &Env{}
	if err := json.Unmarshal([]byte(args[2]), e); err != nil {
		return true, fmt.Errorf("environment: %w", err)
	}
	stop, err := profile(e.Profile, args[0]+"-"+args[1])
	if err != nil {
		return true, err
	}
	if args[0] == Serve {
		err = r.serve(args[1], e)
	} else {
		err = r.measure(args[1], e)
	}
	return true, errors.Join(err, stop())
}

// profile begins a CPU profile in the folder, which it makes; "" does nothing.
func profile(folder, name string) (stop func() error, err error) {
	if folder == "" {
		return func() error { return nil }, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".pprof"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

func (r Roles) serve(name string, e *Env) error {
	serve, ok := r.Servers[name]
	if !ok {
		return fmt.Errorf("no server %q here", name)
	}
	h := &Host{}
	for _, s := range e.Servers {
		h.Upstream = append(h.Upstream, s.Addr)
	}
	addr, err := serve(h)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	answers := rpc.NewServer()
	if err := answers.Register(&Control{h}); err != nil {
		return err
	}
	go answers.Accept(control)
	if err := json.NewEncoder(os.Stdout).Encode(Endpoint{addr, control.Addr().String()}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func (r Roles) measure(name string, e *Env) error {
	client, ok := r.Clients[name]
	if !ok {
		return fmt.Errorf("no client %q here", name)
	}
	for _, s := range e.Servers {
		control, err := rpc.Dial("tcp", s.Control)
		if err != nil {
			return fmt.Errorf("control port: %w", err)
		}
		e.controls = append(e.controls, control)
	}
	stopped, done := make(chan struct{}), make(chan error, 1)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(stopped)
	}()
	go func() { done <- client(e) }()
	var err error
	select {
	case err = <-done:
	case <-stopped:
		return fmt.Errorf("%s was stopped", name)
	}
	if err == nil {
		var total usage
		if total, err = e.usage(false); err == nil && total.servers.Wrong > 0 {
			err = fmt.Errorf("%d messages arrived with wrong contents", total.servers.Wrong)
		}
	}
	out := Outcome{Samples: e.samples}
	if err := errors.Join(append(e.failed, err)...); err != nil {
		out.Error = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// An Outcome is what a client prints: what it measured, and why rows are missing, if any are.
type Outcome struct {
	Samples []Sample
	Error   string
}

// An Env is what a role is given.
type Env struct {
	// Servers are the contender's servers that run, in the order of their start; clients talk to the last unless the contender says otherwise.
	Servers []Endpoint
	// For is how long each row is measured.
	For time.Duration
	// Idle is how many idle connections or actors are made to see what one costs; 0 leaves those rows out.
	Idle int
	// Rows are the rows that are wanted, by the beginning of their names; none: all.
	Rows []string
	// Profile is a folder to which CPU profiles are written; "": none is taken.
	Profile string

	controls []*rpc.Client
	samples  []Sample
	failed   []error
}

// A Sample is one measurement of one row.
type Sample struct {
	Row    string
	Value  float64 // in the row's unit
	Allocs float64 // per operation, in all processes
	Client float64 // microseconds of CPU time per operation in the process that measures
	Server float64 // the same in all others
}

// wants reports whether a row is to be measured.
func (e *Env) wants(row string) bool {
	return len(e.Rows) == 0 || slices.ContainsFunc(e.Rows, func(r string) bool { return strings.HasPrefix(row, r) })
}

// row measures a row, if it is wanted. Of a row that fails, nothing is kept.
func (e *Env) row(name string, measure func() error) {
	if !e.wants(name) {
		return
	}
	kept := len(e.samples)
	if err := measure(); err != nil {
		e.samples = e.samples[:kept]
		e.failed = append(e.failed, fmt.Errorf("%s: %w", name, err))
	}
}

func (e *Env) record(row string, value float64) {
	e.samples = append(e.samples, Sample{Row: row, Value: value})
}
