package pod

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// envChild makes this test binary a child process that behaves as its value says.
const envChild = "LOUMIAO_TEST_CHILD"

func TestMain(m *testing.M) {
	if behaviour := os.Getenv(envChild); behaviour != "" {
		os.Exit(beChild(behaviour))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe")) // it ends after Shutdown, which does not wait for it
}

// beChild is the child's side.
func beChild(behaviour string) int {
	fmt.Println("started", strings.Join(os.Args[1:], " "))
	switch behaviour {
	case "obedient":
		stopped := make(chan struct{})
		go WatchParent(os.Stdin, func() { close(stopped) }, stopped, time.Minute)
		<-stopped
		fmt.Fprint(os.Stderr, "stopped") // no end of line
		return 0
	case "talks": // while it stops, when nobody may listen any more
		stopped := make(chan struct{})
		go WatchParent(os.Stdin, func() { close(stopped) }, stopped, time.Minute)
		<-stopped
		fmt.Fprintln(os.Stderr, "stopping")
		return 5
	case "orphan": // stuck when it is to stop
		WatchParent(os.Stdin, func() {}, nil, time.Millisecond)
		return 0
	case "stubborn":
		for { // an empty select would end with the runtime's word that all goroutines sleep
			time.Sleep(time.Hour)
		}
	case "fails":
		return 3
	case "leaves":
		return 0
	case "long":
		fmt.Println(strings.Repeat("x", 3*maxLine-1))
		return 3
	default:
		return 4
	}
}

// lines takes what children print. It fails on writes that are not whole lines.
type lines struct {
	t    *testing.T
	mu   sync.Mutex
	text bytes.Buffer
	seen chan string // each line
}

func newLines(t *testing.T) *lines { return &lines{t: t, seen: make(chan string, 100)} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !bytes.HasSuffix(p, []byte("\n")) {
		l.t.Errorf("%q is written, which is no line", p)
	}
	for scan := bufio.NewScanner(bytes.NewReader(p)); scan.Scan(); {
		l.seen <- scan.Text()
	}
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// next waits for a line.
func (l *lines) next() string {
	l.t.Helper()
	select {
	case line := <-l.seen:
		return line
	case <-time.After(time.Minute):
		l.t.Fatal("the child prints nothing")
		return ""
	}
}

// newLife is a life that tells nobody.
func newLife() *Life { return &Life{newChild(Spec{Type: "world", ID: 1})} }

// processes runs this test binary with the behaviour.
func processes(t *testing.T, behaviour string, grace time.Duration, out io.Writer) (p *Processes, released *int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	released = new(int)
	return &Processes{
		Command: func(spec Spec, seeds []string) (argv, env []string) {
			return append([]string{self, spec.Type}, seeds...), append(os.Environ(), envChild+"="+behaviour)
		},
		Released: func(Spec, int) { *released++ },
		Output:   out,
		Grace:    grace,
	}, released
}

func TestProcessStops(t *testing.T) {
	t.Parallel()
	out := newLines(t)
	p, released := processes(t, "obedient", time.Minute, out)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	life := newLife()
	go func() { ended <- p.Run(ctx, Spec{Type: "world", ID: 1}, []string{"one", "two"}, life) }()
	if line := out.next(); line != "started world one two" {
		t.Errorf("the child prints %q", line)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("a child that stopped when asked to: %v", err)
	}
	if kept := life.child.log.last(0); !slices.Equal(kept, []string{"started world one two", "stopped"}) || life.child.pid == 0 {
		t.Errorf("kept of process %d: %q", life.child.pid, kept)
	}
	if text := out.String(); !strings.HasSuffix(text, "\nstopped\n") {
		t.Errorf("the output is %q; the last line must be there, and end", text)
	}
	if *released != 1 {
		t.Errorf("released %d times", *released)
	}
}

func TestProcessIsKilled(t *testing.T) {
	t.Parallel()
	out := newLines(t)
	p, released := processes(t, "stubborn", 100*time.Millisecond, out)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx, Spec{Type: "world", ID: 1}, nil, newLife()) }()
	out.next()
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("a child that did not stop: %v", err)
	}
	if *released != 1 {
		t.Errorf("released %d times", *released)
	}
}

// TestOrphanEnds has a child not end that is told to: it ends its process by itself, long before anybody would kill it.
func TestOrphanEnds(t *testing.T) {
	t.Parallel()
	out := newLines(t)
	p, _ := processes(t, "orphan", time.Hour, out)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx, Spec{Type: "world", ID: 1}, nil, newLife()) }()
	out.next()
	cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it ended in good order")
		}
	case <-time.After(time.Minute):
		t.Fatal("the child does not end")
	}
}

// TestOrphanStopsInOrder has a child's pod die, and with it whoever reads what it prints: it stops in order all the same.
func TestOrphanStopsInOrder(t *testing.T) {
	t.Parallel()
	p, _ := processes(t, "talks", 0, nil)
	argv, env := p.Command(Spec{Type: "world"}, nil)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = env
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close() // the child has its own
	if line, err := bufio.NewReader(read).ReadString('\n'); line != "started world\n" {
		t.Errorf("the child prints %q, %v", line, err)
	}
	_ = read.Close()
	_ = stdin.Close()
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("the child ended with %v; want what it returns when it stops in order", err)
	}
}

func TestProcessEndsByItself(t *testing.T) {
	t.Parallel()
	for behaviour, want := range map[string]string{"fails": "exit status 3", "leaves": "without being asked"} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			p, released := processes(t, behaviour, time.Minute, newLines(t))
			if err := p.Run(t.Context(), Spec{Type: "world"}, nil, newLife()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v; want %q", err, want)
			}
			if *released != 1 {
				t.Errorf("released %d times", *released)
			}
		})
	}
}

func TestProcessCannotStart(t *testing.T) {
	t.Parallel()
	p := &Processes{
		Command:  func(Spec, []string) (argv, env []string) { return []string{"/no/such/program"}, nil },
		Released: func(Spec, int) { t.Error("released, though it was never started") },
		Output:   newLines(t),
	}
	if err := p.Run(t.Context(), Spec{Type: "world"}, nil, newLife()); err == nil || !strings.Contains(err.Error(), "start world") {
		t.Errorf("the error is %v", err)
	}
}

// TestLongLine bounds what is kept of a line that does not end.
func TestLongLine(t *testing.T) {
	t.Parallel()
	out := newLines(t)
	p, _ := processes(t, "long", time.Minute, out)
	if err := p.Run(t.Context(), Spec{Type: "world"}, nil, newLife()); err == nil {
		t.Error("no error")
	}
	if text := out.String(); strings.Count(text, "x") != 3*maxLine-1 || strings.Count(text, "\n") != 4 {
		t.Errorf("%d characters in %d lines", strings.Count(text, "x"), strings.Count(text, "\n"))
	}
}

// TestManyChildren has several children's lines come whole.
func TestManyChildren(t *testing.T) {
	t.Parallel()
	out := newLines(t)
	p, _ := processes(t, "obedient", time.Minute, out)
	p.Released = func(Spec, int) {}
	ctx, cancel := context.WithCancel(t.Context())
	const children = 3
	ended := make(chan error, children)
	for range children {
		go func() { ended <- p.Run(ctx, Spec{Type: "world"}, nil, newLife()) }()
	}
	for range children {
		if line := out.next(); line != "started world" {
			t.Errorf("a child prints %q", line)
		}
	}
	cancel()
	var errs []error
	for range children {
		errs = append(errs, <-ended)
	}
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

func TestWatchParent(t *testing.T) {
	t.Parallel()
	stopped := 0
	over := make(chan struct{})
	WatchParent(strings.NewReader("whatever is written"), func() { stopped++; close(over) }, over, time.Minute)
	if stopped != 1 {
		t.Errorf("stopped %d times at the end of standard input", stopped)
	}
}
