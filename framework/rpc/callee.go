package rpc

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/link"
	"loumiao/framework/trace"
)

// A callee is the serving end of one link: it hands requests to endpoints and sends their answers. In place of the link there may be the caller's end
// itself, for calls of the own node.
type callee struct {
	rpc    *RPC
	conn   *link.Conn
	local  *caller
	peer   link.Peer
	ctx    context.Context // ends with the link
	cancel context.CancelFunc
	now    time.Duration       // of the read that is being dispatched, by the RPC's clock; 0 when not asked for yet
	sends  map[uint32]*inbound // what stands for every send of a method that actors handle. The reader's

	cancels cancelSlots // of calls that their caller may cancel

	circuit  uint32             // 0: not the end of a circuit, but of a link
	ends     map[uint32]*callee // of circuits that end here. The reader's
	passages circuits[*passage] // of circuits that go on to other nodes
	touched  touched            // the reader's
}

func newCallee(r *RPC, conn *link.Conn, peer link.Peer) *callee {
	return newCalleeIn(r.ctx, r, conn, peer)
}

func newCalleeIn(ctx context.Context, r *RPC, conn *link.Conn, peer link.Peer) *callee {
	c := &callee{rpc: r, conn: conn, peer: peer, sends: map[uint32]*inbound{}}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// Frame takes a request. The link's reader calls it.
func (c *callee) Frame(conn *link.Conn, b []byte) {
	if c.now == 0 {
		c.now = c.rpc.clock()
	}
	var err error
	if isCircuit(b) {
		err = c.onCircuit(b, c.now)
	} else {
		err = c.dispatch(b, c.now)
	}
	if err != nil {
		conn.Close(err)
	}
}

// Flush ends the reading of the clock for one read, and lets go what was relayed.
func (c *callee) Flush(*link.Conn) {
	c.now = 0
	c.touched.flush()
}

// Closed cuts the contexts of handlers that work for this link, and ends the circuits that it began.
func (c *callee) Closed(_ *link.Conn, err error) {
	c.cancel()
	for _, p := range c.passages.close(err) {
		p.end(err, false, true)
	}
}

// take is Frame for the caller's end within this process; any goroutine may call it.
func (c *callee) take(b []byte) error { return c.dispatch(b, c.rpc.clock()) }

func (c *callee) dispatch(b []byte, now time.Duration) error {
	f, err := parseFrame(b)
	if err != nil {
		return err
	}
	switch f.kind {
	case kindCall, kindSend:
		c.request(f, now)
	case kindCancel:
		c.cancels.cut(f.call)
	default:
		return errFrame
	}
	return nil
}

func (c *callee) request(f frame, now time.Duration) {
	single := c.rpc.cfg.Tracer != nil && !f.trace.IsZero()
	if f.kind == kindSend && c.local == nil && !single {
		if in := c.sends[f.method]; in != nil {
			c.deliver(f, in, now)
			return
		}
	}
	e := (*c.rpc.endpoints.Load())[f.method]
	if e == nil {
		c.refuse(f, nil, fault.Errorf(fault.Unimplemented, "node %v has no method %08x", c.rpc.cfg.Self.Node, f.method))
		return
	}
	if f.kind == kindSend && c.local == nil && e.shared && !single {
		in := &inbound{from: c, endpoint: e, shared: true}
		c.sends[f.method] = in
		c.deliver(f, in, now)
		return
	}
	in := c.rpc.inbound()
	in.from, in.endpoint, in.call, in.arrived = c, e, f.call, now
	if single {
		in.span = trace.Continue(c.rpc.cfg.Tracer, f.trace, trace.Server, e.name)
		in.span.SetInt("caller", int64(c.peer.Node))
	}
	c.deliver(f, in, now)
}

// deliver hands a request to its endpoint.
func (c *callee) deliver(f frame, in *inbound, now time.Duration) {
	e := in.endpoint
	c.rpc.running.Add(1)
	if c.rpc.draining.Load() && c.local == nil {
		c.refuse(f, e, errDraining)
		in.span.End(errDraining)
		c.rpc.recycle(in)
		c.rpc.ended()
		return
	}
	deadline := time.Duration(0)
	if f.timeout > 0 {
		deadline = now + f.timeout
	}
	if err := e.accept(in, deadline, f.body); err != nil {
		c.refuse(f, e, err)
		in.span.End(err)
		c.rpc.recycle(in)
		c.rpc.ended()
	}
}

// refuse answers a request that no handler gets to see.
func (c *callee) refuse(f frame, e *endpoint, err error) {
	code, text := fault.Outside(err)
	if e != nil {
		e.stats.refused(code)
	}
	if f.kind == kindCall {
		c.sendError(f.call, code, text, refused)
		return
	}
	name := ""
	if e != nil {
		name = e.name
	}
	c.rpc.log.Warn("send refused", "method", name, "from", c.peer.Node, "error", err)
}

// reply sends the answer to one call. An answer that cannot be encoded, or is too large, becomes an error.
func (c *callee) reply(call uint64, m *method, msg proto.Message) error {
	var broken error
	load := c.rpc.loadNow()
	err := c.write(func(b []byte) []byte {
		b, broken = m.reply.append(appendHead(c.prefix(b), kindReply, 0, load, call), msg)
		if broken != nil {
			return nil
		}
		return b
	})
	if broken != nil {
		err = fault.Wrap(broken, fault.Internal, "the reply of "+m.name+" cannot be encoded")
	}
	if code, text := fault.Outside(err); code == fault.Internal || code == fault.TooLarge {
		c.sendError(call, code, text, 0)
	}
	return err
}

func (c *callee) sendError(call uint64, code fault.Code, text string, flags uint8) {
	load := c.rpc.loadNow()
	_ = c.write(func(b []byte) []byte { return appendError(c.prefix(b), flags, load, call, code, text) })
}

// prefix begins a frame.
func (c *callee) prefix(b []byte) []byte {
	if c.circuit != 0 {
		b = appendCircuit(b, opData, c.circuit)
	}
	return b
}

// write sends a frame. When the link's queue is full, the answer is lost, and the call ends at its deadline.
func (c *callee) write(fill func([]byte) []byte) error {
	var err error
	if c.local != nil {
		err = c.local.toLocal(fill, c.local.take)
	} else if c.rpc.running.Load() > 1 {
		err = c.conn.Write(fill)
	} else {
		err = c.conn.WriteNow(fill, false) // nothing else is under way that it could leave with
	}
	if fault.CodeOf(err) == fault.Overloaded {
		c.rpc.log.Warn("reply lost: the peer does not read", "node", c.peer.Node)
	}
	return err
}

// loadNow is what replies tell about this node: how many requests it works on.
func (r *RPC) loadNow() uint16 { return uint16(min(r.running.Load(), 1<<16-1)) }

// An inbound is one request that a handler works on. It is the actor.Responder of its answer.
type inbound struct {
	from     *callee
	endpoint *endpoint
	call     uint64        // 0: a send
	shared   bool          // it stands for many sends, and carries nothing of one
	arrived  time.Duration // by the RPC's clock
	msg      proto.Message
	waited   bool         // for a goroutine, while as many as there may be were busy
	ctx      *callContext // of HandleFunc's methods
	span     trace.Span   // if it belongs to a trace
}

// Span makes it a trace.Carrier.
func (in *inbound) Span() trace.Span { return in.span }

func (r *RPC) inbound() *inbound {
	if in, ok := r.inbounds.Get().(*inbound); ok {
		return in
	}
	return &inbound{}
}

func (r *RPC) recycle(in *inbound) {
	if in.shared {
		return
	}
	*in = inbound{}
	r.inbounds.Put(in)
}

// Respond sends the answer; exactly one call is made for each request that was accepted.
func (in *inbound) Respond(msg any, err error) {
	c, e, r := in.from, in.endpoint, in.from.rpc
	if err == nil && in.call != 0 {
		if reply, ok := msg.(proto.Message); ok {
			err = c.reply(in.call, e.method, reply)
		} else {
			err = fault.Errorf(fault.Internal, "the handler of %s answered with %T", e.name, msg)
			c.sendError(in.call, fault.Internal, err.Error(), 0)
		}
		e.stats.handled(fault.CodeOf(err), r.clock()-in.arrived)
	} else {
		code, text := fault.Outside(err)
		if in.call != 0 {
			c.sendError(in.call, code, text, 0)
		}
		if code == fault.Internal || code != fault.OK && in.call == 0 {
			r.log.LogAttrs(c.ctx, slog.LevelError, "handler failed", slog.String("method", e.name), slog.Any("from", c.peer.Node), slog.Any("error", err), in.trace())
		}
		if in.call != 0 {
			e.stats.handled(code, r.clock()-in.arrived)
		} else {
			e.stats.handledSend(code)
		}
	}
	in.span.End(err)
	r.recycle(in)
	r.ended()
}

// trace is which trace the request belongs to, for the log; nothing if none.
func (in *inbound) trace() slog.Attr {
	if ref := in.span.Ref(); !ref.IsZero() {
		return slog.String("trace", ref.String())
	}
	return slog.Attr{}
}
