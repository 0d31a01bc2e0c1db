package node_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

func TestLife(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		env := environment(t, stores)
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
		l := begin(t, env, node.Config{Type: "a", ID: 7, Area: 3}, svc)
		l.untilReady(t)
		for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "# TYPE", "/debug/pprof/cmdline": ""} {
			if status, body := get(t, l, path); status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s of a ready node: status %d, %.100q", path, status, body)
			}
		}
		at, err := node.Addresses(t.Context(), stores, 7, l.Boot())
		if err != nil || len(at) != 2 || at["http"] != "http://there" || at["admin"] != l.AdminAddr() {
			t.Errorf("published addresses: %v, %v", at, err)
		}
		if at, err := node.Addresses(t.Context(), stores, 7, l.Boot()+1); err != nil || len(at) != 0 {
			t.Errorf("addresses of another life: %v, %v; want none", at, err)
		}

		l.cancel()
		<-stopping
		if status, body := get(t, l, "/readyz"); status != 503 || !strings.Contains(body, "draining") {
			t.Errorf("readiness of a draining node: status %d, %q", status, body)
		}
		if status, _ := get(t, l, "/healthz"); status != 200 {
			t.Errorf("health of a draining node: status %d", status)
		}
		close(proceed)
		if err := l.wait(t); err != nil {
			t.Errorf("an orderly end returns %v", err)
		}
		svc.wantCalls(t, "start", "ready", "stop")
		if !worked {
			t.Error("the node did not wait for its goroutine")
		}
		again := begin(t, env, node.Config{Type: "a", ID: 7}, &service{})
		again.untilReady(t)
		again.end(t)
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
			cfg: node.Config{StartTimeout: time.Second}, err: "join the cluster", calls: []string{"start", "stop"}},
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
		}, cfg: node.Config{StartTimeout: 100 * time.Millisecond}, err: "deadline", calls: []string{"start"}},
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
		}, cfg: node.Config{StopTimeout: 2 * time.Second}, err: "deadline", calls: []string{"start", "ready", "stop"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := environment(t, storetest.Embedded(t))
			broken := env
			if test.env != nil {
				test.env(&broken)
			}
			svc := &service{}
			if test.svc != nil {
				svc = test.svc()
			}
			cfg := test.cfg
			cfg.Type, cfg.ID = "a", 1
			err := begin(t, broken, cfg, svc).wait(t)
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("the life ended with %v; want %q in it", err, test.err)
			}
			svc.wantCalls(t, test.calls...)
			again := begin(t, env, node.Config{Type: "a", ID: 1}, &service{})
			again.untilReady(t)
			again.end(t)
		})
	}
}

// TestFailWhenReady ends a life that was well; the first reason counts.
func TestFailWhenReady(t *testing.T) {
	t.Parallel()
	svc := &service{}
	l := begin(t, environment(t, storetest.Embedded(t)), node.Config{Type: "a"}, svc)
	l.untilReady(t)
	first := errors.New("first")
	l.Fail(first)
	l.Fail(errors.New("second"))
	if err := l.wait(t); !errors.Is(err, first) || strings.Contains(err.Error(), "second") {
		t.Errorf("the life ended with %v", err)
	}
	svc.wantCalls(t, "start", "ready", "stop")
}

// TestNeeds has a node wait for the one that it needs, and for that one to be ready.
func TestNeeds(t *testing.T) {
	t.Parallel()
	env := environment(t, storetest.Embedded(t))
	seed := begin(t, env, node.Config{Type: "seed"}, &service{})
	seed.untilReady(t)
	self, _ := seed.Cluster().Snapshot().Node(seed.ID())
	env.Join = []string{self.Gossip}

	waiting := &service{}
	b := begin(t, env, node.Config{Type: "b", ID: 2, Area: 1, Needs: []string{"a"}}, waiting)
	eventually(t, "b has joined", func() bool { m, ok := seed.Cluster().Snapshot().Node(2); return ok && m.State == cluster.Joining })

	elsewhere := begin(t, env, node.Config{Type: "a", ID: 4, Area: 2}, &service{}) // not b's area
	elsewhere.untilReady(t)
	proceed := make(chan struct{})
	a := begin(t, env, node.Config{Type: "a", ID: 3, Area: 1}, &service{ready: func(context.Context) error {
		<-proceed
		return nil
	}})
	eventually(t, "b sees both", func() bool { return len(b.Cluster().Snapshot().ByType("a")) == 2 })
	waiting.wantCalls(t, "start")
	close(proceed)
	a.untilReady(t)
	b.untilReady(t)
	eventually(t, "the seed sees b ready", func() bool { m, _ := seed.Cluster().Snapshot().Node(2); return m.State == cluster.Ready })
	b.end(t)
	eventually(t, "b is gone", func() bool { _, ok := seed.Cluster().Snapshot().Node(2); return !ok })

	never := &service{}
	c := begin(t, env, node.Config{Type: "c", ID: 5, Needs: []string{"never"}}, never)
	eventually(t, "c has joined", func() bool { _, ok := seed.Cluster().Snapshot().Node(5); return ok })
	c.end(t)
	never.wantCalls(t, "start", "stop")
}

// TestSameID refuses a second node with a number that is in use, and does the first no harm.
func TestSameID(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		env := environment(t, stores)
		first := begin(t, env, node.Config{Type: "a", ID: 9}, &service{})
		first.untilReady(t)
		svc := &service{}
		second := begin(t, env, node.Config{Type: "b", ID: 9}, svc)
		if err := second.wait(t); !errors.Is(err, lease.ErrClaimed) {
			t.Errorf("the second node with the number ended with %v", err)
		}
		svc.wantCalls(t)
		if status, body := get(t, first, "/readyz"); status != 200 {
			t.Errorf("the first node: status %d, %s", status, body)
		}
		first.end(t)
	})
}

// TestAnyID gives out numbers, each once.
func TestAnyID(t *testing.T) {
	t.Parallel()
	env := environment(t, storetest.Embedded(t))
	seen := map[id.Node]bool{}
	for range 3 {
		l := begin(t, env, node.Config{Type: "a"}, &service{})
		l.untilReady(t)
		if l.ID() < lease.FirstFreeNode || seen[l.ID()] {
			t.Errorf("the node was given the number %d; given before: %v", l.ID(), seen)
		}
		seen[l.ID()] = true
	}
}

// TestObserver runs a node that only looks: it needs no key for links, and nobody can call it.
func TestObserver(t *testing.T) {
	t.Parallel()
	env := environment(t, storetest.Embedded(t))
	a := begin(t, env, node.Config{Type: "a", ID: 1}, &service{})
	a.untilReady(t)
	self, _ := a.Cluster().Snapshot().Node(1)
	env.Join, env.LinkKey = []string{self.Gossip}, nil

	svc := &service{}
	svc.start = func(_ context.Context, n *node.Node) error {
		if n.RPC() != nil || n.Line() != nil {
			t.Error("an observer has RPC or a line")
		}
		return nil
	}
	o := begin(t, env, node.Config{Type: "o", ID: 2, Observer: true, Needs: []string{"a"}}, svc)
	o.untilReady(t)
	if m, ok := o.Cluster().Snapshot().Node(1); !ok || m.Addr == "" {
		t.Errorf("the observer sees node 1 as %+v", m)
	}
	eventually(t, "node 1 sees the observer", func() bool {
		m, ok := a.Cluster().Snapshot().Node(2)
		return ok && m.State == cluster.Ready && m.Addr == ""
	})
	if status, _ := get(t, o, "/metrics"); status != 200 {
		t.Errorf("metrics of an observer: status %d", status)
	}
	o.end(t)
	svc.wantCalls(t, "start", "ready", "stop")
}

var echo = rpc.Method[*wrapperspb.StringValue, *wrapperspb.StringValue]("a.Echo")

// TestCalls has one node call another from Ready and, while it stops, from Stop.
func TestCalls(t *testing.T) {
	t.Parallel()
	env := environment(t, storetest.Embedded(t))
	a := begin(t, env, node.Config{Type: "a", ID: 1}, &service{start: func(_ context.Context, n *node.Node) error {
		rpc.HandleFunc(n, echo, func(_ context.Context, m *wrapperspb.StringValue) (*wrapperspb.StringValue, error) { return m, nil })
		return nil
	}})
	a.untilReady(t)
	self, _ := a.Cluster().Snapshot().Node(1)
	env.Join = []string{self.Gossip}

	var caller *node.Node
	call := func(ctx context.Context) error {
		reply, err := echo.Call(ctx, caller.RPC(), wrapperspb.String("hello"), rpc.Any)
		if err == nil && reply.GetValue() != "hello" {
			err = errors.New("answered " + reply.GetValue())
		}
		return err
	}
	b := begin(t, env, node.Config{Type: "b", ID: 2, Needs: []string{"a"}}, &service{
		start: func(_ context.Context, n *node.Node) error {
			caller = n
			return nil
		},
		ready: call,
		stop:  call,
	})
	b.untilReady(t)
	b.end(t)
}

// TestRegained has the service be told when Redis has forgotten everything.
func TestRegained(t *testing.T) {
	t.Parallel()
	stores := storetest.Embedded(t)
	told := make(chan struct{}, 1)
	l := begin(t, environment(t, stores), node.Config{Type: "a"}, &service{start: func(_ context.Context, n *node.Node) error {
		n.OnRegained(func() {
			select {
			case told <- struct{}{}:
			default:
			}
		})
		return nil
	}})
	l.untilReady(t)
	if err := stores.Redis().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-told:
	case <-l.done:
		t.Fatalf("the node ended with %v", l.err)
	case <-time.After(patience):
		t.Fatal("the service is not told")
	}
	l.end(t)
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
