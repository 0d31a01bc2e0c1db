package node_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/node"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/framework/wire"
	"loumiao/migrations"
)

const patience = time.Minute // after which something that must happen has not

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Gossip looks at the other members in turn in a goroutine that ends when the one it looks at has answered or not.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))
}

// environment is stores of the test's own and keys.
func environment(t *testing.T, stores *store.Stores) node.Env {
	t.Helper()
	storetest.Migrated(t, stores, "cluster", migrations.FS("cluster"))
	registry, err := wire.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return node.Env{
		Stores: stores, Registry: registry, GossipKey: bytes.Repeat([]byte{1}, 32), LinkKey: bytes.Repeat([]byte{2}, 32),
		Owned: "player", Version: "test", Log: storetest.Log(t),
	}
}

// A service does what the test says, and remembers what it was asked.
type service struct {
	start func(ctx context.Context, n *node.Node) error
	ready func(ctx context.Context) error
	stop  func(ctx context.Context) error

	mu    sync.Mutex
	calls []string
}

func (s *service) called(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, what)
}

func (s *service) wantCalls(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.calls, want) {
		t.Errorf("the service was asked to %v; want %v", s.calls, want)
	}
}

func (s *service) Start(ctx context.Context, n *node.Node) error {
	s.called("start")
	if s.start == nil {
		return nil
	}
	return s.start(ctx, n)
}

func (s *service) Ready(ctx context.Context) error {
	s.called("ready")
	if s.ready == nil {
		return nil
	}
	return s.ready(ctx)
}

func (s *service) Stop(ctx context.Context) error {
	s.called("stop")
	if s.stop == nil {
		return nil
	}
	return s.stop(ctx)
}

// A life is one node that runs.
type life struct {
	*node.Node
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done is closed
}

// begin runs a node until the test ends, or stops it.
func begin(t *testing.T, env node.Env, cfg node.Config, svc node.Service) *life {
	t.Helper()
	n, err := node.New(env, cfg, svc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &life{Node: n, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.err = n.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		l.wait(t)
	})
	return l
}

// wait is how the life ended.
func (l *life) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-l.done:
		return l.err
	case <-time.After(patience):
		t.Fatal("the node does not end")
		return nil
	}
}

// end stops the node, and wants it to end well.
func (l *life) end(t *testing.T) {
	t.Helper()
	l.cancel()
	if err := l.wait(t); err != nil {
		t.Errorf("the node ended with: %v", err)
	}
}

// untilReady waits until others may call the node.
func (l *life) untilReady(t *testing.T) {
	t.Helper()
	eventually(t, "the node is ready", func() bool {
		select {
		case <-l.done:
			t.Fatalf("the node ended with: %v", l.err)
		default:
		}
		return l.State().String() == "ready"
	})
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("it does not come to be that %s", what)
		}
	}
}

// get is what the node's admin address answers.
func get(t *testing.T, l *life, path string) (status int, body string) {
	t.Helper()
	web := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := web.Get("http://" + l.AdminAddr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}
