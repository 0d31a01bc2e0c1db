package client

import (
	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// sendLocked numbers a message and writes it. It is called with the lock sending.
func (c *Conn) sendLocked(kind wire.Kind, stream uint8, number uint32, m proto.Message) error {
	h := wire.Header{Kind: kind, Stream: stream, Message: c.opts.Registry.IDOf(m), Call: number, Sequence: c.sequence[stream] + 1}
	if err := c.writeLocked(h, m); err != nil {
		return err
	}
	c.sequence[stream]++
	return nil
}

func (c *Conn) write(h wire.Header, m proto.Message) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.writeLocked(h, m)
}

// writeLocked writes one frame; a nil m is an empty body. A message that cannot be encoded or is too large for the gate is the caller's
// mistake and does no harm to the connection; a frame that has not been written whole does.
func (c *Conn) writeLocked(h wire.Header, m proto.Message) error {
	if c.broken != nil {
		return c.whyBroken()
	}
	frame, err := c.encode(wire.AppendHeader(c.frame[:0], h), m)
	if err != nil {
		return err
	}
	c.frame = frame
	h.Size = len(frame) - wire.HeaderSize
	limit := wire.MaxBody // nothing longer can be framed
	if asked := c.welcome.GetMaxBody(); asked > 0 && asked < wire.MaxBody {
		limit = int(asked)
	}
	if h.Size > limit {
		return fault.Errorf(fault.TooLarge, "a body of %d bytes is over the gate's limit of %d", h.Size, limit)
	}
	wire.PutHeader(frame, h)
	frame = c.compressed(h, frame)
	c.sentAt.Store(int64(c.now()))
	if err := c.raw.write(frame); err != nil {
		c.broken = fault.Wrap(err, fault.Lost, "the connection is broken")
		close(c.cannotWrite)
		return c.whyBroken()
	}
	return nil
}

// compressed is the frame with its body compressed, if the session does that and it helps; else as it is.
func (c *Conn) compressed(h wire.Header, frame []byte) []byte {
	if c.welcome.GetCompression() == "" || !h.Kind.Carries() || uint32(h.Size) < c.welcome.GetCompressFrom() {
		return frame
	}
	packed, ok := wire.Pack(wire.AppendHeader(c.packed[:0], h), frame[wire.HeaderSize:])
	c.packed = packed
	if !ok {
		return frame
	}
	h.Flags |= wire.Compressed
	h.Size = len(packed) - wire.HeaderSize
	wire.PutHeader(packed, h)
	return packed
}

func (c *Conn) encode(dst []byte, m proto.Message) ([]byte, error) {
	switch {
	case m == nil:
		return dst, nil
	case c.opts.JSON:
		return wire.MarshalJSON(dst, m)
	}
	return wire.MarshalAppend(dst, m)
}

// whyBroken is why nothing can be written: what the gate said last, if it did say something.
func (c *Conn) whyBroken() error {
	if ended := c.Err(); ended != nil {
		return ended
	}
	return c.broken
}

// acknowledge tells the server what has come since it was last told.
func (c *Conn) acknowledge() error {
	c.sending.Lock() // before looking, so that no Reset comes between that and the writing
	defer c.sending.Unlock()
	ack := &wirepb.Ack{}
	c.order.Lock()
	for stream, m := range c.received {
		if m.last != m.acked {
			ack.Received = append(ack.Received, &wirepb.Mark{Stream: uint32(stream), Sequence: m.last})
			c.received[stream] = mark{m.last, m.last}
		}
	}
	c.unacked = 0
	c.order.Unlock()
	if len(ack.GetReceived()) == 0 {
		return nil
	}
	return c.writeLocked(wire.Header{Kind: wire.Ack}, ack)
}
