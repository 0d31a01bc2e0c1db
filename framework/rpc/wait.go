package rpc

import (
	"context"
	"time"

	"loumiao/framework/cluster"
)

// waitForNode returns when a node serves the method's type, or with the error of a call that finds none for as long as the configuration says.
func (r *RPC) waitForNode(ctx context.Context, m *method) error {
	if r.cfg.NodeWait < 0 {
		return noNode(m)
	}
	changed := make(chan struct{}, 1)
	stop := r.cfg.View.Watch(func(_, _ *cluster.Snapshot) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer stop()
	late := time.NewTimer(r.cfg.NodeWait)
	defer late.Stop()
	for len(r.current().byType[m.typ].serving()) == 0 {
		select {
		case <-changed:
		case <-late.C:
			return noNode(m)
		case <-ctx.Done():
			return ended(ctx)
		case <-r.ctx.Done():
			return noNode(m)
		}
	}
	return nil
}
