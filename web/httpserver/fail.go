package httpserver

import (
	"errors"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
)

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
	c.Status(status(code, fe))
	if s.page != nil {
		secure(c) // what reaches no handler has not passed there
		if shown, err := s.page(c, message); shown || err != nil {
			return err
		}
	}
	return c.JSON(errorBody{Error: errorDetail{Code: code.String(), Message: message}})
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
