//go:build unix

package rpc

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// Tests against a process of its own, which is this test binary again, and which does not survive them or is stopped for a while.

const victimEnv = "RPC_VICTIM"

var (
	victimEcho    = Method[*text, *text]("victim.Echo")
	victimWait    = Method[*text, *text]("victim.Wait")
	victimHandled = Method[*empty, *wrapperspb.Int64Value]("victim.Handled")
)

// serveVictim is that process; it ends with its standard input.
func serveVictim() {
	var t peerT
	var boot id.Boot
	t.check(json.Unmarshal([]byte(os.Getenv(victimEnv)), &boot))
	n := startNode(&t, cluster.NewStatic(), 2, "victim", alert, func(c *Config) { c.Self.Boot, c.Links.Self.Boot = boot, boot })
	HandleFunc(n, victimEcho, func(_ context.Context, m *text) (*text, error) { return m, nil })
	HandleFunc(n, victimWait, func(ctx context.Context, m *text) (*text, error) { <-ctx.Done(); return m, nil })
	HandleFunc(n, victimHandled, func(context.Context, *empty) (*wrapperspb.Int64Value, error) {
		return wrapperspb.Int64(int64(n.rpc.Running())), nil
	})
	_ = json.NewEncoder(os.Stdout).Encode(n.member)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// A victim is the process, and what it says about itself.
type victim struct {
	cmd    *exec.Cmd
	member cluster.Member
}

func startVictim(t *testing.T, boot id.Boot) *victim {
	t.Helper()
	b, err := json.Marshal(boot)
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{cmd: exec.Command(os.Args[0])}
	v.cmd.Env = append(os.Environ(), victimEnv+"="+string(b))
	v.cmd.Stderr = os.Stderr
	in, err := v.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = v.cmd.Process.Kill()
		_ = v.cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &v.member); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *victim) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := v.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// waiting starts calls that end only when something happens to the victim, and returns when its handlers have them all. Those that are lost before, on a machine that stands still for a
// while, are made again.
func waiting(t *testing.T, caller *testNode, n int) <-chan error {
	t.Helper()
	errs := make(chan error, n)
	start := func() {
		go func() { _, err := victimWait.Call(t.Context(), caller.rpc, &text{}, Any); errs <- err }()
	}
	for range n {
		start()
	}
	eventually(t, "handled", func() bool {
		for len(errs) > 0 {
			<-errs
			start()
		}
		return handlers(t, caller) == n
	})
	return errs
}

// handlers is how many calls the victim works on; -1 when it cannot be asked.
func handlers(t *testing.T, caller *testNode) int {
	t.Helper()
	reply, err := victimHandled.Call(t.Context(), caller.rpc, &empty{}, Any)
	if err != nil {
		return -1
	}
	return int(reply.Value) - 1 // without this one
}

func TestProcessIsKilled(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	caller := newNode(t, view, 1, "caller", alert)
	v := startVictim(t, 1)
	view.Set(v.member)
	errs := waiting(t, caller, 10)
	v.signal(t, syscall.SIGKILL)
	for range 10 {
		if err := <-errs; fault.CodeOf(err) != fault.Lost {
			t.Errorf("in flight: %v, want lost", err)
		}
	}
	// Membership has not noticed, and the port is closed.
	if _, err := victimEcho.Call(t.Context(), caller.rpc, &text{}, Any); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("afterwards: %v, want unavailable", err)
	}
	settled(t, caller)
	view.Set(startVictim(t, 2).member) // the same id, on another port
	eventually(t, "served in its next life", func() bool {
		reply, err := victimEcho.Call(t.Context(), caller.rpc, wrapperspb.String("x"), To(2))
		return err == nil && reply.Value == "x"
	})
	settled(t, caller)
}

func TestProcessIsStoppedForAWhile(t *testing.T) {
	t.Parallel()
	view := cluster.NewStatic()
	caller := newNode(t, view, 1, "caller", alert)
	v := startVictim(t, 1)
	view.Set(v.member)
	errs := waiting(t, caller, 10)
	v.signal(t, syscall.SIGSTOP)
	for range 10 { // nobody says so: it is the silence
		if err := <-errs; fault.CodeOf(err) != fault.Lost {
			t.Errorf("in flight: %v, want lost", err)
		}
	}
	for range 3 { // the kernel still accepts connections in its name
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := victimEcho.Call(ctx, caller.rpc, &text{}, Any); fault.CodeOf(err) != fault.Deadline && fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("meanwhile: %v, want deadline or unavailable", err)
		}
		cancel()
	}
	settled(t, caller)
	v.signal(t, syscall.SIGCONT)
	eventually(t, "served again", func() bool {
		reply, err := victimEcho.Call(t.Context(), caller.rpc, wrapperspb.String("x"), Any)
		return err == nil && reply.Value == "x"
	})
	eventually(t, "rid of what it worked on before", func() bool { return handlers(t, caller) == 0 })
	settled(t, caller)
}
