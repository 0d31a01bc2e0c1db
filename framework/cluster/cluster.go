package cluster

import (
	"context"
	"errors"
	"log/slog"
)

// Config is what a [Cluster] needs.
type Config struct {
	Self      Member
	Bind      string
	Advertise string
	Join      []string
	GossipKey []byte
	Keyring   string
	Observer  bool
	Logger    *slog.Logger
	Stretch   int
}

// Cluster is this node's part in gossip.
type Cluster struct{ board board }

var ErrReplaced = errors.New("cluster: a newer boot of this node has taken its place")

func New(cfg Config) (*Cluster, error) { return &Cluster{}, nil }

func (c *Cluster) Start(ctx context.Context) error                 { return nil }
func (c *Cluster) Addr() string                                    { return "" }
func (c *Cluster) Self() Member                                    { return Member{} }
func (c *Cluster) Join(ctx context.Context, seeds []string) error  { return nil }
func (c *Cluster) SetState(s State)                                {}
func (c *Cluster) Lost() <-chan struct{}                           { return nil }
func (c *Cluster) Cause() error                                    { return nil }
func (c *Cluster) Leave(ctx context.Context) error                 { return nil }
func (c *Cluster) Stop(ctx context.Context) error                  { return nil }
func (c *Cluster) Snapshot() *Snapshot                             { return c.board.snapshot() }
func (c *Cluster) Watch(fn func(old, new *Snapshot)) (stop func()) { return c.board.watch(fn) }
