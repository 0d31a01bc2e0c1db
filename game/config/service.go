package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/lease"
	"loumiao/framework/live"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/store/config"
)

var errLostLead = errors.New("config: the lead was lost")

// A Service is the configuration centre's node. It is ready when it leads; until then it stands by.
type Service struct {
	cfg    Config
	schema *live.Schema
	node   *node.Node
	store  *config.Store
	board  *live.Board
	single *lease.Singleton
	reign  atomic.Pointer[reign] // nil: another node leads, if any

	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup
}

var _ node.Service = (*Service)(nil)

// New is a centre for the settings of a schema that has not started.
func New(cfg Config, schema *live.Schema) *Service {
	s := &Service{cfg: cfg, schema: schema}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

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
	times := s.cfg.Lease
	times.TTL = n.Stretch(cmp.Or(times.TTL, lease.DefaultTTL))
	s.single = lease.NewSingleton(n.Stores(), config.Fence, "config", n.ID(), n.Boot(), times, n.Log())
	rpc.HandleFunc(n, api.ReadConfig, s.read)
	rpc.HandleFunc(n, api.CheckConfig, s.check)
	rpc.HandleFunc(n, api.PublishConfig, s.publish)
	rpc.HandleFunc(n, api.RollBackConfig, s.rollBack)
	rpc.HandleFunc(n, api.ListConfigHistory, s.history)
	return nil
}

// Ready returns when this node leads. It goes on to lead until Stop; if it loses the lead before, the node fails, to start again as a standby.
func (s *Service) Ready(ctx context.Context) error {
	led, ended := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	s.work.Go(func() {
		ended <- s.single.Run(s.life, func(ctx context.Context, epoch uint64) error {
			err := s.lead(ctx, epoch, func() { once.Do(func() { close(led) }) })
			if s.life.Err() != nil {
				return nil
			}
			s.node.Fail(errors.Join(errLostLead, err))
			return err
		})
	})
	select {
	case <-led:
		return nil
	case err := <-ended:
		return errors.Join(errors.New("config: stopped before it led"), err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

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
	s.end()
	s.work.Wait()
	return nil
}
