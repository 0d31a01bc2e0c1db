package rpc

import (
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/link"
	"loumiao/framework/trace"
)

// A caller is the calling end of one link: it numbers calls, sends them and hands replies to those who wait. In place of the link there may be the
// callee's end itself, for calls to the own node.
type caller struct {
	peer  *peer
	conn  *link.Conn // set before the caller is seen by anyone who sends
	local *callee
	calls table
	load  atomic.Uint32 // what the callee said about itself last
	over  atomic.Bool

	circuits circuits[circuitEnd] // on this link
	touched  touched              // the reader's

	// Of one that is a circuit, on the link of another:
	via     *caller
	circuit uint32 // 0: it is none
	opened  chan error
	now     time.Duration // of the read that is being dispatched, by the RPC's clock; 0 when not asked for yet. The reader's
}

// A circuitEnd is what becomes of the frames of one circuit, at the end that numbers it. The link's reader calls it.
type circuitEnd interface {
	data(frame []byte, now time.Duration, flush *touched) error
	control(op circuitOp) error
	closed(err error)
}

func newCaller(p *peer) *caller {
	return &caller{peer: p, calls: table{max: p.rpc.cfg.MaxInFlight}}
}

// attach lets calls use the link, unless it has ended already.
func (c *caller) attach() {
	c.peer.live.Store(c)
	if c.over.Load() {
		c.peer.live.CompareAndSwap(c, nil)
	}
}

// request sends a call or a send. A call's sender is about to wait, so it carries the frame to the kernel itself; where others wait too, it lets them append theirs
// first. A sender of sends is not made to pay for the kernel.
func (c *caller) request(k kind, call uint64, m *method, timeout time.Duration, req proto.Message, span trace.Span) error {
	var broken, gone error
	fill := func(b []byte) []byte {
		if c.circuit != 0 {
			if c.over.Load() {
				gone = errRetired
				return nil
			}
			b = appendCircuit(b, opData, c.circuit)
		}
		b, broken = m.request.append(appendRequest(b, k, call, m.hash, timeout, span), req)
		if broken != nil {
			return nil
		}
		return b
	}
	var err error
	switch {
	case c.local != nil:
		err = c.toLocal(fill, c.local.take)
	case k == kindSend:
		err = c.conn.Write(fill)
	default:
		err = c.conn.WriteNow(fill, c.calls.used.Load() > 1)
	}
	if gone != nil {
		return gone
	}
	if broken != nil {
		return fault.Wrap(broken, fault.Invalid, "the request of "+m.name+" cannot be encoded")
	}
	return err
}

// cancel tells the callee that nobody waits any more. If that cannot be sent, the call runs to its end there, for nobody.
func (c *caller) cancel(call uint64) {
	fill := func(b []byte) []byte {
		if c.circuit != 0 {
			b = appendCircuit(b, opData, c.circuit)
		}
		return appendHead(b, kindCancel, 0, 0, call)
	}
	if c.local != nil {
		_ = c.toLocal(fill, c.local.take)
		return
	}
	_ = c.conn.Write(fill)
}

// keepBuffer is the largest buffer for frames to the own node that is kept for reuse.
const keepBuffer = 64 << 10

// toLocal hands a frame to the other end within this process.
func (c *caller) toLocal(fill func([]byte) []byte, take func([]byte) error) error {
	r := c.peer.rpc
	buf, ok := r.buffers.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	defer r.buffers.Put(buf)
	b := fill((*buf)[:0])
	if b == nil {
		return nil
	}
	if len(b) > r.maxFrame() {
		return fault.Errorf(fault.TooLarge, "a frame of %d bytes, the limit is %d", len(b), r.maxFrame())
	}
	if cap(b) <= keepBuffer {
		*buf = b
	}
	return take(b)
}

// Frame takes an answer. The link's reader calls it.
func (c *caller) Frame(conn *link.Conn, b []byte) {
	if c.now == 0 {
		c.now = c.peer.rpc.clock()
	}
	var err error
	if isCircuit(b) {
		err = c.onCircuit(b, c.now)
	} else {
		err = c.answer(b, c.now)
	}
	if err != nil {
		conn.Close(err)
	}
}

// onCircuit gives a frame to the end of its circuit. A circuit that has ended here may still get some.
func (c *caller) onCircuit(b []byte, now time.Duration) error {
	f, err := parseCircuit(b)
	if err != nil {
		return err
	}
	end, ok := c.circuits.get(f.id)
	if !ok {
		return nil
	}
	switch f.op {
	case opData:
		return end.data(f.body, now, &c.touched)
	case opClosed:
		c.circuits.remove(f.id)
		end.closed(fault.New(f.code, string(f.body)))
		return nil
	default:
		return end.control(f.op)
	}
}

// take is Frame for the callee's end within this process; any goroutine may call it.
func (c *caller) take(b []byte) error { return c.answer(b, c.peer.rpc.clock()) }

func (c *caller) answer(b []byte, now time.Duration) error {
	f, err := parseFrame(b)
	if err != nil {
		return err
	}
	if f.kind != kindReply && f.kind != kindError {
		return errFrame
	}
	c.load.Store(uint32(f.load))
	w := c.calls.take(f.call)
	switch {
	case w == nil: // it has ended: cancelled, or over its deadline
	case f.kind == kindReply:
		w.reply(f.body, now)
	default:
		w.fail(fault.New(f.code, string(f.body)), f.flags&refused != 0)
	}
	return nil
}

// Flush ends the reading of the clock for one read. Those who wait were told one by one.
func (c *caller) Flush(*link.Conn) {
	c.now = 0
	c.touched.flush()
}

// Closed ends every call on the link.
func (c *caller) Closed(_ *link.Conn, err error) {
	p := c.peer
	c.over.Store(true)
	p.live.CompareAndSwap(c, nil)
	for _, end := range c.circuits.close(fault.New(fault.Lost, "the link has ended")) {
		end.closed(err)
	}
	c.calls.close(fault.Wrap(err, fault.Lost, "the link to "+p.Type+" "+p.Node.String()+" broke"))
	if p.rpc.ctx.Err() == nil {
		p.rpc.log.Info("link ended", "node", p.Node, "type", p.Type, "reason", err)
	}
	p.rpc.tasks.Done()
}
