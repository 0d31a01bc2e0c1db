package charge

import (
	"context"
	"log/slog"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/web/charge/pay"
)

// callback stores what a provider tells, and answers. What it means is found out afterwards.
func (s *Service) callback(c *fiber.Ctx) error {
	caller, ok := s.providers[c.Params("provider")].(pay.Caller)
	if !ok {
		return fault.New(fault.NotFound, "there is no such payment provider")
	}
	// The body as it came: a signature is over these bytes and no others.
	if err := s.receive(c.UserContext(), caller, func(name string) string { return c.Get(name) }, c.Request().Body()); err != nil {
		return err
	}
	return c.JSON(map[string]bool{"received": true})
}

// receive verifies a callback and stores its event.
func (s *Service) receive(ctx context.Context, caller pay.Caller, header func(string) string, body []byte) error {
	event, err := caller.Callback(header, body, s.Now())
	if err != nil {
		s.metrics.callbacks.WithLabelValues(caller.Name(), result(err)).Inc()
		s.Log.LogAttrs(ctx, slog.LevelWarn, "callback refused", slog.String("provider", caller.Name()), slog.Any("error", err))
		return err
	}
	stored, err := s.Orders.Receive(ctx, event)
	switch {
	case err != nil:
		s.metrics.callbacks.WithLabelValues(caller.Name(), result(err)).Inc()
		return err
	case stored.Fresh:
		s.metrics.callbacks.WithLabelValues(caller.Name(), "stored").Inc()
		s.wake()
	default:
		s.metrics.callbacks.WithLabelValues(caller.Name(), "repeated").Inc()
	}
	return nil
}
