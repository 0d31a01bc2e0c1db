package peers

import (
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"loumiao/scripts/bench/harness"
)

// ServeBroker is a NATS server as the module embeds it, in a process of its own.
func ServeBroker(*harness.Host) (addr string, err error) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true})
	if err != nil {
		return "", err
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return "", errors.New("the NATS server does not start")
	}
	return s.Addr().String(), nil
}

// ServeNATS answers requests and takes messages through the broker that was started before it.
func ServeNATS(h *harness.Host) (addr string, err error) {
	c, err := nats.Connect("nats://" + h.Upstream[0])
	if err != nil {
		return "", err
	}
	if _, err := c.Subscribe("echo", func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		return "", err
	}
	if _, err := c.Subscribe("sink", func(m *nats.Msg) {
		h.Check(m.Data)
		h.Handled.Add(1)
	}); err != nil {
		return "", err
	}
	return h.Upstream[0], c.Flush()
}

// DialNATS has all callers share one connection.
func DialNATS(e *harness.Env, _ int) (*harness.Caller, error) {
	c, err := nats.Connect("nats://" + e.Servers[0].Addr)
	if err != nil {
		return nil, err
	}
	payload := []byte(harness.Payload)
	return &harness.Caller{
		Call: func(int) error {
			m, err := c.Request("echo", payload, timeout)
			if err == nil && string(m.Data) != harness.Payload {
				err = errAnswer
			}
			return err
		},
		Send:  func() error { return c.Publish("sink", payload) },
		Close: c.Close,
	}, nil
}
