package app

import (
	"context"
	"fmt"
	"time"

	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pod"
)

// ask joins the stack as a node of its own for as long as call takes.
func (d *desk) ask(ctx context.Context, call func(ctx context.Context, r *rpc.RPC) error) error {
	cfg, err := d.p.joined(d.cfg, d.o.join)
	if err != nil {
		return err
	}
	cfg.Log.Level = "error" // what happens to this node is of no interest, unless it fails
	proc, err := openProcess(ctx, cfg, newLogger(cfg.Log, d.p.stderr), false, false)
	if err != nil {
		return err
	}
	defer proc.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	visitor := nodeType{name: "operator"}
	nodeCfg := proc.nodeConfig(&visitor, pod.Spec{Type: visitor.name})
	nodeCfg.Needs = proc.cfg.needs(&nodeType{name: visitor.name, needs: []string{api.Config}})
	svc := &visit{call: call, stop: stop}
	n, err := node.New(proc.nodeEnv(nil), nodeCfg, svc)
	if err != nil {
		return err
	}
	waiting := time.AfterFunc(askPatience, stop)
	defer waiting.Stop()
	if err := n.Run(ctx); err != nil {
		return err
	}
	if !svc.done {
		return fmt.Errorf("no node of type %s answered within %s", api.Config, askPatience)
	}
	return svc.err
}

// askPatience is how long a command waits for the configuration centre.
const askPatience = 15 * time.Second

// A visit is the service of a node that only asks something.
type visit struct {
	call func(ctx context.Context, r *rpc.RPC) error
	stop func()
	node *node.Node
	done bool
	err  error
}

// Start keeps the node.
func (v *visit) Start(_ context.Context, n *node.Node) error { v.node = n; return nil }

// Ready asks, and ends the node.
func (v *visit) Ready(ctx context.Context) error {
	v.err = v.call(ctx, v.node.RPC())
	v.done = true
	v.stop()
	return nil
}

// Stop has nothing to do.
func (v *visit) Stop(context.Context) error { return nil }
