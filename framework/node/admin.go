package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"loumiao/framework/cluster"
)

// adminServer is the node's own HTTP: health, readiness, metrics and profiles. It shows insides and takes no password, so it listens on
// loopback unless configured otherwise.
type adminServer struct {
	listener net.Listener
	http     *http.Server
	done     chan struct{}
}

// AdminAddr is where the node's admin HTTP listens, host:port.
func (n *Node) AdminAddr() string { return n.admin.listener.Addr().String() }

func (n *Node) openAdmin(ctx context.Context) (err error) {
	var lc net.ListenConfig
	if n.admin.listener, err = lc.Listen(ctx, "tcp", n.cfg.Admin); err != nil {
		return fmt.Errorf("%w (take another admin address, or port 0 for any)", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", n.serveHealth)
	mux.HandleFunc("GET /readyz", n.serveReadiness)
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	n.admin.http = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	n.admin.done = make(chan struct{})
	go func() {
		defer close(n.admin.done)
		if err := n.admin.http.Serve(n.admin.listener); !errors.Is(err, http.ErrServerClosed) {
			n.Fail(fmt.Errorf("admin address: %w", err))
		}
	}()
	return nil
}

// closeAdmin does not wait for profiles that are being taken.
func (n *Node) closeAdmin(context.Context) error {
	err := n.admin.http.Close()
	<-n.admin.done
	return err
}

// serveHealth says whether the node is worth keeping: a node without its lease has no effect any more.
func (n *Node) serveHealth(w http.ResponseWriter, _ *http.Request) {
	if !n.lease.Valid() {
		http.Error(w, "the lease is lost: is Redis reachable?", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// serveReadiness says whether the node is up. One that stands by is: it is as far as it can be, and a rollout that waited for it to lead would
// wait for ever. Peers go by gossip, which tells the two apart.
func (n *Node) serveReadiness(w http.ResponseWriter, _ *http.Request) {
	s := n.State()
	if s != cluster.Ready && s != cluster.Standby {
		http.Error(w, s.String(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, s)
}
