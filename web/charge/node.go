package charge

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/policy"
	"loumiao/game/store/order"
	"loumiao/game/token"
	"loumiao/web/charge/pay"
	"loumiao/web/httpserver"
)

// providerTimeout bounds one call of a provider's API.
const providerTimeout = 8 * time.Second

// A Node is the service of one charge node: the [Service] behind an HTTP server.
type Node struct {
	cfg     Config
	tokens  Tokens
	policy  policy.Open
	node    *node.Node
	server  *httpserver.Server
	service *Service
	client  *http.Client // of providers' APIs
}

// NewNode is a charge node that is not started: the index-th of its pod, which listens on the configured port plus index. A nil policy lets everybody buy
// everything.
func NewNode(cfg Config, tokens Tokens, policy policy.Open, index int) *Node {
	cfg.Config = cfg.Config.ForIndex(index)
	return &Node{cfg: cfg, tokens: tokens, policy: policy}
}

// Start takes the address and answers from then on.
func (c *Node) Start(ctx context.Context, n *node.Node) error {
	sql, err := n.Stores().SQL("order")
	if err != nil {
		return err
	}
	asked, err := c.policy.On(n)
	if err != nil {
		return err
	}
	blocks := api.NewBlocks(n.Stores())
	c.node = n
	c.server = httpserver.New(c.cfg.Config, n.Log())
	c.client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}, Timeout: providerTimeout}
	c.service = New(Deps{
		Orders: order.New(sql, n.IDs(), time.Now),
		Goods:  remote{n.RPC()},
		Tables: api.Tables.Of(n.Live()).Get,
		Tokens: c.tokens,
		Barred: func(ctx context.Context, bearer token.Claims) error {
			return blocks.Refuse(ctx, api.AccountID(bearer.Account), bearer.Login)
		},
		Providers:   c.providers(),
		Limits:      order.Limits{Open: c.cfg.OpenOrders, PerMinute: c.cfg.PerMinute},
		ExpireAfter: c.cfg.ExpireAfter,
		Public:      c.public,
		Policy:      asked.Charge,
		Notify:      func(ctx context.Context, player int64) error { return tellOwner(ctx, n.RPC(), player) },
		Log:         n.Log(),
	})
	if err := c.service.Validate(); err != nil {
		return err
	}
	c.service.Routes(c.server.App())
	n.Metrics().MustRegister(c.service.Collector(), c.server.Collector())
	if err := c.server.Start(ctx); err != nil {
		return err
	}
	n.Publish("http", "http://"+c.server.Addr())
	return nil
}

// Ready begins to settle and deliver: db is there.
func (c *Node) Ready(context.Context) error {
	c.node.Go(c.service.Run)
	return nil
}

// Stop answers the requests that are under way, delivers what is in hand, and no more.
func (c *Node) Stop(ctx context.Context) error {
	err := errors.Join(c.server.Stop(ctx), c.service.Stop(ctx))
	c.client.CloseIdleConnections()
	return err
}

// public is the URL under which players' browsers reach this node.
func (c *Node) public() string {
	if c.cfg.Public != "" {
		return strings.TrimRight(c.cfg.Public, "/")
	}
	return "http://" + c.server.Addr()
}

// providers is those that are configured. Real money comes first.
func (c *Node) providers() []pay.Provider {
	var list []pay.Provider
	if cfg := c.cfg.Stripe; cfg.Key != "" {
		list = append(list, pay.Stripe{
			Key: cfg.Key.Reveal(), WebhookSecrets: []string{cfg.WebhookKey.Reveal(), cfg.OldWebhookKey.Reveal()}, Base: cfg.Base, HTTP: c.client,
			Return: func() string {
				if cfg.Return != "" {
					return cfg.Return
				}
				return c.public() + "/thanks"
			},
		})
	}
	if cfg := c.cfg.Sandbox; cfg.Enabled {
		key := cfg.Key.Reveal()
		list = append(list, pay.Sandbox{Secrets: []string{key, cfg.OldKey.Reveal()}}, pay.Receipts{Store: pay.FakeStore{Secret: key}})
	}
	return list
}
