package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/prometheus/client_golang/prometheus"

	"loumiao/framework/iplimit"
)

// headerLimit is the largest header of a request, in bytes.
const headerLimit = 8 << 10

// A Server serves HTTP from Start to Stop. Routes are registered before Start; everything else is safe for concurrent use.
type Server struct {
	cfg     Config
	log     *slog.Logger
	app     *fiber.App
	proxies []netip.Prefix
	limit   *iplimit.Limit // nil: none
	page    Page           // nil: errors are JSON
	seconds *prometheus.HistogramVec

	base context.Context // of all requests
	end  context.CancelFunc

	mu       sync.Mutex
	listener *listener
	served   chan struct{} // closed when serving has ended
	stopped  bool
	stop     sync.Once
	stopErr  error
}

// New is a server that does not listen yet. What is wrong with cfg is reported by Start; see [Config.Validate]. A nil log is none.
func New(cfg Config, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cfg = cfg.withDefaults()
	s := &Server{cfg: cfg, log: log, seconds: newSeconds(cfg.Name)}
	s.proxies, _ = parseProxies(cfg.Proxies)
	s.base, s.end = context.WithCancel(context.Background())
	if cfg.Rate > 0 {
		s.limit = iplimit.New(cfg.Rate, cfg.Burst, time.Now)
	}
	s.app = fiber.New(fiber.Config{
		AppName:               cfg.Name,
		BodyLimit:             cfg.BodyLimit,
		ReadBufferSize:        headerLimit,
		ReadTimeout:           cfg.ReadTimeout,
		WriteTimeout:          cfg.WriteTimeout,
		IdleTimeout:           cfg.IdleTimeout,
		Concurrency:           cfg.MaxConns,
		ErrorHandler:          s.fail,
		Immutable:             true, // strings from a request may be kept: safer than fast here
		DisableStartupMessage: true,
		DisableDefaultDate:    true, // it takes a goroutine that nobody can stop
		Network:               "tcp",
	})
	s.app.Use(s.around)
	if len(cfg.Origins) > 0 && cfg.Validate() == nil { // the middleware panics on what Validate refuses
		s.app.Use(cors.New(cors.Config{
			AllowOrigins:  strings.Join(cfg.Origins, ","),
			AllowHeaders:  "Content-Type, Authorization, X-Request-Id",
			ExposeHeaders: "X-Request-Id, Retry-After",
			MaxAge:        int((10 * time.Minute).Seconds()),
		}))
	}
	s.app.Get(healthPath, s.health)
	return s
}

// App is where routes are registered.
func (s *Server) App() *fiber.App { return s.app }

// A Page answers with what went wrong as a page, where a browser shows what is answered; false, and nothing, where a program reads it. It is called for what is
// refused, too, of which there may be much: it should cost little.
type Page func(c *fiber.Ctx, said string) (bool, error)

// ShowErrors has errors that no handler has answered shown by page. It is called before Start.
func (s *Server) ShowErrors(page Page) { s.page = page }

// Collector is the server's metrics: the duration of requests by method, route and status.
func (s *Server) Collector() prometheus.Collector { return s.seconds }

// Start listens, and serves until Stop. ctx bounds the start only. A server starts once.
func (s *Server) Start(ctx context.Context) error {
	if err := s.cfg.Validate(); err != nil {
		return fmt.Errorf("%s: %w", s.cfg.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil || s.stopped {
		return fmt.Errorf("%s: started twice, or after Stop", s.cfg.Name)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("%s: cannot listen on %s: %w; stop what holds the address, or change %s", s.cfg.Name, s.cfg.Listen, err, s.cfg.ListenKey)
	}
	s.listener = newListener(ln)
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		if err := s.app.Listener(s.listener); err != nil && !errors.Is(err, net.ErrClosed) {
			s.log.Error("serving HTTP ended", slog.String("server", s.cfg.Name), slog.Any("error", err))
		}
	}()
	return nil
}

// Addr is the address that is listened on, with the real port; "" before Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Stop refuses new connections, waits for the requests in hand and ends. When ctx ends first, contexts of requests are cancelled, their
// connections are cut and the error says so. It may be called again, and without Start.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Do(func() { s.stopErr = s.shutdown(ctx) })
	return s.stopErr
}

func (s *Server) shutdown(ctx context.Context) error {
	s.mu.Lock()
	ln, served := s.listener, s.served
	s.stopped = true
	s.mu.Unlock()
	defer s.end()
	if ln == nil {
		return nil
	}
	_ = ln.Close() // before fasthttp does: it forgets a listener that it has not begun to serve
	err := s.app.ShutdownWithContext(ctx)
	<-served
	if err == nil {
		return nil
	}
	s.end()
	cut := ln.cut()
	s.awaitHandlers(ln)
	return fmt.Errorf("%s: stop: cut %d connections: %w", s.cfg.Name, cut, err)
}

// awaitHandlers gives handlers whose context has just ended a moment to return.
func (s *Server) awaitHandlers(ln *listener) {
	const (
		grace = time.Second
		poll  = 5 * time.Millisecond
	)
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ln.open() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.log.Warn("a handler does not end with its context", slog.String("server", s.cfg.Name))
			return
		}
	}
}
