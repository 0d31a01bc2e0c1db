package httpserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"loumiao/framework/fault"
)

const (
	healthPath   = "/healthz"
	maxRequestID = 64 // bytes of a request id that a client may choose
	noRoute      = "none"
)

type localKey int

const requestIDKey localKey = iota

// RequestID is the id of the request, which is also its X-Request-Id header, and the client's when it sent a decent one.
func RequestID(c *fiber.Ctx) string {
	requestID, _ := c.Locals(requestIDKey).(string)
	return requestID
}

// around is what happens to every request.
func (s *Server) around(c *fiber.Ctx) error {
	began := time.Now()
	requestID := c.Get(fiber.HeaderXRequestID)
	if !decentID(requestID) {
		requestID = newID()
	}
	c.Locals(requestIDKey, requestID)
	c.Set(fiber.HeaderXRequestID, requestID)
	secure(c)

	ctx, cancel := context.WithTimeout(s.base, s.cfg.HandlerTimeout)
	defer cancel()
	c.SetUserContext(ctx)

	err := s.admit(c)
	if err == nil {
		err = s.plain(c)
	}
	if err == nil {
		err = s.next(c)
	}
	route := c.Route().Path
	if err != nil {
		var fe *fiber.Error
		if errors.As(err, &fe) && (fe.Code == fiber.StatusNotFound || fe.Code == fiber.StatusMethodNotAllowed) {
			route = noRoute // a client's path is no label: there is no end of them
		}
		if err := s.fail(c, err); err != nil {
			return err
		}
	}
	took, status := time.Since(began), c.Response().StatusCode()
	s.seconds.WithLabelValues(c.Method(), route, strconv.Itoa(status)).Observe(took.Seconds())
	s.log.LogAttrs(ctx, slog.LevelDebug, "request",
		slog.String("server", s.cfg.Name), slog.String("method", c.Method()), slog.String("route", route), slog.Int("status", status),
		slog.Duration("took", took), slog.String("from", s.ClientIP(c).String()), slog.String("request", requestID))
	return nil
}

// plain refuses compressed bodies, unless the handlers want them. The limit is for bodies as they come, and what a handler would make of a few hundred
// bytes has none.
func (s *Server) plain(c *fiber.Ctx) error {
	if encoding := c.Get(fiber.HeaderContentEncoding); !s.cfg.Compressed && encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fault.New(fault.Invalid, "the body must not be compressed")
	}
	return nil
}

// admit applies the limit per address; load balancers may ask for the health as often as they like.
func (s *Server) admit(c *fiber.Ctx) error {
	if s.limit == nil || c.Path() == healthPath {
		return nil
	}
	addr := s.ClientIP(c)
	if addr.IsLoopback() { // one's own machine: robots, say
		return nil
	}
	wait, ok := s.limit.Allow(addr)
	if ok {
		return nil
	}
	return &Retry{After: wait, Err: fault.Errorf(fault.RateLimited, "too many requests; try again in %s", wait.Round(time.Millisecond))}
}

// next runs the handlers behind, and makes an error of a panic.
func (s *Server) next(c *fiber.Ctx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{value: p, stack: debug.Stack()}
		}
	}()
	return c.Next()
}

type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// secure sets headers that suit an API; a handler that serves pages sets its own.
func secure(c *fiber.Ctx) {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderCacheControl, "no-store")
}

func (s *Server) health(c *fiber.Ctx) error {
	if s.cfg.Health != nil {
		if err := s.cfg.Health(c.UserContext()); err != nil {
			_, why := fault.Outside(err)
			return fault.New(fault.Unavailable, why)
		}
	}
	return c.JSON(map[string]string{"status": "ok"})
}

func decentID(requestID string) bool {
	if requestID == "" || len(requestID) > maxRequestID {
		return false
	}
	for _, r := range requestID {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func newSeconds(server string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:        "http_request_seconds",
		Help:        "Duration of HTTP requests.",
		Buckets:     []float64{.001, .005, .01, .05, .1, .5, 1, 5},
		ConstLabels: prometheus.Labels{"server": server},
	}, []string{"method", "route", "status"})
}

// Bearer is the token of a request's Authorization header, or a fault.Unauthenticated.
func Bearer(c *fiber.Ctx) (string, error) {
	scheme, text, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		return "", fault.New(fault.Unauthenticated, "a token is needed, as Authorization: Bearer TOKEN")
	}
	return text, nil
}
