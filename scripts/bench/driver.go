package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"loumiao/scripts/bench/harness"
)

const (
	startLimit = 20 * time.Second // for a server to say that it is there
	stopLimit  = 2 * time.Second  // for a process to end by itself
	rowLimit   = 20               // times the length of a row that a client may take for each of its rows, and
	slack      = 60 * time.Second // so much besides
)

// A driver starts contenders' processes and takes what they measure.
type driver struct {
	options
	self, dir string // this binary, and where the others are
	log       io.Writer
}

// rounds has all contenders measured in turn, as often as is wanted, or until ctx ends.
func (d *driver) rounds(ctx context.Context, families []Family, report *Report) {
	for round := range d.turns {
		for _, f := range families {
			for _, c := range f.Contenders {
				start := time.Now()
				samples, err := d.measure(ctx, c, round == 0)
				if ctx.Err() != nil {
					return
				}
				fmt.Fprintf(d.log, "round %d of %d: %s: %s (%.1fs)\n", round+1, d.turns, f.Name, c.Name, time.Since(start).Seconds())
				if err != nil {
					fmt.Fprintf(d.log, "  %v\n", err)
				}
				report.add(f.Name, c.Name, samples, err)
			}
		}
	}
}

// measure has all rows of a contender measured once. With idle, those of memory too, which differ little from round to round.
func (d *driver) measure(ctx context.Context, c Contender, idle bool) ([]harness.Sample, error) {
	count := 0
	if idle {
		count = d.idle
	}
	samples, err := d.session(ctx, c.Servers, c.Client, count)
	if err != nil || c.Idle == "" || count == 0 {
		return samples, err
	}
	more, err := d.session(ctx, c.Servers, c.Idle, count)
	return append(samples, more...), err
}

// session starts the servers, has the client measure, and ends them all.
func (d *driver) session(ctx context.Context, servers []string, client string, idle int) ([]harness.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, 8*rowLimit*d.length+slack)
	defer cancel()
	env := harness.Env{For: d.length, Idle: idle, Rows: d.rows, Profile: d.profile}
	for _, name := range servers {
		p, err := d.start(ctx, harness.Serve, name, env)
		if err != nil {
			return nil, err
		}
		defer p.stop()
		var at harness.Endpoint
		if err := p.read(startLimit, &at); err != nil {
			return nil, fmt.Errorf("server %s: %w", name, err)
		}
		env.Servers = append(env.Servers, at)
	}
	p, err := d.start(ctx, harness.Measure, client, env)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	var out harness.Outcome
	if err := p.read(8*rowLimit*d.length+slack, &out); err != nil {
		return nil, fmt.Errorf("client %s: %w", client, err)
	}
	if out.Error != "" {
		err = errors.New(out.Error)
	}
	return out.Samples, err
}

// A process is a role that runs.
type process struct {
	cmd    *exec.Cmd
	in     io.Closer
	out    *bufio.Reader
	errors *tail
}

var errNotBuilt = errors.New("its binary is not there: left out")

// start starts a role. It ends when its standard input does: at stop, or with this process, however that ends.
func (d *driver) start(ctx context.Context, verb, name string, env harness.Env) (*process, error) {
	argument, err := json.Marshal(env)
	if err != nil {
		return nil, err
	}
	binary := d.self
	if group, _, _ := strings.Cut(name, "/"); binaries[group] != "" {
		binary = filepath.Join(d.dir, binaries[group])
	}
	cmd := exec.CommandContext(ctx, binary, verb, name, string(argument))
	p := &process{cmd: cmd, errors: &tail{}}
	cmd.Stderr = p.errors
	cmd.WaitDelay = stopLimit
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || strings.Contains(err.Error(), "no such file") {
			err = errNotBuilt
		}
		return nil, err
	}
	return p, nil
}

// read reads what the process prints: one line of JSON.
func (p *process) read(limit time.Duration, into any) error {
	timer := time.AfterFunc(limit, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	for {
		line, err := p.out.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("it ended, or hung, without a word: %s", p.errors)
		}
		if len(line) > 0 && line[0] == '{' { // some libraries print what they do
			return json.Unmarshal(line, into)
		}
	}
}

// stop ends the process and waits for that.
func (p *process) stop() {
	p.in.Close()
	timer := time.AfterFunc(stopLimit, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_, _ = io.Copy(io.Discard, p.out)
	_ = p.cmd.Wait()
}

// A tail keeps the end of what is written to it.
type tail struct{ text []byte }

const tailSize = 600 // bytes

func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-tailSize):]
	return len(b), nil
}

func (t *tail) String() string { return string(t.text) }
