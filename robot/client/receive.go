package client

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// take handles one frame. An error ends the connection.
func (c *Conn) take(h wire.Header, body []byte) error {
	c.checkOrder(h)
	switch h.Kind {
	case wire.Reply, wire.Push:
		msg, ok := c.opts.Registry.ByID(h.Message)
		if !ok {
			return fmt.Errorf("%w: %d", errUnknownMessage, h.Message)
		}
		m := msg.New()
		if err := c.decode(body, m); err != nil {
			return err
		}
		if h.Kind == wire.Push {
			c.push(m)
		} else {
			c.answer(h.Call, answer{message: m})
		}
	case wire.Error:
		c.answer(h.Call, answer{err: c.bodyError(body)})
	case wire.Kick:
		return c.bodyError(body)
	case wire.Reset:
		var reset wirepb.Reset
		if err := c.decode(body, &reset); err != nil {
			return err
		}
		c.startOver(&reset)
	}
	return c.acknowledge()
}

func (c *Conn) push(m proto.Message) {
	if c.opts.OnPush != nil {
		c.opts.OnPush(m)
	}
}

// answer ends a call. The answer to a call that was given up is dropped.
func (c *Conn) answer(number uint32, a answer) {
	if waiting := c.forget(number); waiting != nil {
		waiting.answer <- a
	}
}

// startOver ends the calls of a stream whose other end is gone, and counts from 1 again.
func (c *Conn) startOver(reset *wirepb.Reset) {
	stream := uint8(reset.GetStream())
	c.sending.Lock()
	delete(c.sequence, stream)
	seen := &wirepb.Ack{Received: []*wirepb.Mark{{Stream: uint32(stream)}}}
	_ = c.writeLocked(wire.Header{Kind: wire.Ack}, seen) // if it fails, the connection is over, and the reader will notice
	c.sending.Unlock()
	delete(c.received, stream)
	c.mu.Lock()
	var lost []*call
	for number, waiting := range c.calls {
		if waiting.stream == stream {
			lost = append(lost, waiting)
			delete(c.calls, number)
		}
	}
	c.mu.Unlock()
	for _, waiting := range lost {
		waiting.answer <- answer{err: fault.New(fault.Lost, "the server behind the gate is gone: "+reset.GetReason())}
	}
	c.push(reset)
}

// checkOrder sees that reliable frames come one by one, none missing and none twice.
func (c *Conn) checkOrder(h wire.Header) {
	if h.Sequence == 0 {
		return
	}
	if want := c.received[h.Stream] + 1; h.Sequence != want {
		err := fmt.Errorf("stream %d: frame %d came when %d was to come", h.Stream, h.Sequence, want)
		c.disorder.CompareAndSwap(nil, &err)
	}
	c.received[h.Stream] = h.Sequence
	c.unacked++
}

// acknowledge tells the server now and then what has come.
func (c *Conn) acknowledge() error {
	if c.unacked < ackEvery {
		return nil
	}
	c.unacked = 0
	ack := &wirepb.Ack{}
	for stream, sequence := range c.received {
		ack.Received = append(ack.Received, &wirepb.Mark{Stream: uint32(stream), Sequence: sequence})
	}
	return c.write(wire.Header{Kind: wire.Ack}, ack)
}
