package client

import (
	"context"
	"net"
)

// Over shakes hands over a connection that is there already.
func Over(ctx context.Context, c net.Conn, opts Options) (*Conn, error) {
	return shake(ctx, newStream(c), opts)
}

// The limits that tests hold the package to.
const (
	AckEvery     = ackEvery
	AckAfter     = ackAfter
	MaxBody      = maxBody
	MaxReply     = maxReply
	WriteTimeout = writeTimeout
	LastWords    = lastWords
)
