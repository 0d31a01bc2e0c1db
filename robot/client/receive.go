package client

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// A mark is how far a stream has come.
type mark struct {
	last   uint32 // number that was received since the last Reset
	acked  uint32 // number that the server has been told of
	resets uint32 // that were received
}

// readAll takes what comes until the connection ends.
func (c *Conn) readAll(k *connection) {
	for {
		h, body, err := k.raw.read()
		if err != nil {
			k.end(unread(err, "the connection is broken"))
			return
		}
		k.seenAt.Store(int64(k.now()))
		k.frames.Add(1)
		if err := c.take(k, h, body); err != nil {
			k.end(err)
			return
		}
	}
}

// take handles one frame. An error ends the connection. body is valid only during the call.
func (c *Conn) take(k *connection, h wire.Header, body []byte) error {
	if err := k.check(h); err != nil {
		return err
	}
	body, err := k.decompressed(h, body)
	if err != nil {
		return err
	}
	switch h.Kind {
	case wire.Pong:
		return nil
	case wire.Kick:
		return k.kicked(body)
	case wire.Reset:
		var reset wirepb.Reset
		if err := k.decode(body, &reset); err != nil {
			return err
		}
		return c.startOver(k, &reset)
	}
	fresh, ackNow := c.count(h)
	if !fresh {
		return nil
	}
	if err := c.deliver(h, body); err != nil {
		return err
	}
	if ackNow {
		_ = c.acknowledge(k) // what cannot be written is beat's to end, when the gate's reason has been read
	}
	return nil
}

// check says what is wrong with a header that no gate sends.
func (k *connection) check(h wire.Header) error {
	switch h.Kind {
	case wire.Pong, wire.Kick, wire.Reset:
		if h.Stream != 0 || h.Sequence != 0 || h.Call != 0 && h.Kind != wire.Pong {
			return violation("a %s frame on stream %d with call %d and sequence %d", h.Kind, h.Stream, h.Call, h.Sequence)
		}
		return nil
	case wire.Reply, wire.Error:
		if h.Call == 0 {
			return violation("a %s frame that answers no call", h.Kind)
		}
	case wire.Push:
		if h.Call != 0 {
			return violation("a push with call %d", h.Call)
		}
		if h.Stream == 0 && h.Sequence == 0 {
			return nil // a broadcast
		}
	default:
		return violation("it sends a %s frame", h.Kind)
	}
	if !k.known[h.Stream] {
		return violation("a %s frame on stream %d, which Welcome did not name", h.Kind, h.Stream)
	}
	return nil
}

// count sees that reliable frames come one by one, none missing and none twice: a frame that came before is not fresh. ackNow says that the
// server should be told what has come.
func (c *Conn) count(h wire.Header) (fresh, ackNow bool) {
	if h.Stream == 0 {
		return true, false
	}
	c.order.Lock()
	defer c.order.Unlock()
	m := c.received[h.Stream]
	if h.Sequence == 0 {
		c.received[h.Stream] = m // something has come
		return true, false
	}
	if h.Sequence != m.last+1 {
		c.disorderedLocked("stream %d: frame %d came when %d was to come", h.Stream, h.Sequence, m.last+1)
	}
	if h.Sequence <= m.last {
		return false, false
	}
	m.last = h.Sequence
	c.received[h.Stream] = m
	c.unacked++
	return true, c.unacked >= ackEvery
}

// deliver hands on what a backend sent.
func (c *Conn) deliver(h wire.Header, body []byte) error {
	if h.Kind == wire.Error {
		told, err := c.codec.bodyError(body)
		if err != nil {
			return err
		}
		return c.answer(h, answer{err: told})
	}
	msg, ok := c.opts.Registry.ByID(h.Message)
	switch {
	case !ok && h.Kind == wire.Push:
		return nil // of a newer server
	case !ok:
		return c.answer(h, answer{err: fmt.Errorf("the answer is message %d, which this client does not know", h.Message)})
	case msg.From != wirepb.From_SERVER:
		return violation("it sends %s, which only clients do", msg.Name)
	}
	if numbered := h.Sequence != 0; h.Stream != 0 && numbered == (h.Kind == wire.Push && msg.Droppable()) {
		c.disordered("stream %d: %s %s has sequence number %d", h.Stream, h.Kind, msg.Name, h.Sequence)
	}
	m := msg.New()
	if err := c.codec.decode(body, m); err != nil {
		return err
	}
	if h.Kind == wire.Push {
		c.push(m)
		return nil
	}
	return c.answer(h, answer{message: m})
}

func (c *Conn) push(m proto.Message) {
	if c.opts.OnPush != nil {
		c.opts.OnPush(m)
	}
}

// startOver ends the calls of a stream whose other end is gone, and counts from 1 again. It tells the gate so before anything else goes out.
func (c *Conn) startOver(k *connection, reset *wirepb.Reset) error {
	number := reset.GetStream()
	if number >= uint32(len(k.known)) || !k.known[number] {
		return violation("it resets stream %d, which Welcome did not name", number)
	}
	stream := uint8(number)
	c.sending.Lock()
	c.outbox.startOver(stream)
	c.order.Lock()
	c.received[stream] = mark{resets: c.received[stream].resets + 1}
	c.order.Unlock()
	lost := c.takeCalls(stream)
	seen := &wirepb.Ack{Received: []*wirepb.Mark{{Stream: number}}}
	_ = k.control(wire.Header{Kind: wire.Ack}, seen) // what cannot be written is beat's to end
	c.sending.Unlock()

	c.push(reset) // first, so that whoever is told that his call is lost can know why
	for _, waiting := range lost {
		waiting.answer <- answer{err: fault.New(fault.Lost, "the server behind the gate is gone: "+reset.GetReason())}
	}
	return nil
}

// takeCalls takes the calls of a stream out.
func (c *Conn) takeCalls(stream uint8) (lost []*call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for number, waiting := range c.calls {
		if waiting.stream == stream {
			lost = append(lost, waiting)
			delete(c.calls, number)
			c.abandon(number)
		}
	}
	return lost
}

// disordered notes the first violation of order.
func (c *Conn) disordered(format string, args ...any) {
	c.order.Lock()
	defer c.order.Unlock()
	c.disorderedLocked(format, args...)
}

func (c *Conn) disorderedLocked(format string, args ...any) {
	if c.disorder == nil {
		c.disorder = fmt.Errorf(format, args...)
	}
}
