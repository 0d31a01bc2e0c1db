package keypoint

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"loumiao/framework/store"
	"loumiao/game/store/keypoint"
)

// pruneEvery is how often what is old is dropped, and up to half as much more, so that nodes do not go in step.
const pruneEvery = time.Hour

// maxUnpacking bounds how many batches are unpacked at once, and so the memory for it: that times the largest batch, and what it is decoded to.
const maxUnpacking = 32

// A Service takes events in and answers questions. It is safe for concurrent use.
type Service struct {
	cfg       Config
	schemas   *Schemas
	events    *keypoint.Store
	stream    *stream
	keys      keyring
	metrics   *metrics
	writers   []*writer
	unpacking chan struct{} // holds a token of each batch that is unpacked
	log       *slog.Logger
	now       func() time.Time
}

// New is a service of the node of that name, on the tables of events and the stream in stores. now is the clock; nil is time.Now. A nil log is none.
func New(cfg Config, schemas *Schemas, stores *store.Stores, events *keypoint.Store, name string, now func() time.Time, log *slog.Logger) *Service {
	if now == nil {
		now = time.Now
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		cfg: cfg, schemas: schemas, events: events, stream: &stream{stores: stores, limit: cfg.Backlog}, keys: newKeyring(cfg),
		metrics: newMetrics(), unpacking: make(chan struct{}, maxUnpacking), log: log, now: now,
	}
	for i := range cfg.Writers {
		s.writers = append(s.writers, &writer{
			name: fmt.Sprintf("%s-%d", name, i), stream: s.stream, events: events, metrics: s.metrics, log: log, now: now, idle: claimAfter,
		})
	}
	return s
}

// Collector is the service's metrics.
func (s *Service) Collector() prometheus.Collector { return s.metrics }

// Routes registers the service's paths.
func (s *Service) Routes(app *fiber.App) {
	app.Post("/v1/events", s.ingest)
	app.Get("/v1/active", s.reads(s.active))
	app.Get("/v1/retention", s.reads(s.retention))
	app.Get("/v1/conversion", s.reads(s.conversion))
	app.Get("/v1/funnel", s.reads(s.funnel))
	app.Get("/v1/quarantine", s.reads(s.quarantine))
}

// Run writes what is on the stream, and drops what is old, until ctx ends; it returns when all of that has.
func (s *Service) Run(ctx context.Context) {
	var busy sync.WaitGroup
	for _, w := range s.writers {
		busy.Go(func() { w.run(ctx) })
	}
	busy.Go(func() { s.prune(ctx) })
	busy.Wait()
}

func (s *Service) prune(ctx context.Context) {
	for {
		next := time.NewTimer(pruneEvery + rand.N(pruneEvery/2))
		select {
		case <-next.C:
			now := s.now()
			if err := s.events.Prune(ctx, now.Add(-s.cfg.Keep), keypoint.DayOf(now.Add(-s.cfg.Active))); err != nil && ctx.Err() == nil {
				s.log.LogAttrs(ctx, slog.LevelWarn, "old events not dropped", slog.Any("error", err))
			}
		case <-ctx.Done():
			next.Stop()
			return
		}
	}
}
