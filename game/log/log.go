// Package log is node type 6: the game's log, of which player got, lost and did what, and when.
//
//	db ─ entries of the ledger, battles, logins ──────► log.Append ──► SQL: a table a day
//	public ─ operators' questions ────────────────────► log.Find ◄────┘
//
// Any node takes any batch, as often as it comes: a record is stored once, by its player and id. So several run at once and share nothing but SQL,
// and whoever sends repeats until he is answered. Days that are not kept any more are dropped, by whichever node looks first; today never is.
//
// It depends on SQL only. When all of these nodes are dead the game goes on: what they were to be told waits in db's tables, see
// game/db (unlogged.go), and operators hear that the log is unavailable.
//
// It decides nothing about what is logged, and never reads the game's own tables.
package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/log"
)

const (
	maxBatch     = 1000 // records
	defaultPage  = 50
	maxPage      = 200
	dropEvery    = time.Hour
	dropPatience = time.Minute
)

// Config is what a node is told.
type Config struct {
	KeepDays int `yaml:"keep_days" doc:"how many days of the game's log are kept before today"`
}

// Defaults is a Config that is good for most games.
func Defaults() Config { return Config{KeepDays: 90} }

// Validate reports what is wrong.
func (c Config) Validate() error {
	if c.KeepDays < 1 || c.KeepDays > 3650 {
		return fmt.Errorf("keep_days: %d; must be 1 to 3650", c.KeepDays)
	}
	return nil
}

// A Service is the node.
type Service struct {
	cfg   Config
	now   func() time.Time
	node  *node.Node
	store *log.Store
}

// New is a node that is not started.
func New(cfg Config) *Service { return &Service{cfg: cfg, now: time.Now} }

// Start registers what peers may call. The tables are made when they are needed.
func (s *Service) Start(_ context.Context, n *node.Node) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	db, err := n.Stores().SQL("log")
	if err != nil {
		return err
	}
	s.node, s.store = n, log.New(db, s.cfg.KeepDays, s.now)
	rpc.HandleFunc(n, api.AppendLog, s.append)
	rpc.HandleFunc(n, api.FindLog, s.find)
	return nil
}

// Ready begins to drop what is not kept.
func (s *Service) Ready(context.Context) error {
	s.node.Go(s.dropAll)
	return nil
}

// Stop has nothing to save; the node finishes the calls that run.
func (s *Service) Stop(context.Context) error { return nil }

func (s *Service) append(ctx context.Context, m *pb.AppendLog) (*pb.Done, error) {
	if n := len(m.GetRecords()); n > maxBatch {
		return nil, fault.Errorf(fault.Invalid, "a batch of %d records is more than %d", n, maxBatch)
	}
	records := make([]log.Record, len(m.GetRecords()))
	for i, r := range m.GetRecords() {
		if r.GetArea() > 1<<16-1 {
			return nil, fault.Errorf(fault.Invalid, "there is no area %d", r.GetArea())
		}
		records[i] = log.Record{
			Player: r.GetPlayer(), ID: r.GetId(), Kind: r.GetKind(), Area: uint16(r.GetArea()), At: r.GetAtMs(), Details: r.GetDetails(),
		}
	}
	return &pb.Done{}, s.store.Append(ctx, records)
}

func (s *Service) find(ctx context.Context, m *pb.FindLog) (*pb.FindLogReply, error) {
	limit := int(m.GetLimit())
	if limit == 0 {
		limit = defaultPage
	}
	if limit < 0 || limit > maxPage {
		return nil, fault.Errorf(fault.Invalid, "a page of %d records is not one of 1 to %d", limit, maxPage)
	}
	q := log.Query{Player: m.GetPlayer(), Kind: m.GetKind(), From: time.UnixMilli(m.GetFromMs()), To: time.UnixMilli(m.GetToMs()), Limit: limit}
	if m.GetToMs() == 0 {
		q.To = s.now().Add(48 * time.Hour) // clocks differ, and nothing later is taken
	}
	if a := m.GetAfter(); a != nil {
		q.After = &log.Record{Player: a.GetPlayer(), ID: a.GetId(), At: a.GetAtMs()}
	}
	found, err := s.store.Find(ctx, q)
	if err != nil {
		return nil, err
	}
	reply := &pb.FindLogReply{More: len(found) == limit}
	for _, r := range found {
		reply.Records = append(reply.Records, &pb.LogRecord{
			Player: r.Player, Id: r.ID, Kind: r.Kind, Area: uint32(r.Area), AtMs: r.At, Details: r.Details,
		})
	}
	return reply, nil
}

// dropAll drops what is not kept, now and again until ctx ends. That several nodes do harms nothing.
func (s *Service) dropAll(ctx context.Context) {
	again := time.NewTicker(dropEvery)
	defer again.Stop()
	for {
		s.drop(ctx)
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

func (s *Service) drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, dropPatience)
	defer cancel()
	n, err := s.store.Drop(ctx)
	switch {
	case err != nil && !errors.Is(err, context.Canceled):
		s.node.Log().Warn("old days of the game's log not dropped; will try again", "err", err)
	case n > 0:
		s.node.Log().Info("old days of the game's log dropped", "days", n)
	}
}
