package channel

import (
	"context"

	"loumiao/framework/fault"
)

// A Channel vouches for its users.
type Channel interface {
	// Name is the kind of identity that it vouches for: 1 to 16 lower-case letters, digits and underscores, beginning with a letter.
	Name() string
	// Verify is whose ticket it is. Its errors are for the client: [ErrTicket], [ErrRevoked], or fault.Unavailable while the channel does not answer.
	Verify(ctx context.Context, ticket string) (User, error)
}

// A User is somebody to a channel.
type User struct {
	ID   string // never changes, and is never given to another; 1 to 128 bytes
	Name string // to show to the user
}

// Why a ticket is refused.
var (
	ErrTicket      = fault.New(fault.Unauthenticated, "the channel's ticket is not valid; get a new one")
	ErrRevoked     = fault.New(fault.Unauthenticated, "the channel has taken this login back")
	errUnreachable = fault.New(fault.Unavailable, "the channel does not answer; try again")
)
