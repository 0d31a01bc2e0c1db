package config

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"loumiao/framework/live"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/store/config"
)

// A Service is the configuration centre's node. It is ready when it leads; until then it stands by.
type Service struct {
	cfg    Config
	schema *live.Schema
	node   *node.Node
	store  *config.Store
	board  *live.Board
	leader *node.Leader
	reign  atomic.Pointer[reign] // nil: another node leads, if any
}

var _ node.Service = (*Service)(nil)

// New is a centre for the settings of a schema that has not started.
func New(cfg Config, schema *live.Schema) *Service { return &Service{cfg: cfg, schema: schema} }

// Start opens the tables and registers what peers may call.
func (s *Service) Start(_ context.Context, n *node.Node) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	db, err := n.Stores().SQL("config")
	if err != nil {
		return err
	}
	s.node, s.store, s.board = n, config.New(db, time.Now), live.NewBoard(n.Stores())
	s.leader = n.NewLeader(config.Fence, "config", s.cfg.Lease, s.lead)
	rpc.HandleFunc(n, api.ReadConfig, s.read)
	rpc.HandleFunc(n, api.CheckConfig, s.check)
	rpc.HandleFunc(n, api.PublishConfig, s.publish)
	rpc.HandleFunc(n, api.RollBackConfig, s.rollBack)
	rpc.HandleFunc(n, api.ListConfigHistory, s.history)
	return nil
}

// Ready returns when this node leads.
func (s *Service) Ready(ctx context.Context) error { return s.leader.Ready(ctx) }

// lead serves with an epoch until ctx ends.
func (s *Service) lead(ctx context.Context, epoch uint64, ready func()) error {
	r := &reign{epoch: epoch, store: s.store, board: s.board, schema: s.schema, log: s.node.Log()}
	if err := r.begin(ctx); err != nil {
		return fmt.Errorf("begin to lead: %w", err)
	}
	s.reign.Store(r)
	defer s.reign.Store(nil)
	ready()
	r.keepUp(ctx)
	return nil
}

// Stop gives the lead up.
func (s *Service) Stop(context.Context) error {
	s.leader.Stop()
	return nil
}
