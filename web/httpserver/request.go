package httpserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
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

// admit applies the limit per address; load balancers may ask for the health as often as they like.
func (s *Server) admit(c *fiber.Ctx) error {
	if s.limit == nil || c.Path() == healthPath {
		return nil
	}
	addr := s.ClientIP(c)
	if addr.IsLoopback() { // one's own machine: robots, say
		return nil
	}
	wait, ok := s.limit.allow(addr)
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

// Retry is an error with the time after which to try again, which goes into the Retry-After header.
type Retry struct {
	After time.Duration
	Err   error
}

// Error is that of the error inside.
func (r *Retry) Error() string { return r.Err.Error() }

// Unwrap is the error inside.
func (r *Retry) Unwrap() error { return r.Err }

// fail answers with err: as it is when it was made for the outside, as "internal" otherwise.
func (s *Server) fail(c *fiber.Ctx, err error) error {
	var fe *fiber.Error
	if errors.As(err, &fe) {
		err = fromFiber(fe)
	}
	code, message := fault.Outside(err)
	if code == fault.Internal {
		attrs := []slog.Attr{slog.String("server", s.cfg.Name), slog.String("request", RequestID(c)), slog.Any("error", err)}
		var p *panicked
		if errors.As(err, &p) {
			attrs = append(attrs, slog.String("stack", string(p.stack)))
		}
		s.log.LogAttrs(c.UserContext(), slog.LevelError, "request failed", attrs...)
	}
	var retry *Retry
	if errors.As(err, &retry) {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(max(1, retry.After.Seconds())))))
	}
	return c.Status(status(code, fe)).JSON(errorBody{Error: errorDetail{Code: code.String(), Message: message}})
}

type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// fromFiber is the fault for an error of fiber's own, which it makes for requests that reach no handler.
func fromFiber(e *fiber.Error) error {
	switch {
	case e.Code == fiber.StatusNotFound:
		return fault.New(fault.NotFound, "nothing is served under this path")
	case e.Code == fiber.StatusMethodNotAllowed:
		return fault.New(fault.Unimplemented, "this path does not serve the method")
	case e.Code == fiber.StatusRequestEntityTooLarge, e.Code == fiber.StatusRequestHeaderFieldsTooLarge:
		return fault.New(fault.TooLarge, "the request is too large")
	case e.Code == fiber.StatusRequestTimeout:
		return fault.New(fault.Slow, "the request did not arrive in time")
	case e.Code >= 400 && e.Code < 500:
		return fault.New(fault.Invalid, "this is no HTTP request that can be answered")
	}
	return e
}

// status is the HTTP status: the one that HTTP has for fiber's own errors, that of the code for all others.
func status(code fault.Code, fe *fiber.Error) int {
	if fe != nil && code != fault.Internal {
		return fe.Code
	}
	return code.HTTPStatus()
}

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

// ClientIP is the client's address: the peer of the connection or, behind proxies that are believed, the last address of
// X-Forwarded-For that is none of theirs. What stands to the left of it the client may have written itself.
func (s *Server) ClientIP(c *fiber.Ctx) netip.Addr {
	addr, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	addr = addr.Unmap()
	if !s.isProxy(addr) {
		return addr
	}
	hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if addr = hop.Unmap().WithZone(""); !s.isProxy(addr) {
			break
		}
	}
	return addr
}

func (s *Server) isProxy(a netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
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
