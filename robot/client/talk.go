package client

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"loumiao/framework/udp"
	"loumiao/framework/wire"
)

// talk opens a conversation over KCP, with TLS in it or without.
func talk(ctx context.Context, u *url.URL, opts Options) (transport, error) {
	c, err := udp.Dial(ctx, u.Host)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "kcp" {
		return &conversation{stream: newStream(c), udp: c}, nil
	}
	cfg := opts.TLS.Clone()
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		cfg.ServerName = u.Hostname()
	}
	secure := tls.Client(c, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return &conversation{stream: newStream(secure), udp: c}, nil
}

// A conversation is frames over KCP, one after another.
type conversation struct {
	*stream
	udp  *udp.Conn
	left atomic.Bool // the last word is said
}

func (c *conversation) write(frame []byte) error {
	if len(frame) >= wire.HeaderSize {
		h, err := wire.ParseHeader(frame)
		c.left.Store(err == nil && h.Kind == wire.Leave)
	}
	return c.stream.write(frame)
}

// close waits, after the last word, for the gate to hear it: when a conversation ends, what has just been written may be lost.
func (c *conversation) close() error {
	if c.left.Load() {
		late := time.NewTimer(lastWords)
		defer late.Stop()
		select {
		case <-c.udp.Done():
		case <-late.C:
		}
	}
	if err := c.udp.Close(); err != net.ErrClosed {
		return err
	}
	return nil
}
