package client

import (
	"context"
	"net"
)

// Over shakes hands over a connection that is there already.
func Over(ctx context.Context, c net.Conn, opts Options) (*Conn, error) {
	return Through(ctx, func(string) (net.Conn, error) { return c, nil }, "", opts)
}

// Through opens a session over whatever connections dial gives.
func Through(ctx context.Context, dial func(addr string) (net.Conn, error), addr string, opts Options) (*Conn, error) {
	return begin(ctx, func(_ context.Context, addr string) (transport, error) {
		c, err := dial(addr)
		if err != nil {
			return nil, err
		}
		return newStream(c), nil
	}, addr, opts)
}

// The limits that tests hold the package to.
const (
	AckEvery     = ackEvery
	AckAfter     = ackAfter
	MaxBody      = maxBody
	MaxReply     = maxReply
	WriteTimeout = writeTimeout
	LastWords    = lastWords
	MaxKept      = maxKept
	MaxWaiting   = maxWaiting
	PieceFrames  = pieceFrames
)
