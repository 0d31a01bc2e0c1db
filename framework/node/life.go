package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/rpc"
)

const (
	linkHeartbeat = 2 * time.Second  // between two heartbeats on a link
	claimTTL      = 10 * time.Second // how long a silent node keeps its number
	answerTimeout = 5 * time.Second  // for a call or a client's request that says nothing else
	waitReport    = 5 * time.Second  // between two log lines about what the node waits for
	waitRefresh   = time.Second      // after which a node that waits asks a seed again for who is there
	serviceShare  = 0.75             // of the time for stopping: the rest is for leaving and giving back
)

// ErrCrash as the cause of the end of Run's context ends the node as the end of its process would, as far as the others can see: its links break,
// gossip falls silent, and its lease and number are left to run out. The service is stopped when it reaches nobody any more. It is for tests
// that have many nodes in one process.
var ErrCrash = errors.New("node: crashed, as it was told to")

// A stage is one step of a node's life: do brings it up, and undo, if any, takes it down again.
type stage struct {
	name string
	do   func(context.Context) error
	undo func(context.Context) error
}

// stages is a node's life in order. It comes up from first to last and goes down from last to first.
func (n *Node) stages() []stage {
	return []stage{
		{"claim a node id", n.claim, n.giveBack},
		{"take the lease", n.takeLease, n.endLease},
		{"take live settings", n.takeSettings, n.leaveSettings},
		{"open the admin address", n.openAdmin, n.closeAdmin},
		{"begin to trace", n.trace, n.sendTraces},
		{"listen for links", n.listen, n.unlisten},
		{"start the service", n.start, n.drain},
		{"join the cluster", n.join, n.drainAndLeave},
		{"become ready", n.becomeReady, nil},
	}
}

// Run lives the node's life, once: it returns when ctx has ended or the service has failed, and everything is taken down. The error is
// nil after an orderly end that ctx asked for.
func (n *Node) Run(ctx context.Context) (err error) {
	var up []stage
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.env.stretch(n.cfg.StopTimeout))
		defer cancel()
		if n.crashed = errors.Is(context.Cause(ctx), ErrCrash); n.crashed {
			n.cut()
		}
		for _, s := range slices.Backward(up) {
			if s.undo == nil {
				continue
			}
			if undone := s.undo(stopping); undone != nil {
				err = errors.Join(err, fmt.Errorf("undo %q: %w", s.name, undone))
			}
		}
	}()
	for _, s := range n.stages() {
		if err := s.do(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("%s: %w", s.name, err)
		}
		up = append(up, s)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.failure:
		return err
	}
}

// cut takes the node out of reach of the others without a word.
func (n *Node) cut() {
	gone := n.lastWill(context.Background())
	if n.cluster != nil {
		_ = n.cluster.Stop(gone) // that others are not told is the point
	}
	if n.line != nil {
		_ = errors.Join(n.links.Stop(gone), n.rpc.Stop(gone), n.line.Stop(gone))
	}
}

// lastWill is ctx for giving back what the node holds, in which a node that has crashed can do nothing.
func (n *Node) lastWill(ctx context.Context) context.Context {
	if !n.crashed {
		return ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

// brief bounds a step that waits for others.
func (n *Node) brief(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, n.env.stretch(n.cfg.StartTimeout))
}

func (n *Node) claim(ctx context.Context) error {
	ctx, cancel := n.brief(ctx)
	defer cancel()
	db, err := n.env.Stores.SQL("cluster")
	if err != nil {
		return err
	}
	n.id, n.unclaim, err = lease.ClaimNode(ctx, db, n.cfg.ID, n.boot, n.env.stretch(claimTTL))
	if err != nil {
		return err
	}
	n.ids = id.NewGenerator(n.id, nil)
	n.log = n.log.With("id", n.id)
	return nil
}

func (n *Node) giveBack(ctx context.Context) error { return n.unclaim(n.lastWill(ctx)) }

func (n *Node) takeLease(ctx context.Context) error {
	ctx, cancel := n.brief(ctx)
	defer cancel()
	n.owners = lease.NewOwners(n.env.Stores, n.env.Owned)
	n.lease = lease.New(n.env.Stores, n.id, n.boot, lease.Config{TTL: n.env.stretch(cmp.Or(n.env.LeaseTTL, lease.DefaultTTL))}, n.log)
	n.lease.OnLost(func() {
		n.Fail(errors.New("the lease ran out: Redis could not be reached, or this process stood still; others may own now what this node owned"))
	})
	n.lease.OnRegained(n.regained)
	return n.lease.Start(ctx)
}

func (n *Node) endLease(ctx context.Context) error { return n.lease.Stop(n.lastWill(ctx)) }

func (n *Node) trace(context.Context) error {
	if n.env.Trace != nil {
		n.tracer, n.untrace = n.env.Trace.Open(n.cfg.Type, uint16(n.id))
	}
	return nil
}

// sendTraces waits a moment for what was recorded last to leave. That it does not is no failure of the node's.
func (n *Node) sendTraces(ctx context.Context) error {
	if n.untrace == nil {
		return nil
	}
	if err := n.untrace(n.lastWill(ctx)); err != nil {
		n.log.Warn("traces are lost: the node stops before they were sent", "error", err)
	}
	return nil
}

// listen takes the addresses that the others will be told, and builds what the service registers itself with.
func (n *Node) listen(ctx context.Context) error {
	n.actors = actor.NewSystem(actor.Config{Logger: n.log, Traced: n.tracer != nil})
	n.metrics.MustRegister(n.actors.Collector())
	if n.cfg.Observer {
		return n.meet("")
	}
	cfg := n.Links()
	n.links = link.NewServer(cfg)
	if err := n.links.Listen(n.cfg.Link); err != nil {
		return fmt.Errorf("%w (take another address for links, or port 0 for any)", err)
	}
	if err := n.meet(n.advertised(n.links.Addr())); err != nil {
		return errors.Join(err, n.links.Stop(ctx))
	}
	n.rpc = rpc.New(rpc.Config{
		Self: cfg.Self, View: n.cluster, Links: cfg, Server: n.links, Area: n.cfg.Area,
		Owners: directory{n.owners}, RelayType: n.cfg.RelayType, Relayed: n.cfg.Relayed, CallTimeout: n.env.stretch(answerTimeout), Tracer: n.tracer, Logger: n.log,
	})
	n.metrics.MustRegister(n.rpc.Collector())
	rpc.HandleFunc(n, Drain, n.serveDrain)
	n.line = line.NewServer(line.Config{
		Registry: n.env.Registry, Links: n.links, Types: []string{n.cfg.Type}, RequestTimeout: n.env.stretch(answerTimeout), Tracer: n.tracer, Logger: n.log,
	})
	n.metrics.MustRegister(n.line.Collector())
	return nil
}

// meet prepares membership under the address where the node accepts links; nobody sees the node before join.
func (n *Node) meet(addr string) (err error) {
	stretch := 1
	if n.env.Debug {
		stretch = Stretch
	}
	n.cluster, err = cluster.New(cluster.Config{
		Self: cluster.Member{
			Node: n.id, Boot: n.boot, Type: n.cfg.Type, Area: n.cfg.Area, Addr: addr, Version: n.env.Version, State: cluster.Joining,
		},
		Observer: n.cfg.Observer, Bind: n.cfg.Gossip, Advertise: n.cfg.Advertise, Join: n.env.Join,
		GossipKey: n.env.GossipKey, Stretch: stretch, Logger: n.log,
	})
	return err
}

func (n *Node) unlisten(ctx context.Context) error {
	n.endall()
	n.work.Wait()
	if n.links == nil {
		return n.actors.Stop(ctx)
	}
	return errors.Join(n.actors.Stop(ctx), n.rpc.Stop(ctx), n.line.Stop(ctx), n.links.Stop(ctx))
}

func (n *Node) start(ctx context.Context) error {
	ctx, cancel := n.brief(ctx)
	defer cancel()
	return n.guard(func() error { return n.svc.Start(ctx, n) })
}

// join tells the others that the node is there, still joining, and accepts their links from now on.
func (n *Node) join(ctx context.Context) error {
	if n.links != nil {
		if err := n.line.Start(); err != nil {
			return err
		}
		n.links.Start()
	}
	brief, cancel := n.brief(ctx)
	defer cancel()
	if err := n.cluster.Start(brief); err != nil {
		return err
	}
	if err := n.cluster.Join(brief, n.env.Join); err != nil {
		return errors.Join(err, n.cluster.Stop(brief))
	}
	n.Go(n.watchPlace)
	return nil
}

// watchPlace ends the node when another one with its number has taken its place.
func (n *Node) watchPlace(ctx context.Context) {
	select {
	case <-n.cluster.Lost():
		n.Fail(fmt.Errorf("node %d was started again elsewhere; the newer one stays (give each node an id of its own)", n.id))
	case <-ctx.Done():
	}
}

func (n *Node) becomeReady(ctx context.Context) error {
	if err := n.waitFor(ctx, n.cfg.Needs); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() {
		done <- n.guard(func() error { return n.svc.Ready(ctx) })
	}()
	select {
	case err := <-done:
		if err != nil {
			return err
		}
	case err := <-n.failure:
		cancel(err)
		<-done
		return err
	}
	if err := n.writeAddresses(ctx); err != nil {
		return err
	}
	n.setState(cluster.Ready)
	n.log.Info("ready")
	return nil
}

// standBy tells the others that the node is up and waits for another's place.
func (n *Node) standBy(ctx context.Context) error {
	if err := n.writeAddresses(ctx); err != nil {
		return err
	}
	n.setState(cluster.Standby)
	n.log.Info("standing by")
	return nil
}

// guard turns a panic of fn into an error, which ends this node's life and not the process with all of its nodes.
func (n *Node) guard(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return fn()
}

// waitFor returns when every type has a ready node that serves this node's area.
func (n *Node) waitFor(ctx context.Context, types []string) error {
	changed := make(chan struct{}, 1)
	stop := n.cluster.Watch(func(_, _ *cluster.Snapshot) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer stop()
	report := time.NewTicker(waitReport)
	defer report.Stop()
	refresh := time.NewTicker(waitRefresh)
	defer refresh.Stop()
	for {
		missing := n.missing(types)
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-refresh.C:
			// News that went round while this node joined may have passed it by; gossip would make good for that after seconds. A seed that does not answer is no news.
			brief, cancel := context.WithTimeout(ctx, waitRefresh)
			_ = n.cluster.Join(brief, nil)
			cancel()
		case <-report.C:
			n.log.Info("waiting for other nodes", "types", missing)
		case err := <-n.failure:
			return err
		case <-ctx.Done():
			return fmt.Errorf("waiting for a node of type %v: %w", missing, ctx.Err())
		}
	}
}

func (n *Node) missing(types []string) []string {
	members := n.cluster.Snapshot()
	return slices.DeleteFunc(slices.Clone(types), func(typ string) bool {
		return slices.ContainsFunc(members.ByType(typ), func(m cluster.Member) bool {
			return m.State == cluster.Ready && (m.Area == 0 || n.cfg.Area == 0 || m.Area == n.cfg.Area)
		})
	})
}

// drain stops the service and everything that it has running. It works whether or not the node has joined.
func (n *Node) drain(ctx context.Context) error {
	n.stopOnce.Do(func() {
		n.mu.Lock()
		n.ending = true
		n.setState(cluster.Draining)
		n.mu.Unlock()
		own, cancel := context.WithTimeout(ctx, time.Duration(serviceShare*float64(n.env.stretch(n.cfg.StopTimeout))))
		defer cancel()
		n.stopErr = n.guard(func() error { return n.svc.Stop(own) })
		n.endall()
		n.work.Wait()
		if n.rpc != nil {
			n.stopErr = errors.Join(n.stopErr, n.rpc.Drain(ctx))
		}
		n.stopErr = errors.Join(n.stopErr, n.actors.Stop(ctx))
	})
	err := n.stopErr
	n.stopErr = nil // said once
	return err
}

func (n *Node) drainAndLeave(ctx context.Context) error {
	return errors.Join(n.drain(ctx), n.cluster.Leave(ctx), n.cluster.Stop(ctx))
}

func (n *Node) setState(s cluster.State) {
	n.state.Store(uint32(s))
	n.cluster.SetState(s)
}

// advertised is addr as others reach it.
func (n *Node) advertised(addr string) string {
	if n.cfg.Advertise == "" {
		return addr
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return net.JoinHostPort(n.cfg.Advertise, port)
}
