package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"loumiao/framework/lease"
)

// ErrLeadLost ends a node that led and does not any more. Whoever runs the node starts it again, as a standby.
var ErrLeadLost = errors.New("node: the lead was lost")

// A Lead is what the one node that leads does, under its epoch, until ctx ends or it finds that another leads. It calls ready when it serves.
type Lead func(ctx context.Context, epoch uint64, ready func()) error

// A Leader is the part of a service that leads in one node of the stack at a time; the others stand by: they are there, in [cluster.Standby],
// and nobody calls them. A node leads once: if it loses the lead, it fails, with [ErrLeadLost].
type Leader struct {
	node   *Node
	name   string
	single *lease.Singleton
	lead   Lead
	led    bool // once: it does not again

	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup
}

// NewLeader prepares to lead under a name, one in the stack. Its epochs are in table fences of the tables' owner whose writes they fence.
// times, which are valid, say how soon a standby takes over; they are stretched when debugging. For Start.
func (n *Node) NewLeader(name, owner string, times lease.Config, lead Lead) *Leader {
	ttl := cmp.Or(times.TTL, lease.DefaultTTL)
	if stretched := n.Stretch(ttl); stretched != ttl {
		times = lease.Config{TTL: stretched}
	}
	l := &Leader{node: n, name: name, lead: lead}
	l.single = lease.NewSingleton(n.Stores(), name, owner, n.ID(), n.Boot(), times, n.Log())
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// Ready returns when this node leads and serves; while another leads, the node stands by. It goes on to lead until Stop. For the service's Ready, once.
func (l *Leader) Ready(ctx context.Context) error {
	ready, held, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	once := sync.OnceFunc(func() { close(ready) })
	l.single.OnHeld(sync.OnceFunc(func() { close(held) }))
	l.work.Go(func() {
		ended <- l.single.Run(l.life, func(ctx context.Context, epoch uint64) error { return l.term(ctx, epoch, once) })
	})
	for {
		select {
		case <-held:
			held = nil // said once
			if err := l.node.standBy(ctx); err != nil {
				return err
			}
		case <-ready:
			return nil
		case err := <-ended:
			return errors.Join(fmt.Errorf("%s: ended before it led", l.name), err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// term leads, and is the end of the node unless that is stopping anyway.
func (l *Leader) term(ctx context.Context, epoch uint64, ready func()) error {
	if l.led {
		return ErrLeadLost // and won again; but others have been told that it does not lead
	}
	l.led = true
	err := l.node.guard(func() error { return l.lead(ctx, epoch, ready) })
	if l.life.Err() != nil {
		return nil
	}
	err = errors.Join(ErrLeadLost, err)
	l.node.Fail(err)
	return err
}

// Stop gives the lead up and waits until nothing of it runs. It may be called without Ready. For the service's Stop.
func (l *Leader) Stop() {
	l.end()
	l.work.Wait()
}
