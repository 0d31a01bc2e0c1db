package gate

import (
	"errors"
	"net"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

const (
	maxPing  = 64 // bytes of a Ping's body, which its Pong brings back
	maxEarly = 64 // what a transport may have of its own before Hello: pings, and the parts that a Hello comes in
)

var (
	errNotHello    = fault.New(fault.Invalid, "the first frame must be a Hello")
	errDirection   = fault.New(fault.Invalid, "a client does not send frames of this kind")
	errStillNobody = fault.New(fault.Invalid, "the session is anonymous already")
	errPing        = fault.New(fault.TooLarge, "a Ping carries at most 64 bytes")
	errCall        = fault.New(fault.Invalid, "a Request has a call number, and a Send has none")
	errAck         = fault.New(fault.Invalid, "the Ack cannot be read")
	errFlood       = fault.New(fault.RateLimited, "too many messages for too long")
	errRate        = fault.New(fault.RateLimited, "too many messages; wait a second")
	errUnknown     = fault.New(fault.Unimplemented, "no such message from clients")
	errNoRoute     = fault.New(fault.Unavailable, "this gate does not lead there")
	errStream      = fault.New(fault.Invalid, "this message belongs to another stream")
	errAnonymous   = fault.New(fault.Unauthenticated, "this message needs a session with a token")
	errUnbound     = fault.New(fault.FailedPrecondition, "the session is not bound to a node for this message")
	errCrowded     = fault.New(fault.Overloaded, "too many connections from this address")
	errMessageSize = fault.New(fault.TooLarge, "the body is over the limit")
)

// Frame takes one frame from the client. An error is the client's fault and ends the session, except for errEnded.
func (s *session) Frame(h wire.Header, body []byte) error {
	if s.now == 0 {
		s.now = s.gate.now()
		s.heard.Store(s.now)
	}
	s.gate.stats.framesIn.Add(1)
	if !s.welcomed {
		return s.helloAside(h, body)
	}
	if h.Kind == wire.Hello {
		return s.helloAgain(h, body)
	}
	if !h.Kind.FromClient() {
		return errDirection
	}
	size, err := s.sizeOf(h, body)
	if err != nil {
		return err
	}
	if !s.withinRate(wire.HeaderSize + size) {
		return s.overRate(h)
	}
	switch h.Kind {
	case wire.Ping:
		if len(body) > maxPing {
			return errPing
		}
		return s.answer(wire.Header{Kind: wire.Pong, Call: h.Call}, body)
	case wire.Ack:
		return s.ack(body)
	case wire.Leave:
		return errLeft
	}
	return s.message(h, body)
}

// Control takes what is the transport's own, and queues its answer. It is limited like frames are: over the limit the answer is left out, and patience has its
// end; before Hello, when only a few are of any use, that comes sooner and whatever the rates.
func (s *session) Control(size int, answer []byte) error {
	if s.now == 0 {
		s.now = s.gate.now()
		s.heard.Store(s.now)
	}
	if !s.welcomed {
		if s.early++; s.early > maxEarly {
			s.gate.stats.limited.Add(1)
			return errFlood
		}
	}
	if !s.withinRate(size) {
		if s.strike() {
			return errFlood
		}
		return nil
	}
	if len(answer) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != ended && !s.full(len(answer)) {
		s.queueBytes(answer)
		s.wrote = true
	}
	return nil
}

// Flush sends on what the frames of one read have left.
func (s *session) Flush() {
	s.now = 0
	if s.sent {
		s.sent = false
		s.gate.lines.Flush()
	}
	if s.wrote {
		s.wrote = false
		s.flush()
	}
}

// message takes a Send or a Request.
func (s *session) message(h wire.Header, body []byte) error {
	if (h.Kind == wire.Request) != (h.Call != 0) {
		return errCall
	}
	e := s.gate.entry(h.Message)
	if err := s.mayNot(e, h); err != nil {
		return s.refuse(h, err)
	}
	if h.Flags&wire.Compressed != 0 {
		return s.packed(e, h, body)
	}
	return s.pass(e, h, body)
}

// pass sends on a message that may pass.
func (s *session) pass(e *entry, h wire.Header, body []byte) error {
	if s.json {
		var err error
		if body, err = wire.FromJSON(e.msg, body); err != nil {
			return s.refuse(h, err)
		}
		if len(body) > s.gate.cfg.MaxBody {
			return s.refuse(h, errMessageSize)
		}
	}
	return s.forward(e, h, body)
}

// mayNot says what stands in the way of the message, as far as the message and the session's identity tell.
func (s *session) mayNot(e *entry, h wire.Header) error {
	switch {
	case e == nil:
		return errUnknown
	case e.route < 0:
		return errNoRoute
	case h.Stream != s.gate.cfg.Routes[e.route].Stream:
		return errStream
	case e.msg.State == wirepb.State_AUTHENTICATED && s.who.Player == 0:
		return errAnonymous
	}
	return nil
}

// forward sends the message to its stream's node; if it has none and the message may open a stream, to one that is picked.
func (s *session) forward(e *entry, h wire.Header, body []byte) error {
	s.mu.Lock()
	if s.phase != ended && (s.streams == nil || s.streams[e.route].node == 0) {
		s.mu.Unlock()
		if e.msg.State == wirepb.State_BOUND {
			return s.refuse(h, errUnbound)
		}
		if err := s.pick(e.route); err != nil {
			return s.refuse(h, err)
		}
		s.mu.Lock()
	}
	if s.phase == ended {
		s.mu.Unlock()
		return errEnded
	}
	st := &s.streams[e.route]
	if st.resets > 0 && h.Sequence != 0 {
		s.mu.Unlock()
		s.gate.stats.stale.Add(1)
		return nil // sent before the client saw the Reset: it knows that this is lost
	}
	var err error = errUnbound
	switch {
	case st.held != nil:
		if st.used, err = true, nil; !st.held.wait(h, body, s.now) {
			s.detach(e.route, fault.OK)
			s.reset(e.route, "too much was sent before a node could take it")
			s.wrote = true
		}
	case st.node != 0:
		st.used = true
		err = s.send(st.node, e, h, body)
	}
	s.mu.Unlock()
	if err != nil {
		return s.refuse(h, err)
	}
	s.sent = true
	return nil
}

// send has the message leave for the node, with a trace if it is to be recorded.
func (s *session) send(node id.Node, e *entry, h wire.Header, body []byte) error {
	span := trace.Begin(s.gate.cfg.Tracer, trace.Producer, e.msg.Name)
	if span.IsZero() {
		return s.gate.lines.Forward(node, s.id, h, body)
	}
	span.SetInt("player", s.who.Player)
	span.SetInt("node", int64(node))
	err := s.gate.lines.ForwardTraced(span.Ref(), node, s.id, h, body)
	span.End(err)
	return err
}

// ack passes on what the client has received. After a Reset, a mark of 0 says that the client has seen that, and counts from 1 from here on.
func (s *session) ack(body []byte) error {
	var a wirepb.Ack
	if err := s.decode(body, &a); err != nil {
		return errAck
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range a.GetReceived() {
		number := uint8(m.GetStream())
		st := s.stream(number)
		if uint32(number) != m.GetStream() || st == nil {
			continue
		}
		if m.GetSequence() == 0 {
			st.resets = max(0, st.resets-1)
			continue
		}
		if st.resets > 0 || st.node == 0 {
			continue
		}
		if s.gate.lines.Ack(st.node, s.id, number, m.GetSequence()) == nil {
			s.sent = true
		}
	}
	return nil
}

// refuse answers a Request with the error; anything else is only counted.
func (s *session) refuse(h wire.Header, err error) error {
	s.gate.stats.refused.Add(1)
	if h.Kind != wire.Request {
		return nil
	}
	return s.answer(wire.Header{Kind: wire.Error, Stream: h.Stream, Call: h.Call}, s.bodyOf(wire.ErrorBody(err)))
}

// answer queues a frame of the gate's own.
func (s *session) answer(h wire.Header, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queueFrame(h, body, false)
	s.wrote = true
	if s.phase == ended {
		return errEnded
	}
	return nil
}

// decode reads the body of a control frame.
func (s *session) decode(body []byte, m wireMessage) error {
	if s.json {
		return wire.UnmarshalControlJSON(body, m)
	}
	return wire.Unmarshal(body, m)
}

// excess is what a session has sent, measured against the gate's rates. It belongs to the reader.
type excess struct {
	messages, bytes int64 // states of the two rates
	strikes         int
	since           int64 // when strikes was last halved
}

func (s *session) withinRate(size int) bool {
	g := s.gate
	return g.messages.take(&s.excess.messages, s.now, 1) && g.bytes.take(&s.excess.bytes, s.now, size)
}

// overRate refuses a frame that came too early, and loses patience with a client that goes on like this.
func (s *session) overRate(h wire.Header) error {
	if s.strike() {
		return errFlood
	}
	return s.refuse(h, errRate)
}

// strike counts what came too early, and reports whether that is enough.
func (s *session) strike() bool {
	x := &s.excess
	if seconds := (s.now - x.since) / int64(time.Second); seconds > 0 {
		x.strikes >>= min(seconds, 31)
		x.since = s.now
	}
	x.strikes++
	s.gate.stats.limited.Add(1)
	return x.strikes > s.gate.cfg.Patience
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
