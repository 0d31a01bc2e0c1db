package peers

import (
	"context"

	"github.com/panjf2000/gnet/v2"

	"loumiao/scripts/bench/harness"
)

type gnetEcho struct {
	gnet.BuiltinEventEngine
	booted chan struct{}
}

func (g *gnetEcho) OnBoot(gnet.Engine) gnet.Action {
	close(g.booted)
	return gnet.None
}

func (g *gnetEcho) OnTraffic(c gnet.Conn) gnet.Action {
	b, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(b); err != nil {
		return gnet.Close
	}
	return gnet.None
}

// ServeGnet is gnet with its defaults: one event loop.
func ServeGnet(*harness.Host) (addr string, err error) { return serveGnet() }

// ServeGnetMulticore is gnet with an event loop for each core.
func ServeGnetMulticore(*harness.Host) (addr string, err error) {
	return serveGnet(gnet.WithMulticore(true))
}

func serveGnet(opts ...gnet.Option) (addr string, err error) {
	if addr, err = freeAddr(); err != nil {
		return "", err
	}
	g := &gnetEcho{booted: make(chan struct{})}
	failed := make(chan error, 1)
	go func() { failed <- gnet.Run(g, "tcp://"+addr, opts...) }()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	select {
	case <-g.booted:
		return addr, nil
	case err := <-failed:
		return "", err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
