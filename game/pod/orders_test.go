package pod

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

const (
	running  = pb.PodNodeState_POD_NODE_STATE_RUNNING
	failing  = pb.PodNodeState_POD_NODE_STATE_FAILING
	stopping = pb.PodNodeState_POD_NODE_STATE_STOPPING
	stopped  = pb.PodNodeState_POD_NODE_STATE_STOPPED
)

// A fleet is a pod of one node, number 1, which takes a second to stop, and fails at once while broken is set.
type fleet struct {
	*Pod
	t *testing.T

	mu     sync.Mutex
	starts int
	broken error
}

// run is one life of the node.
func (f *fleet) run(ctx context.Context, _ Spec, _ []string, life *Life) error {
	f.mu.Lock()
	f.starts++
	life.Process(1000 + f.starts)
	broken := f.broken
	f.mu.Unlock()
	if broken != nil {
		return broken
	}
	<-ctx.Done()
	time.Sleep(time.Second)
	return nil
}

// breakIt has its lives fail at once, until they are mended with nil.
func (f *fleet) breakIt(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err
}

// command runs the test on a clock of its own.
func command(t *testing.T, test func(f *fleet)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{t: t}
		cfg := Config{MinBackoff: 10 * time.Second, MaxBackoff: time.Minute, Healthy: time.Hour}
		f.Pod = New(cfg, []Spec{{Type: "a", ID: 1}}, runnerFunc(f.run))
		adopt(f.Pod)
		test(f)
		if err := f.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := f.all()[0].order(true, false, ""); fault.CodeOf(err) != fault.ShuttingDown {
			t.Errorf("an order after the end: %v", err)
		}
	})
}

// is wants the node to be in a state, in its life-th life.
func (f *fleet) is(state pb.PodNodeState, life int) *pb.PodNode {
	f.t.Helper()
	synctest.Wait()
	n := f.describe(f.all()[0])
	f.mu.Lock()
	defer f.mu.Unlock()
	if n.GetState() != state || f.starts != life {
		f.t.Errorf("the node is %s in its life %d; want %s in its life %d", n.GetState(), f.starts, state, life)
	}
	if (n.GetProcess() != nil) != (state == running || state == stopping) || n.GetProcess() != nil && int(n.GetProcess().GetPid()) != 1000+life {
		f.t.Errorf("%s in process %v", state, n.GetProcess())
	}
	return n
}

func (f *fleet) order(order func(context.Context) (*pb.PodNode, error)) {
	f.t.Helper()
	if _, err := order(f.t.Context()); err != nil {
		f.t.Error(err)
	}
}

func (f *fleet) stopIt() {
	f.t.Helper()
	f.order(func(ctx context.Context) (*pb.PodNode, error) { return f.stopNode(ctx, &pb.StopNode{Node: 1}) })
}

func (f *fleet) startIt() {
	f.t.Helper()
	f.order(func(ctx context.Context) (*pb.PodNode, error) { return f.startNode(ctx, &pb.StartNode{Node: 1}) })
}

func (f *fleet) restartIt(key string) {
	f.t.Helper()
	f.order(func(ctx context.Context) (*pb.PodNode, error) {
		return f.restartNode(ctx, &pb.RestartNode{Node: 1, Key: key})
	})
}

func TestStopAndStart(t *testing.T) {
	command(t, func(f *fleet) {
		f.is(running, 1)
		f.startIt() // as it is
		f.is(running, 1)
		f.stopIt()
		f.is(stopping, 1)
		f.stopIt() // again
		time.Sleep(time.Hour)
		if n := f.is(stopped, 1); n.GetRestarts() != 0 || n.GetError() != "" || n.GetStartedMs() != 0 {
			f.t.Errorf("a node that was told to stop: %v", n)
		}
		f.stopIt()
		f.is(stopped, 1)
		f.startIt()
		f.is(running, 2)
		f.stopIt()
		f.startIt() // before it has ended
		f.is(stopping, 2)
		time.Sleep(time.Minute)
		f.is(running, 3)
	})
}

func TestRestart(t *testing.T) {
	command(t, func(f *fleet) {
		f.is(running, 1)
		f.restartIt("")
		f.is(stopping, 1)
		time.Sleep(time.Minute)
		f.is(running, 2)
		for range 2 {
			f.restartIt("one")
			time.Sleep(time.Minute)
			f.is(running, 3)
		}
		f.restartIt("two")
		time.Sleep(time.Minute)
		if n := f.is(running, 4); n.GetRestarts() != 0 {
			f.t.Errorf("told to, it restarted by itself: %v", n)
		}
		for range 2 { // started again after the first, it is not stopped by the second
			f.order(func(ctx context.Context) (*pb.PodNode, error) {
				return f.stopNode(ctx, &pb.StopNode{Node: 1, Key: "stop"})
			})
			time.Sleep(time.Minute)
			f.restartIt("")
			time.Sleep(time.Minute)
		}
		f.is(running, 6)
		f.stopIt()
		f.restartIt("three") // on its way down
		time.Sleep(time.Minute)
		f.is(running, 7)
	})
}

// TestCrashLoop has a node fail: how often, why, and when it is tried again can be seen, and an operator does not wait for that.
func TestCrashLoop(t *testing.T) {
	command(t, func(f *fleet) {
		f.is(running, 1)
		f.breakIt(errors.New("no port: " + strings.Repeat("x", maxError)))
		f.restartIt("")
		time.Sleep(time.Second)
		n := f.is(failing, 2)
		if n.GetRestarts() != 1 || n.GetFailures() != 1 || !strings.HasPrefix(n.GetError(), "no port: ") || len(n.GetError()) != maxError ||
			n.GetErrorMs() != time.Now().UnixMilli() || n.GetNextStartMs() != time.Now().Add(10*time.Second).UnixMilli() {
			f.t.Errorf("after one failure: %v", n)
		}
		time.Sleep(30 * time.Second)
		if n := f.is(failing, 4); n.GetFailures() != 3 || n.GetRestarts() != 3 || n.GetNextStartMs() != time.Now().Add(40*time.Second).UnixMilli() {
			f.t.Errorf("after three: %v", n)
		}
		f.startIt() // now, and the pauses begin anew
		if n := f.is(failing, 5); n.GetFailures() != 1 || n.GetRestarts() != 4 {
			f.t.Errorf("after the operator's: %v", n)
		}
		f.stopIt()
		time.Sleep(time.Hour)
		f.is(stopped, 5)
		f.breakIt(nil)
		f.startIt()
		if n := f.is(running, 6); n.GetFailures() != 0 || n.GetRestarts() != 4 || n.GetError() == "" || n.GetNextStartMs() != 0 {
			f.t.Errorf("well again: %v", n)
		}
	})
}

// TestHealthy has the failures be forgotten while it runs.
func TestHealthy(t *testing.T) {
	command(t, func(f *fleet) {
		f.is(running, 1)
		f.breakIt(errors.New("broken"))
		f.restartIt("")
		time.Sleep(2 * time.Second)
		f.breakIt(nil)
		time.Sleep(10 * time.Second)
		if n := f.is(running, 3); n.GetFailures() != 1 {
			f.t.Errorf("at first: %v", n)
		}
		time.Sleep(time.Hour)
		if n := f.is(running, 3); n.GetFailures() != 0 || n.GetRestarts() != 1 {
			f.t.Errorf("after an hour: %v", n)
		}
	})
}

func TestOrdersThatCannotBe(t *testing.T) {
	command(t, func(f *fleet) {
		ctx := f.t.Context()
		for what, order := range map[string]func() error{
			"start": func() error { _, err := f.startNode(ctx, &pb.StartNode{Node: 2}); return err },
			"stop":  func() error { _, err := f.stopNode(ctx, &pb.StopNode{Node: 2}); return err },
			"again": func() error { _, err := f.restartNode(ctx, &pb.RestartNode{Node: 2}); return err },
			"drain": func() error { _, err := f.drainNode(ctx, &pb.DrainNode{Node: 2}); return err },
			"tail":  func() error { _, err := f.tailNode(ctx, &pb.TailNode{Node: 1 << 31}); return err },
		} {
			if err := order(); fault.CodeOf(err) != fault.NotFound {
				f.t.Errorf("%s a node of elsewhere: %v", what, err)
			}
		}
		if _, err := f.restartNode(ctx, &pb.RestartNode{Node: 1, Key: strings.Repeat("k", maxKey+1)}); fault.CodeOf(err) != fault.Invalid {
			f.t.Errorf("a long key: %v", err)
		}
		// The cluster of these tests knows no address of the node, as of one that joins no RPC.
		if _, err := f.drainNode(ctx, &pb.DrainNode{Node: 1}); fault.CodeOf(err) != fault.FailedPrecondition {
			f.t.Errorf("draining an observer: %v", err)
		}
	})
}

func TestTail(t *testing.T) {
	t.Parallel()
	var log tail
	if got := log.last(0); len(got) != 0 {
		t.Errorf("nothing is %q", got)
	}
	for _, text := range []string{"one\n", "two\r\nthree\n", "four"} {
		if n, err := log.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%d %v", n, err)
		}
	}
	for n, want := range map[int][]string{0: {"one", "two", "three", "four"}, 2: {"three", "four"}, 9: {"one", "two", "three", "four"}} {
		if got := log.last(n); !slices.Equal(got, want) {
			t.Errorf("last %d: %q", n, got)
		}
	}
	_, _ = log.Write([]byte(strings.Repeat("é", maxTailLine) + "\n"))
	if got := log.last(1)[0]; got != strings.Repeat("é", maxTailLine/2) {
		t.Errorf("a long line is kept as %d bytes", len(got))
	}
	for range 2 * maxTail / 10 {
		_, _ = log.Write([]byte("123456789\n"))
	}
	if got := log.last(0); len(got) != maxTail/10 || got[0] != "123456789" || log.size > maxTail {
		t.Errorf("%d lines of %d bytes are kept", len(got), log.size)
	}
}
