package client

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
)

// maxGivenUp is how many calls that were given up are remembered, to tell their late answers from answers to nothing.
const maxGivenUp = 1024

// A call waits for its answer.
type call struct {
	stream   uint8
	sequence uint32      // the request's
	answer   chan answer // has room for one
}

type answer struct {
	message proto.Message
	err     error
}

// Start sends a request and returns how to wait for its answer, once, so that several can be on their way at the same time; they are sent in
// the order of the calls of Start. An error of the server's comes back as the *fault.Error that it was. Sending waits for a gate that does not
// read, and after 10 seconds of that the connection is broken. While a session that can come back has no connection, requests wait for the next one; when too many
// do, the error is fault.Overloaded.
func Start[R proto.Message](c *Conn, m proto.Message) (wait func(context.Context) (R, error), err error) {
	stream, err := c.streamOf(m)
	if err != nil {
		return nil, err
	}
	waiting := &call{stream: stream, answer: make(chan answer, 1)}
	number, err := c.request(waiting, m)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (R, error) {
		var none R
		select {
		case a := <-waiting.answer:
			if a.err != nil {
				return none, a.err
			}
			r, ok := a.message.(R)
			if !ok {
				return none, violation("%T is answered by %T, and not by %T", m, a.message, none)
			}
			return r, nil
		case <-ctx.Done():
			c.giveUp(number)
			code, text := fault.Outside(ctx.Err())
			return none, fault.New(code, text)
		}
	}, nil
}

// Request sends a message and waits for its answer, of type R.
func Request[R proto.Message](ctx context.Context, c *Conn, m proto.Message) (R, error) {
	wait, err := Start[R](c, m)
	if err != nil {
		var none R
		return none, err
	}
	return wait(ctx)
}

// Send sends a message that is not answered. Like Start, it may have to wait for the gate to read.
func (c *Conn) Send(m proto.Message) error {
	stream, err := c.streamOf(m)
	if err != nil {
		return err
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	if ended := c.Err(); ended != nil {
		return ended
	}
	return c.sendLocked(wire.Send, stream, 0, m)
}

func (c *Conn) streamOf(m proto.Message) (uint8, error) {
	msg, ok := c.opts.Registry.ForType(m)
	if !ok {
		return 0, fmt.Errorf("%T is not declared for clients", m)
	}
	stream, ok := c.last.Load().streams[msg.To]
	if !ok {
		return 0, fmt.Errorf("%T goes to %q, which this gate does not reach", m, msg.To)
	}
	return stream, nil
}

// request registers a call and sends it, in one step: a Reset comes before both or after both.
func (c *Conn) request(waiting *call, m proto.Message) (uint32, error) {
	c.sending.Lock()
	defer c.sending.Unlock()
	waiting.sequence = c.outbox.due(waiting.stream)
	number, err := c.register(waiting)
	if err != nil {
		return 0, err
	}
	if err := c.sendLocked(wire.Request, waiting.stream, number, m); err != nil {
		c.mu.Lock()
		delete(c.calls, number)
		c.mu.Unlock()
		return 0, err
	}
	return number, nil
}

func (c *Conn) register(waiting *call) (uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing != nil {
		return 0, c.closing
	}
	for {
		c.lastID++
		if _, taken := c.calls[c.lastID]; c.lastID != 0 && !taken {
			c.calls[c.lastID] = waiting
			return c.lastID, nil
		}
	}
}

// giveUp forgets a call whose answer nobody wants any more.
func (c *Conn) giveUp(number uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[number] != nil {
		delete(c.calls, number)
		c.abandon(number)
	}
}

// abandon notes, with the lock mu, that an answer may come which nobody waits for.
func (c *Conn) abandon(number uint32) {
	switch {
	case c.givenUp == nil:
	case len(c.givenUp) == maxGivenUp:
		c.givenUp = nil
	default:
		c.givenUp[number] = struct{}{}
	}
}

// answer ends a call. The late answer to one that was given up is dropped.
func (c *Conn) answer(h wire.Header, a answer) error {
	c.mu.Lock()
	waiting := c.calls[h.Call]
	if waiting != nil && waiting.stream != h.Stream {
		c.mu.Unlock()
		return violation("call %d went to stream %d and is answered on stream %d", h.Call, waiting.stream, h.Stream)
	}
	delete(c.calls, h.Call)
	_, late := c.givenUp[h.Call]
	late = late || c.givenUp == nil || c.closing != nil
	delete(c.givenUp, h.Call)
	c.mu.Unlock()
	switch {
	case waiting != nil:
		c.outbox.answered(h.Stream, waiting.sequence, h.Sequence != 0)
		waiting.answer <- a
	case !late:
		c.disordered("stream %d: call %d is answered, and nobody waits for that", h.Stream, h.Call)
	}
	return nil
}
