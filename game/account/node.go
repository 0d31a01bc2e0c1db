package account

import (
	"context"
	"fmt"

	"loumiao/framework/actor"
	"loumiao/framework/iplimit"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/signin"
)

// deskRoom is how many messages of clients may wait for the desk.
const deskRoom = 1 << 12

// A Node is the service of one account node.
type Node struct {
	cfg   Config
	rules signin.Config
	desk  actor.Ref

	node     *node.Node
	enforcer *enforcer
	clock    *clock // nil: nobody's time is limited
}

var _ node.Service = (*Node)(nil)

// New is an account node that is not started.
func New(cfg Config, rules signin.Config) *Node { return &Node{cfg: cfg, rules: rules} }

// Start registers what clients may ask.
func (a *Node) Start(_ context.Context, n *node.Node) error {
	rules, accounts, err := signin.Open(n, a.rules)
	if err != nil {
		return err
	}
	n.Metrics().MustRegister(rules.Collector())

	b := actor.NewBehavior[desk]()
	ref := func() actor.Ref { return a.desk }
	line.HandleActor(n, ref, b, (*desk).register)
	line.HandleActor(n, ref, b, (*desk).password)
	line.HandleActor(n, ref, b, (*desk).guest)
	line.HandleActor(n, ref, b, (*desk).refresh)
	line.HandleActor(n, ref, b, (*desk).external)
	line.HandleActor(n, ref, b, (*desk).areas)
	line.HandleActor(n, ref, b, (*desk).listIdentities)
	line.HandleActor(n, ref, b, (*desk).bind)
	line.HandleActor(n, ref, b, (*desk).unbind)
	line.HandleActor(n, ref, b, (*desk).listLogins)
	line.HandleActor(n, ref, b, (*desk).endLogin)
	e := &enforcer{node: n, accounts: accounts, blocks: api.NewBlocks(n.Stores()), tokens: a.rules.Tokens.TTL() + clockMargin}
	asked, err := a.rules.Policy.On(n)
	if err != nil {
		return err
	}
	if asked.Playtime != nil {
		a.clock = &clock{enforcer: e, playtime: asked.Playtime}
	}
	rpc.HandleFunc(n, api.ImposeSanction, e.impose)
	rpc.HandleFunc(n, api.LiftSanction, e.lift)
	rpc.HandleFunc(n, api.ListSanctions, e.list)
	a.node, a.enforcer = n, e
	d := &desk{rules: rules, binder: signin.NewBinder(accounts, rules), limit: iplimit.New(a.cfg.Rate, a.cfg.Burst, nil)}
	a.desk, err = actor.Spawn(n.Actors(), "account", b, d, actor.Options{Concurrent: a.cfg.Concurrent, Mailbox: deskRoom})
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	return nil
}

// Ready begins to enforce sanctions, and to look at whose time is over.
func (a *Node) Ready(context.Context) error {
	a.node.Go(a.enforcer.run)
	if a.clock != nil {
		a.node.Go(a.clock.run)
	}
	return nil
}

// Stop answers what is in hand and no more.
func (a *Node) Stop(context.Context) error {
	a.desk.Stop()
	return nil
}
