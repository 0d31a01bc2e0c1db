package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"loumiao/framework/fault"
)

// Dial connects to the node at addr (host:port) for the role, and gives what arrives to h; the first frame may come before Dial returns. want says who must be
// there: a node and a boot, where 0 is any; its Type is not looked at. The connection belongs to the caller, who ends it with Close.
//
// Errors have code fault.Unauthenticated when the two do not hold the same key, fault.Cancelled or fault.Deadline when ctx ended, and fault.Unavailable
// otherwise: nobody there, somebody else there, or refused.
func Dial(ctx context.Context, addr string, cfg Config, role Role, want Peer, h Handler) (*Conn, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	limited, cancel := context.WithTimeout(ctx, cfg.HandshakeTimeout)
	defer cancel()
	nc, peer, err := dial(limited, addr, cfg, role, want)
	if err != nil {
		code, text := fault.Unavailable, ""
		var e *fault.Error
		switch {
		case ctx.Err() != nil:
			code, text = fault.Outside(ctx.Err())
			err = ctx.Err()
		case errors.As(err, &e):
			code, text = e.Code, e.Message
		default:
			text = err.Error()
		}
		return nil, fault.Wrap(err, code, fmt.Sprintf("link to %s for %v: %s", addr, role, text))
	}
	c := newConn(nc, cfg, role, peer)
	c.dialed = true
	c.start(h)
	c.out.uncork()
	return c, nil
}

func dial(ctx context.Context, addr string, cfg Config, role Role, want Peer) (net.Conn, Peer, error) {
	nc, err := cfg.Dialer(ctx, addr)
	if err != nil {
		return nil, Peer{}, err
	}
	release := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) }) // ends the handshake, whatever it waits for
	peer, err := shakeAsDialer(nc, cfg, role, want)
	if !release() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = nc.Close()
		return nil, Peer{}, err
	}
	return nc, peer, nil
}
