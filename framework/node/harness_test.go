package node_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"loumiao/framework/frameworktest"
	"loumiao/framework/node"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/migrations"
)

const patience = time.Minute // after which something that must happen has not

func TestMain(m *testing.M) {
	if where := os.Getenv(envChild); where != "" {
		os.Exit(playChild(where))
	}
	frameworktest.Main(m)
}

// setup is a cluster without nodes, on embedded stores of the test's own.
func setup(t *testing.T) *frameworktest.Cluster {
	t.Helper()
	return setupOn(t, store.Config{})
}

func setupOn(t *testing.T, stores store.Config) *frameworktest.Cluster {
	t.Helper()
	return frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster"), Stores: stores})
}

// each runs the test on embedded stores, and on real ones if there are any.
func each(t *testing.T, test func(t *testing.T, c *frameworktest.Cluster)) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, setup(t))
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		test(t, setupOn(t, storetest.RealConfig(t)))
	})
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

// get is what the node's admin address answers.
func get(t *testing.T, n *frameworktest.Node, path string) (status int, body string) {
	t.Helper()
	web := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := web.Get("http://" + n.AdminAddr() + path)
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
