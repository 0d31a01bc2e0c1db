package actor

import (
	"errors"
	"fmt"
	"math"
	"reflect"
)

// Options say how an actor runs. The zero value is a serial actor with the system's mailbox size that stops when it panics.
type Options struct {
	// Concurrent is how many handlers may run at once, for an actor without state or with a state that is safe for that; 0 and
	// 1 are serial. Messages are begun in order.
	Concurrent int
	// Mailbox is how many messages may be queued; 0 is Config.Mailbox.
	Mailbox int
	// Supervise is what happens after a panic; the zero value is StopOnPanic.
	Supervise Supervision
}

// Validate names every field that is out of bounds.
func (o Options) Validate() error {
	var errs []error
	if o.Concurrent < 0 || o.Concurrent > math.MaxInt16 {
		errs = append(errs, fmt.Errorf("actor: Concurrent %d is not within 0 and %d", o.Concurrent, math.MaxInt16))
	}
	if o.Mailbox < 0 || o.Mailbox > maxMailbox {
		errs = append(errs, fmt.Errorf("actor: Mailbox %d is not within 0 and %d", o.Mailbox, maxMailbox))
	}
	return errors.Join(errs...)
}

// Spawn makes an actor that begins with state, which belongs to it from now on. Its name is found with [System.Lookup] and is
// free again when it has stopped; the empty name makes an anonymous actor. The error is [ErrNameTaken], [ErrStopped] for a
// system that stops, or says what is wrong with the options.
func Spawn[S any](sys *System, name string, b *Behavior[S], state *S, opts Options) (Ref, error) {
	if err := errors.Join(opts.Validate(), opts.Supervise.check(reflect.TypeFor[*S]())); err != nil {
		return Ref{}, err
	}
	c := &cell{
		sys:      sys,
		kind:     sys.kind(&b.behavior),
		name:     name,
		capacity: int32(sys.mailbox(opts.Mailbox)),
		limit:    1,
		most:     int16(max(1, opts.Concurrent)),
	}
	if state != nil || opts.Supervise.fresh == nil {
		c.state, c.born, c.limit = state, true, c.most
	}
	if opts.Supervise.fresh != nil || opts.Supervise.escalate != nil {
		c.more().recovery = &recovery{cell: c, Supervision: opts.Supervise}
	}
	if err := sys.add(c); err != nil {
		return Ref{}, err
	}
	return Ref{c}, nil
}

// mailbox is the capacity of a mailbox for which size was asked.
func (s *System) mailbox(size int) int {
	if size <= 0 {
		return s.cfg.Mailbox
	}
	return size
}
