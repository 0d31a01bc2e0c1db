package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/config"
	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/id"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/framework/wire"
)

// envChild makes this binary run a node of type "a" in place of the tests. It holds a childEnv.
const envChild = "NODE_TEST_CHILD"

// childEnv is what a node in a process of its own has to know to be part of a test's cluster.
type childEnv struct {
	Dir, Redis         string
	Join               []string
	GossipKey, LinkKey []byte
	ID                 id.Node
}

// playChild lives one life of a node, and returns the process's exit code.
func playChild(where string) int {
	var child childEnv
	if err := json.Unmarshal([]byte(where), &child); err != nil {
		fmt.Println(err)
		return 2
	}
	stores, err := store.Open(context.Background(), store.Config{
		DataDir: child.Dir, Redis: store.RedisConfig{URL: config.Secret(child.Redis)},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return 2
	}
	defer stores.Close()
	registry, err := wire.NewRegistry()
	if err != nil {
		fmt.Println(err)
		return 2
	}
	n, err := node.New(node.Env{
		Stores: stores, Registry: registry, GossipKey: child.GossipKey, LinkKey: child.LinkKey,
		Join: child.Join, Owned: "player", Log: slog.New(slog.DiscardHandler),
	}, node.Config{Type: "a", ID: child.ID}, echoing())
	if err != nil {
		fmt.Println(err)
		return 2
	}
	if err := n.Run(context.Background()); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// echoing answers with the id of the node that it runs on.
func echoing() *service {
	return &service{start: func(_ context.Context, n *node.Node) error {
		rpc.HandleFunc(n, echo, func(context.Context, *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
			return wrapperspb.String(n.ID().String()), nil
		})
		return nil
	}}
}

// A process is a node in a process of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	said bytes.Buffer
	done chan struct{}
	err  error // once done is closed
}

// spawn starts a node of type "a" in a process of its own, in c, whose stores are in dir.
func spawn(t *testing.T, c *frameworktest.Cluster, dir string, node id.Node, join string) *process {
	t.Helper()
	env, err := json.Marshal(childEnv{
		Dir: dir, Redis: "redis://" + c.Stores().RedisAddr(), Join: []string{join},
		GossipKey: c.Env.GossipKey, LinkKey: c.Env.LinkKey, ID: node,
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(os.Args[0]), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), envChild+"="+string(env))
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process at once, and returns when the system has taken back all that it had.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// sees waits until n sees the node ready.
func sees(t *testing.T, n *frameworktest.Node, p *process, node id.Node) {
	t.Helper()
	frameworktest.Eventually(t, "the process's node is ready", func() bool {
		select {
		case <-p.done:
			t.Fatalf("the process has ended: %v\n%s", p.err, p.said.String())
		default:
		}
		m, ok := n.Cluster().Snapshot().Node(node)
		return ok && m.State == cluster.Ready
	})
}

// TestCallsFailOverBeforeGossipNotices kills the process of one of two nodes. Its links break, and from then on every call goes to the other
// one, while gossip still believes in the dead.
func TestCallsFailOverBeforeGossipNotices(t *testing.T) {
	t.Parallel()
	cfg := storetest.EmbeddedConfig(t)
	c := setupOn(t, cfg)
	c.Env.Debug = true // nobody's silence is noticed in the time of this test: neither by gossip nor by heartbeats
	caller := c.Start(node.Config{Type: "caller"}, &service{})
	self, _ := caller.Cluster().Snapshot().Node(caller.ID())
	survivor := c.Start(node.Config{Type: "a", ID: 1}, echoing())
	const doomed = 2
	p := spawn(t, c, cfg.DataDir, doomed, self.Gossip)
	sees(t, caller, p, doomed)
	call := func(to rpc.Target) (string, error) {
		reply, err := echo.Call(t.Context(), caller.RPC(), wrapperspb.String(""), to)
		return reply.GetValue(), err
	}
	for answered := map[string]bool{}; len(answered) < 2; {
		by, err := call(rpc.Any)
		if err != nil {
			t.Fatal(err)
		}
		answered[by] = true
	}

	p.kill()
	lost := 0
	for n := range 100 {
		by, err := call(rpc.Any)
		switch {
		case err == nil && by == survivor.ID().String():
		case fault.CodeOf(err) == fault.Lost && lost == 0:
			lost++ // it was written before the broken link was seen, so it may have had its effect, and is not tried again
		default:
			t.Errorf("call %d after the crash was answered by %q, %v", n, by, err)
		}
	}
	if _, err := call(rpc.To(doomed)); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a call to the dead node itself: %v", err)
	}
	if m, ok := caller.Cluster().Snapshot().Node(doomed); !ok || m.State != cluster.Ready {
		t.Errorf("gossip has noticed before the calls were over: %+v, %v", m, ok)
	}
}
