package realname

import (
	"context"
	"time"
	"unicode/utf8"

	"loumiao/framework/fault"
)

// A Claim is who somebody says to be.
type Claim struct {
	Name   string // as the person's papers have it; 1 to 64 bytes of UTF-8
	Number string // of the papers; 1 to 32 printable ASCII characters
}

// Validate is [ErrMismatch] for what nobody's papers can have.
func (c Claim) Validate() error {
	if c.Name == "" || len(c.Name) > 64 || !utf8.ValidString(c.Name) || c.Number == "" || len(c.Number) > 32 {
		return ErrMismatch
	}
	for _, r := range c.Number {
		if r <= ' ' || r > '~' {
			return ErrMismatch
		}
	}
	return nil
}

// A Vouched is what a registry says of a person.
type Vouched struct {
	Born      time.Time // the date, at midnight UTC
	Reference string    // what the registry calls its answer; at most 128 bytes, and nothing that says who it is
}

// A Registry vouches for people.
type Registry interface {
	// Name is 1 to 32 bytes, and is stored with what it has vouched for.
	Name() string
	// Verify is whether there is such a person. Its errors are for the client: [ErrMismatch], [ErrPending], or fault.Unavailable while the registry does not
	// answer. subject names who asks, for the registry to tell repetitions: it says no more than an id.
	Verify(ctx context.Context, subject string, claim Claim) (Vouched, error)
}

// Why nobody is vouched for.
var (
	ErrMismatch    = fault.New(fault.Invalid, "this name and number belong to nobody")
	ErrPending     = fault.New(fault.Unavailable, "this name and number are still being checked; try again in some minutes")
	errUnreachable = fault.New(fault.Unavailable, "names cannot be checked now; try again")
)
