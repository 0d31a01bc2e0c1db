package frameworktest

import (
	"context"
	"os"
	"sync/atomic"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/lease"
	"loumiao/framework/node"
	"loumiao/framework/store"
)

// A Node is one node in one life.
type Node struct {
	*node.Node

	cluster *Cluster
	cfg     node.Config
	stores  *store.Stores // the node's own connections; nil when the test gave it others
	joined  chan struct{}
	cancel  context.CancelCauseFunc
	done    chan struct{}
	err     error // once done is closed
	looked  atomic.Bool
}

func (n *Node) run() {
	ctx, cancel := context.WithCancelCause(context.Background())
	n.cancel = cancel
	go func() {
		defer close(n.done)
		n.err = n.Run(ctx)
		if n.stores != nil {
			_ = n.stores.Close() // closed already when the node was killed
		}
	}()
}

func (n *Node) ended() bool {
	select {
	case <-n.done:
		return true
	default:
		return false
	}
}

// Ready waits until the node is ready: its service is, and it has told the others.
func (n *Node) Ready() {
	t := n.cluster.t
	t.Helper()
	Eventually(t, "a node of type "+n.Type()+" is ready", func() bool {
		if n.ended() {
			t.Fatalf("a node of type %s ended with: %v", n.Type(), n.Wait())
		}
		return n.State() == cluster.Ready
	})
}

// Stop ends the node in good order, as a deployment does, and wants it to end well.
func (n *Node) Stop() {
	n.cluster.t.Helper()
	n.cancel(nil)
	if err := n.Wait(); err != nil {
		n.cluster.t.Errorf("node %d of type %s ended with: %v", n.ID(), n.Type(), err)
	}
}

// Kill ends the node as the end of its process would: its connections to stores and peers are gone at once, nobody is told and nothing is
// given back. Its lease, its number and its place among the members stay until they run out. Its service is stopped afterwards, because it
// shares the test's process, and reaches nobody any more.
func (n *Node) Kill() {
	if n.stores != nil {
		_ = n.stores.Close() // its embedded files and clients; there is nobody left to tell of an error
	}
	n.cancel(node.ErrCrash)
	_ = n.Wait()
}

// Wait is how the life ended, when it has.
func (n *Node) Wait() error {
	n.cluster.t.Helper()
	n.looked.Store(true)
	select {
	case <-n.done:
		return n.err
	case <-time.After(patience):
		n.cluster.t.Fatalf("node %d of type %s does not end", n.ID(), n.Type())
		return nil
	}
}

// Restart is the next life of a node that has ended, with the same number and settings and a service of its own. The claim that a killed one has
// left is forgotten, as its pod does.
func (n *Node) Restart(svc node.Service) *Node {
	c := n.cluster
	c.t.Helper()
	_ = n.Wait()
	db, err := c.stores.SQL("cluster")
	if err != nil {
		c.t.Fatal(err)
	}
	if err := lease.ForgetNode(c.t.Context(), db, n.ID(), os.Getpid()); err != nil {
		c.t.Fatal(err)
	}
	cfg := n.cfg
	cfg.ID = n.ID()
	return c.Start(cfg, svc)
}
