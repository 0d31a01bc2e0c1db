package frameworktest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"loumiao/framework/cluster"
	"loumiao/framework/frameworktest"
	"loumiao/framework/lease"
	"loumiao/framework/node"
	"loumiao/migrations"
)

func setup(t testing.TB) *frameworktest.Cluster {
	t.Helper()
	return frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster")})
}

// A saver writes to Redis when it is stopped.
type saver struct {
	node    *node.Node
	during  func() // runs while it is stopped; may be nil
	stopped atomic.Bool
	err     error
}

func (s *saver) Start(_ context.Context, n *node.Node) error {
	s.node = n
	return nil
}
func (s *saver) Ready(context.Context) error { return nil }
func (s *saver) Stop(ctx context.Context) error {
	s.stopped.Store(true)
	if s.during != nil {
		s.during()
	}
	s.err = s.node.Stores().Redis().Set(ctx, s.node.Stores().Key("saved"), s.node.ID().String(), 0).Err()
	return s.err
}

// TestKill takes a node away as a crash does: it saves nothing, gives nothing back, and the others notice by themselves.
func TestKill(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]bool{"stores of its own": true, "stores that stay": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setup(t)
			if !own {
				c.Env.Stores = c.Stores()
			}
			kill(t, c, own)
		})
	}
}

func kill(t *testing.T, c *frameworktest.Cluster, own bool) {
	other := c.Start(node.Config{Type: "a"}, &saver{})
	svc := &saver{}
	n := c.Start(node.Config{Type: "b", ID: 7}, svc)
	c.Converge()
	self, _ := other.Cluster().Snapshot().Node(7)
	svc.during = func() {
		for _, addr := range []string{self.Addr, self.Gossip} {
			if conn, err := net.Dial("tcp", addr); err == nil {
				conn.Close()
				t.Errorf("the dead node still answers at %s", addr)
			}
		}
	}
	owners := lease.NewOwners(c.Stores(), "player")
	mine := lease.Binding{Node: 7, Boot: n.Boot(), Epoch: 1}
	if err := owners.Bind(t.Context(), 5, mine); err != nil {
		t.Fatal(err)
	}

	n.Kill()
	if !svc.stopped.Load() || own && svc.err == nil {
		t.Errorf("the dead node's service: stopped %v, its save ended with: %v", svc.stopped.Load(), svc.err)
	}
	if got, ok, err := owners.Lookup(t.Context(), 5); !ok || got != mine || err != nil {
		t.Errorf("right after the crash the player belongs to %+v, %v, %v; want the dead node, until its lease ends", got, ok, err)
	}
	thief := c.Begin(node.Config{Type: "c", ID: 7}, &saver{})
	if err := thief.Wait(); !errors.Is(err, lease.ErrClaimed) {
		t.Errorf("the dead node's number was given away: %v", err)
	}
	c.Converge() // gossip has noticed

	again := n.Restart(&saver{})
	c.Converge()
	if again.ID() != 7 || again.Boot() <= n.Boot() || again.Type() != "b" {
		t.Errorf("restarted as node %d of type %s, boot %v after %v", again.ID(), again.Type(), again.Boot(), n.Boot())
	}
}

// TestStop ends a node in good order.
func TestStop(t *testing.T) {
	t.Parallel()
	c := setup(t)
	c.Start(node.Config{Type: "a"}, &saver{})
	svc := &saver{}
	n := c.Start(node.Config{Type: "b", ID: 7}, svc)
	n.Stop()
	if svc.err != nil {
		t.Errorf("a node that stops could not save: %v", svc.err)
	}
	c.Converge()
	c.Start(node.Config{Type: "c", ID: 7}, &saver{}).Stop() // its number is free
}

// TestMany runs as many as a small production has.
func TestMany(t *testing.T) {
	t.Parallel()
	c := setup(t)
	for range 8 {
		c.Begin(node.Config{Type: "a"}, &saver{})
	}
	c.Converge()
}

// A failing is a test that notes its failures instead of failing.
type failing struct {
	testing.TB
	failed []string
	ends   []func()
}

func (f *failing) Helper()           {}
func (f *failing) Cleanup(fn func()) { f.ends = append(f.ends, fn) }
func (f *failing) Errorf(format string, args ...any) {
	f.failed = append(f.failed, fmt.Sprintf(format, args...))
}

// TestEndNobodyLookedAt fails a test whose node has failed unnoticed, and not one that knows of it.
func TestEndNobodyLookedAt(t *testing.T) {
	t.Parallel()
	for _, looked := range []bool{false, true} {
		noted := &failing{TB: t}
		c := setup(noted)
		n := c.Start(node.Config{Type: "a"}, &saver{})
		n.Fail(errors.New("broken"))
		if looked {
			if err := n.Wait(); err == nil || !strings.Contains(err.Error(), "broken") {
				t.Errorf("the node ended with: %v", err)
			}
		} else {
			frameworktest.Eventually(t, "the node has stopped", func() bool { return n.State() == cluster.Draining })
		}
		for i := len(noted.ends) - 1; i >= 0; i-- {
			noted.ends[i]()
		}
		if failed := len(noted.failed) > 0; failed == looked {
			t.Errorf("looked at %v; the test failed with %q", looked, noted.failed)
		}
	}
}
