package node_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/frameworktest"
	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
)

func TestLife(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *frameworktest.Cluster) {
		var worked bool
		svc := &service{}
		svc.start = func(_ context.Context, n *node.Node) error {
			if n.ID() != 7 || n.Boot() == 0 || n.Type() != "a" || n.Area() != 3 || !n.Lease().Valid() || n.IDs().Next() == 0 {
				t.Errorf("the service starts on node %d boot %v of type %s, area %d", n.ID(), n.Boot(), n.Type(), n.Area())
			}
			if n.State() != cluster.Joining {
				t.Errorf("the state at start is %v", n.State())
			}
			n.Publish("http", "http://there")
			n.Go(func(ctx context.Context) {
				<-ctx.Done()
				worked = true
			})
			return nil
		}
		stopping, proceed := make(chan struct{}), make(chan struct{})
		svc.stop = func(context.Context) error {
			close(stopping)
			<-proceed
			return nil
		}
		l := c.Start(node.Config{Type: "a", ID: 7, Area: 3}, svc)
		for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "# TYPE", "/debug/pprof/cmdline": ""} {
			if status, body := get(t, l, path); status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s of a ready node: status %d, %.100q", path, status, body)
			}
		}
		at, err := node.Addresses(t.Context(), c.Stores(), 7, l.Boot())
		if err != nil || len(at) != 2 || at["http"] != "http://there" || at["admin"] != l.AdminAddr() {
			t.Errorf("published addresses: %v, %v", at, err)
		}
		if at, err := node.Addresses(t.Context(), c.Stores(), 7, l.Boot()+1); err != nil || len(at) != 0 {
			t.Errorf("addresses of another life: %v, %v; want none", at, err)
		}

		var end sync.WaitGroup
		end.Go(l.Stop)
		<-stopping
		if status, body := get(t, l, "/readyz"); status != 503 || !strings.Contains(body, "draining") {
			t.Errorf("readiness of a draining node: status %d, %q", status, body)
		}
		if status, _ := get(t, l, "/healthz"); status != 200 {
			t.Errorf("health of a draining node: status %d", status)
		}
		close(proceed)
		end.Wait()
		svc.wantCalls(t, "start", "ready", "stop")
		if !worked {
			t.Error("the node did not wait for its goroutine")
		}
		c.Start(node.Config{Type: "a", ID: 7}, &service{}).Stop()
	})
}

// TestFailures ends lives at each stage: what had been done is undone, so that the same node can live again at once.
func TestFailures(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	broken := errors.New("broken")
	const enough = 3 * time.Second // for each step that is to succeed, on a busy machine
	tests := []struct {
		name  string
		svc   func() *service
		cfg   node.Config
		env   func(*node.Env)
		err   string
		calls []string
	}{
		{name: "admin address taken", cfg: node.Config{Admin: taken.Addr().String()}, err: "open the admin address"},
		{name: "link address taken", cfg: node.Config{Link: taken.Addr().String()}, err: "listen for links"},
		{name: "link address is nonsense", cfg: node.Config{Link: "nonsense"}, err: "listen for links"},
		{name: "gossip address is nonsense", cfg: node.Config{Gossip: "nonsense"}, err: "listen for links"},
		{name: "gossip address taken", cfg: node.Config{Gossip: taken.Addr().String()}, err: "join the cluster", calls: []string{"start", "stop"}},
		{name: "no gossip key", env: func(e *node.Env) { e.GossipKey = nil }, err: "GossipKey"},
		{name: "no link key", env: func(e *node.Env) { e.LinkKey = nil }, err: "listen for links"},
		{name: "seed that is not there", env: func(e *node.Env) { e.Join = []string{"127.0.0.1:1"} },
			cfg: node.Config{StartTimeout: enough}, err: "join the cluster", calls: []string{"start", "stop"}},
		{name: "start fails", svc: func() *service {
			return &service{start: func(context.Context, *node.Node) error { return broken }}
		}, err: "start the service: broken", calls: []string{"start"}},
		{name: "start panics", svc: func() *service {
			return &service{start: func(context.Context, *node.Node) error { panic("broken") }}
		}, err: "panic: broken", calls: []string{"start"}},
		{name: "start fails and leaves a goroutine", svc: func() *service {
			return &service{start: func(_ context.Context, n *node.Node) error {
				n.Go(func(ctx context.Context) { <-ctx.Done() })
				return broken
			}}
		}, err: "start the service: broken", calls: []string{"start"}},
		{name: "start takes too long", svc: func() *service {
			return &service{start: func(ctx context.Context, _ *node.Node) error {
				<-ctx.Done()
				return ctx.Err()
			}}
		}, cfg: node.Config{StartTimeout: enough}, err: "deadline", calls: []string{"start"}},
		{name: "ready fails", svc: func() *service {
			return &service{ready: func(context.Context) error { return broken }}
		}, err: "become ready: broken", calls: []string{"start", "ready", "stop"}},
		{name: "ready panics", svc: func() *service {
			return &service{ready: func(context.Context) error { panic("broken") }}
		}, err: "panic: broken", calls: []string{"start", "ready", "stop"}},
		{name: "fails while becoming ready", svc: func() *service {
			return &service{
				start: func(_ context.Context, n *node.Node) error {
					n.Go(func(context.Context) { n.Fail(broken) })
					return nil
				},
				ready: func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				},
			}
		}, err: "become ready: broken", calls: []string{"start", "ready", "stop"}},
		{name: "fails while it waits for others", svc: func() *service {
			return &service{start: func(_ context.Context, n *node.Node) error {
				n.Fail(broken)
				return nil
			}}
		}, cfg: node.Config{Needs: []string{"never"}}, err: "become ready: broken", calls: []string{"start", "stop"}},
		{name: "goroutine panics", svc: func() *service {
			return &service{start: func(_ context.Context, n *node.Node) error {
				n.Go(func(context.Context) { panic("broken") })
				return nil
			}, ready: func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}}
		}, err: "panic: broken", calls: []string{"start", "ready", "stop"}},
		{name: "start and stop fail", svc: func() *service {
			return &service{ready: func(context.Context) error { return broken }, stop: func(context.Context) error { return errors.New("stuck") }}
		}, err: "broken\nundo \"join the cluster\": stuck", calls: []string{"start", "ready", "stop"}},
		{name: "stop panics", svc: func() *service {
			return &service{ready: func(context.Context) error { return broken }, stop: func(context.Context) error { panic("stuck") }}
		}, err: "panic: stuck", calls: []string{"start", "ready", "stop"}},
		{name: "stop takes too long", svc: func() *service {
			return &service{ready: func(context.Context) error { return broken }, stop: func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}}
		}, cfg: node.Config{StopTimeout: 4 * enough}, err: "deadline", calls: []string{"start", "ready", "stop"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := setup(t)
			whole := c.Env
			if test.env != nil {
				test.env(&c.Env)
			}
			svc := &service{}
			if test.svc != nil {
				svc = test.svc()
			}
			cfg := test.cfg
			cfg.Type, cfg.ID = "a", 1
			err := c.Begin(cfg, svc).Wait()
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("the life ended with %v; want %q in it", err, test.err)
			}
			svc.wantCalls(t, test.calls...)
			c.Env = whole
			c.Start(node.Config{Type: "a", ID: 1}, &service{}).Stop()
		})
	}
}

// TestFailWhenReady ends a life that was well; the first reason counts.
func TestFailWhenReady(t *testing.T) {
	t.Parallel()
	svc := &service{}
	l := setup(t).Start(node.Config{Type: "a"}, svc)
	first := errors.New("first")
	l.Fail(first)
	l.Fail(errors.New("second"))
	if err := l.Wait(); !errors.Is(err, first) || strings.Contains(err.Error(), "second") {
		t.Errorf("the life ended with %v", err)
	}
	svc.wantCalls(t, "start", "ready", "stop")
}

// TestNeeds has a node wait for the one that it needs, and for that one to be ready.
func TestNeeds(t *testing.T) {
	t.Parallel()
	c := setup(t)
	c.Start(node.Config{Type: "seed"}, &service{})

	waiting := &service{}
	b := c.Begin(node.Config{Type: "b", ID: 2, Area: 1, Needs: []string{"a"}}, waiting)
	c.Start(node.Config{Type: "a", ID: 4, Area: 2}, &service{}) // not b's area
	proceed := make(chan struct{})
	c.Begin(node.Config{Type: "a", ID: 3, Area: 1}, &service{ready: func(context.Context) error {
		<-proceed
		return nil
	}})
	c.Converge()
	if state := b.State(); state != cluster.Joining {
		t.Errorf("b is %s without a ready node of the type and area that it needs", state)
	}
	waiting.wantCalls(t, "start")
	close(proceed)
	b.Ready()
	c.Converge()
	b.Stop()
	c.Converge()

	never := &service{}
	c.Begin(node.Config{Type: "c", ID: 5, Needs: []string{"never"}}, never).Stop()
	never.wantCalls(t, "start", "stop")
}

// TestSameID refuses a second node with a number that is in use, and does the first no harm.
func TestSameID(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *frameworktest.Cluster) {
		first := c.Start(node.Config{Type: "a", ID: 9}, &service{})
		svc := &service{}
		second := c.Begin(node.Config{Type: "b", ID: 9}, svc)
		if err := second.Wait(); !errors.Is(err, lease.ErrClaimed) {
			t.Errorf("the second node with the number ended with %v", err)
		}
		svc.wantCalls(t)
		if status, body := get(t, first, "/readyz"); status != 200 {
			t.Errorf("the first node: status %d, %s", status, body)
		}
		first.Stop()
	})
}

// TestAnyID gives out numbers, each once.
func TestAnyID(t *testing.T) {
	t.Parallel()
	c := setup(t)
	seen := map[id.Node]bool{}
	for range 3 {
		l := c.Start(node.Config{Type: "a"}, &service{})
		if l.ID() < lease.FirstFreeNode || seen[l.ID()] {
			t.Errorf("the node was given the number %d; given before: %v", l.ID(), seen)
		}
		seen[l.ID()] = true
	}
}

// TestObserver runs a node that only looks: it needs no key for links, and nobody can call it.
func TestObserver(t *testing.T) {
	t.Parallel()
	c := setup(t)
	a := c.Start(node.Config{Type: "a", ID: 1}, &service{})
	c.Env.LinkKey = nil

	svc := &service{}
	svc.start = func(_ context.Context, n *node.Node) error {
		if n.RPC() != nil || n.Line() != nil {
			t.Error("an observer has RPC or a line")
		}
		return nil
	}
	o := c.Start(node.Config{Type: "o", ID: 2, Observer: true, Needs: []string{"a"}}, svc)
	if m, ok := o.Cluster().Snapshot().Node(1); !ok || m.Addr == "" {
		t.Errorf("the observer sees node 1 as %+v", m)
	}
	c.Converge()
	if m, ok := a.Cluster().Snapshot().Node(2); !ok || m.Addr != "" {
		t.Errorf("node 1 sees the observer as %+v", m)
	}
	if status, _ := get(t, o, "/metrics"); status != 200 {
		t.Errorf("metrics of an observer: status %d", status)
	}
	o.Stop()
	svc.wantCalls(t, "start", "ready", "stop")
}

var echo = rpc.Method[*wrapperspb.StringValue, *wrapperspb.StringValue]("a.Echo")

// TestCalls has one node call another from Ready and, while it stops, from Stop.
func TestCalls(t *testing.T) {
	t.Parallel()
	c := setup(t)
	c.Start(node.Config{Type: "a", ID: 1}, &service{start: func(_ context.Context, n *node.Node) error {
		rpc.HandleFunc(n, echo, func(_ context.Context, m *wrapperspb.StringValue) (*wrapperspb.StringValue, error) { return m, nil })
		return nil
	}})

	var caller *node.Node
	call := func(ctx context.Context) error {
		reply, err := echo.Call(ctx, caller.RPC(), wrapperspb.String("hello"), rpc.Any)
		if err == nil && reply.GetValue() != "hello" {
			err = errors.New("answered " + reply.GetValue())
		}
		return err
	}
	c.Start(node.Config{Type: "b", ID: 2, Needs: []string{"a"}}, &service{
		start: func(_ context.Context, n *node.Node) error {
			caller = n
			return nil
		},
		ready: call,
		stop:  call,
	}).Stop()
}

// TestRegained has the service be told when Redis has forgotten everything.
func TestRegained(t *testing.T) {
	t.Parallel()
	c := setup(t)
	told := make(chan struct{}, 1)
	l := c.Start(node.Config{Type: "a"}, &service{start: func(_ context.Context, n *node.Node) error {
		n.OnRegained(func() {
			select {
			case told <- struct{}{}:
			default:
			}
		})
		return nil
	}})
	if err := c.Stores().Redis().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-told:
	case <-time.After(patience):
		t.Fatal("the service is not told")
	}
	l.Stop()
}

func TestValidate(t *testing.T) {
	t.Parallel()
	_, err := node.New(node.Env{}, node.Config{StopTimeout: -1}, &service{})
	if err == nil {
		t.Fatal("an empty environment is accepted")
	}
	for _, want := range []string{"Type", "Stores", "Registry", "Log", "Owned", "StopTimeout"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
}
