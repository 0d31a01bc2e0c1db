package client

import (
	"google.golang.org/protobuf/proto"

	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// sendLocked numbers a message and sends it. It is called with the lock sending. A session that can come back keeps the message until it is known to
// have been taken; then that a connection breaks is nothing to the sender.
func (c *Conn) sendLocked(kind wire.Kind, stream uint8, number uint32, m proto.Message) error {
	k := c.last.Load()
	h := wire.Header{Kind: kind, Stream: stream, Message: c.opts.Registry.IDOf(m), Call: number, Sequence: c.outbox.due(stream)}
	if !c.keeps {
		if err := k.control(h, m); err != nil {
			return err
		}
		c.outbox.pass(stream)
		return nil
	}
	frame, err := k.frame(nil, h, m)
	if err != nil {
		return err
	}
	now := c.on != nil && c.on.broken == nil && c.on.ended() == nil
	if err := c.outbox.keep(stream, frame, now); err != nil {
		return err
	}
	if now {
		_ = c.on.write(frame)
	}
	return nil
}

// acknowledge tells the server what has come since it was last told.
func (c *Conn) acknowledge(k *connection) error {
	c.sending.Lock() // before looking, so that no Reset comes between that and the writing
	defer c.sending.Unlock()
	ack := &wirepb.Ack{}
	c.order.Lock()
	for stream, m := range c.received {
		if m.last != m.acked {
			ack.Received = append(ack.Received, &wirepb.Mark{Stream: uint32(stream), Sequence: m.last})
			m.acked = m.last
			c.received[stream] = m
		}
	}
	c.unacked = 0
	c.order.Unlock()
	if len(ack.GetReceived()) == 0 {
		return nil
	}
	return k.control(wire.Header{Kind: wire.Ack}, ack)
}
