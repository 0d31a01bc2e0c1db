package gm

import (
	"context"
	"strings"
	"time"

	"loumiao/framework/node"
	"loumiao/game/command"
	"loumiao/game/store/operator"
	"loumiao/web/httpserver"
)

// A Node is the service of one gm node: the [Service] behind an HTTP server.
type Node struct {
	cfg    Config
	server *httpserver.Server
}

// NewNode is a gm node that is not started: the index-th of its pod, which listens on the configured port plus index.
func NewNode(cfg Config, index int) *Node {
	cfg.Config = cfg.Config.ForIndex(index)
	return &Node{cfg: cfg}
}

// Start takes the address and answers from then on. While there is no operator, it prints a link that makes the first one, in the log: the newest link counts, once, for
// an hour.
func (g *Node) Start(ctx context.Context, n *node.Node) error {
	sql, err := n.Stores().SQL("operator")
	if err != nil {
		return err
	}
	g.server = httpserver.New(g.cfg.Config, n.Log())
	operators := operator.New(sql, n.IDs(), time.Now)
	service := New(Deps{
		Operators: operators, Commands: command.NewQueue(n.Stores()), Cluster: n.Cluster(), Public: g.public, ClientIP: g.server.ClientIP, Log: n.Log(),
	})
	service.Routes(g.server.App())
	n.Metrics().MustRegister(g.server.Collector())
	if err := g.server.Start(ctx); err != nil {
		return err
	}
	n.Publish("http", "http://"+g.server.Addr())
	token, err := operators.InviteFirst(ctx)
	if err != nil {
		return err
	}
	if token != "" {
		n.Log().Warn("the console has no operator: open this link within the hour to become the first", "link", joinLink(g.public(), token))
	}
	return nil
}

// Ready needs nothing of others.
func (g *Node) Ready(context.Context) error { return nil }

// Stop answers the requests that are under way and no more.
func (g *Node) Stop(ctx context.Context) error { return g.server.Stop(ctx) }

func (g *Node) public() string {
	if g.cfg.Public != "" {
		return strings.TrimRight(g.cfg.Public, "/")
	}
	return "http://" + g.server.Addr()
}

func joinLink(public, token string) string { return public + "/join?token=" + token }
