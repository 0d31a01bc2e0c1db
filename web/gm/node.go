package gm

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/store/account"
	"loumiao/game/store/keypoint"
	"loumiao/game/store/operator"
	"loumiao/game/store/order"
	"loumiao/web/httpserver"
)

// A Node is the service of one gm node: the [Service] behind an HTTP server.
type Node struct {
	cfg    Config
	key    []byte
	server *httpserver.Server
}

// Owners is whose tables it opens: it writes operators' and reads the others'.
func Owners() []string { return []string{"operator", "account", "order", "keypoint"} }

// NewNode is a gm node that is not started: the index-th of its pod, which listens on the configured port plus index. key is
// what operators' secrets are sealed with, the same for all gm nodes: see [operator.New].
func NewNode(cfg Config, key []byte, index int) *Node {
	cfg.Config = cfg.Config.ForIndex(index)
	return &Node{cfg: cfg, key: key}
}

// Start takes the address and answers from then on. While there is no operator, it prints a link that makes the first one, in the log: the newest link counts, once, for
// an hour.
func (g *Node) Start(ctx context.Context, n *node.Node) error {
	handles := map[string]*gorm.DB{}
	for _, owner := range Owners() {
		var err error
		if handles[owner], err = n.Stores().SQL(owner); err != nil {
			return err
		}
	}
	g.server = httpserver.New(g.cfg.Config, n.Log())
	operators, err := operator.New(handles["operator"], n.IDs(), g.key, time.Now, nil)
	if err != nil {
		return err
	}
	service := New(Deps{
		Operators: operators, Accounts: account.New(handles["account"], n.IDs(), time.Now), Orders: order.New(handles["order"], n.IDs(), time.Now),
		Events: keypoint.New(handles["keypoint"]), Commands: command.NewQueue(n.Stores()), Cluster: n.Cluster(), Tables: api.Tables.Of(n.Live()).Get, Public: g.public, ClientIP: g.server.ClientIP,
		Funnel: g.cfg.Funnel, Now: time.Now, Log: n.Log(),
	})
	service.Routes(g.server.App())
	g.server.ShowErrors(service.showRefusal)
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
