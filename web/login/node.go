package login

import (
	"context"

	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/signin"
	"loumiao/game/token"
	"loumiao/web/httpserver"
)

// A Node is the service of one login node: the [Service] behind an HTTP server.
type Node struct {
	cfg    Config
	rules  signin.Config
	tokens Tokens
	server *httpserver.Server
}

// NewNode is a login node that is not started: the index-th of its pod, which listens on the configured port plus index.
func NewNode(cfg Config, rules signin.Config, tokens Tokens, index int) *Node {
	cfg.Config = cfg.Config.ForIndex(index)
	return &Node{cfg: cfg, rules: rules, tokens: tokens}
}

// Start takes the address and answers from then on; without a gate, with an error that says so.
func (l *Node) Start(ctx context.Context, n *node.Node) error {
	rules, accounts, err := signin.Open(n, l.rules)
	if err != nil {
		return err
	}
	blocks, designed := api.NewBlocks(n.Stores()), api.Tables.Of(n.Live())
	l.server = httpserver.New(l.cfg.Config, n.Log())
	service := New(Deps{
		Rules:  rules,
		Gates:  published(api.NewGates(n.Stores())),
		Tokens: l.tokens,
		Binder: signin.NewBinder(accounts, rules),
		Barred: func(ctx context.Context, bearer token.Claims) error {
			return blocks.Refuse(ctx, api.AccountID(bearer.Account), bearer.Login)
		},
		ClientIP: l.server.ClientIP,
		Tables:   func() (string, []byte) { t := designed.Get(); return t.Version(), t.JSON() },
	})
	if err := service.Validate(); err != nil {
		return err
	}
	service.Routes(l.server.App())
	n.Metrics().MustRegister(rules.Collector(), l.server.Collector())
	if err := l.server.Start(ctx); err != nil {
		return err
	}
	n.Publish("http", "http://"+l.server.Addr())
	return nil
}

// Ready needs nothing of others.
func (l *Node) Ready(context.Context) error { return nil }

// Stop answers the requests that are under way and no more.
func (l *Node) Stop(ctx context.Context) error { return l.server.Stop(ctx) }

// published is the gates that publish their load.
func published(gates *api.Gates) Gates {
	return GatesFunc(func(ctx context.Context, area uint16, n int) ([]Gate, error) {
		loads, err := gates.Pick(ctx, api.Area(area), n)
		if err != nil {
			return nil, err
		}
		list := make([]Gate, len(loads))
		for i, g := range loads {
			list[i] = Gate{TCP: g.TCP, WS: g.WS, KCP: g.KCP, Sessions: g.Sessions, Capacity: g.Capacity}
		}
		return list, nil
	})
}
