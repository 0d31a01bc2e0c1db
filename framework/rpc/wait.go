package rpc

import (
	"context"
	"time"

	"loumiao/framework/cluster"
)

// waitForType returns when a node of the type serves, or with the error of a call that finds none for as long as the configuration says.
func (r *RPC) waitForType(ctx context.Context, typ string) error {
	if len(r.current().byType[typ].serving()) > 0 {
		return nil
	}
	if r.cfg.NodeWait < 0 {
		return noNode(typ)
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
	for len(r.current().byType[typ].serving()) == 0 {
		select {
		case <-changed:
		case <-late.C:
			return noNode(typ)
		case <-ctx.Done():
			return ended(ctx)
		case <-r.ctx.Done():
			return noNode(typ)
		}
	}
	return nil
}
