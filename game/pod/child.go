package pod

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// A child is one node that the pod keeps alive, over all its lives.
type child struct {
	spec Spec
	stop context.CancelFunc
	done chan struct{} // closed when it is stopped for good
}

// keep runs the node again and again until ctx ends.
func (p *Pod) keep(ctx context.Context, c *child, seeds []string) {
	defer close(c.done)
	pause := p.cfg.MinBackoff
	for restarts := 0; ; restarts++ {
		born := time.Now()
		err := p.life(ctx, c.spec, seeds)
		if ctx.Err() != nil {
			if err != nil {
				p.log.Warn("node stopped with errors", "type", c.spec.Type, "child", c.spec.ID, "err", err)
			}
			return
		}
		if time.Since(born) >= p.cfg.Healthy {
			pause, restarts = p.cfg.MinBackoff, 0
		}
		p.log.Error("node ended by itself; it is started again",
			"type", c.spec.Type, "child", c.spec.ID, "restarts", restarts+1, "pause", pause, "err", err)
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, p.cfg.MaxBackoff)
	}
}

// life is one life of the node. A panic ends that life only.
func (p *Pod) life(ctx context.Context, spec Spec, seeds []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return p.runner.Run(ctx, spec, seeds)
}

// sleep waits for d, and reports whether ctx is still on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
