package keypoint

import (
	"context"

	"loumiao/framework/node"
	"loumiao/game/store/keypoint"
	"loumiao/web/httpserver"
)

// A Node is the service of one keypoint node: the [Service] behind an HTTP server.
type Node struct {
	cfg     Config
	schemas *Schemas
	node    *node.Node
	server  *httpserver.Server
	service *Service
}

// NewNode is a keypoint node that is not started: the index-th of its pod, which listens on the configured port plus index.
func NewNode(cfg Config, schemas *Schemas, index int) *Node {
	cfg.Config = cfg.Config.ForIndex(index)
	return &Node{cfg: cfg, schemas: schemas}
}

// Start takes the address and answers from then on.
func (k *Node) Start(ctx context.Context, n *node.Node) error {
	sql, err := n.Stores().SQL("keypoint")
	if err != nil {
		return err
	}
	k.node = n
	k.server = httpserver.New(k.cfg.Config, n.Log())
	k.service = New(k.cfg, k.schemas, n.Stores(), keypoint.New(sql), n.ID().String(), nil, n.Log())
	k.service.Routes(k.server.App())
	n.Metrics().MustRegister(k.service.Collector(), k.server.Collector())
	if err := k.server.Start(ctx); err != nil {
		return err
	}
	n.Publish("http", "http://"+k.server.Addr())
	return nil
}

// Ready begins to write what is on the stream.
func (k *Node) Ready(context.Context) error {
	k.node.Go(k.service.Run)
	return nil
}

// Stop answers the requests that are under way and no more. What is on the stream stays there.
func (k *Node) Stop(ctx context.Context) error { return k.server.Stop(ctx) }
