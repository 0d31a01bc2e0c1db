package rpc

import (
	"context"
	"sync"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/link"
)

// A passage is a circuit in the relay: from a link that a caller opened to one that leads to the callee. It passes on frames and keeps nothing of them. When one of the two links ends, it
// tells the other end.
type passage struct {
	rpc    *RPC
	from   *callee // the caller's link, where the circuit is number fromID
	fromID uint32

	mu      sync.Mutex
	to      *caller // the callee's, where it is toID; nil until there is one
	toID    uint32
	waiting int64 // calls that were passed on and not answered yet
	over    bool
}

// open begins a circuit for the caller at the other end of c. It answers when the link to the callee is there, or when there surely is none.
func (c *callee) open(f circuitFrame) error {
	r := c.rpc
	p := &passage{rpc: r, from: c, fromID: f.id}
	if !c.passages.take(f.id, p) {
		return errFrame
	}
	var err error
	switch {
	case !r.relays():
		err = fault.Errorf(fault.Unavailable, "node %v is no relay", r.cfg.Self.Node)
	case r.draining.Load():
		err = errDraining
	case !r.start(func() { p.connect(f.party) }):
		err = errStopped
	}
	if err != nil {
		p.end(err, true, false)
	}
	return nil
}

// connect opens the second half of the circuit.
func (p *passage) connect(callee link.Peer) {
	ctx, cancel := context.WithTimeout(p.from.ctx, 2*p.rpc.handshake())
	defer cancel()
	c, err := p.rpc.linkTo(ctx, callee)
	if err == nil {
		err = p.attach(c)
	}
	if err != nil {
		code, text := fault.Outside(err)
		if code != fault.Overloaded {
			code = fault.Unavailable
		}
		p.end(fault.New(code, text), true, false)
		return
	}
	p.rpc.mu.Lock()
	p.rpc.passages[p] = struct{}{}
	p.rpc.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over { // meanwhile
		p.rpc.forget(p)
		return
	}
	_ = p.from.conn.Write(func(b []byte) []byte { return appendCircuit(b, opOpened, p.fromID) })
	if p.rpc.draining.Load() {
		p.retire()
	}
}

// linkTo is the relay's own link to a node in one life.
func (r *RPC) linkTo(ctx context.Context, who link.Peer) (*caller, error) {
	to, err := r.nodeOf(r.current(), who.Node, who.Boot)
	if err != nil {
		return nil, err
	}
	if to == r.own {
		return nil, fault.New(fault.Unavailable, "a relay is called directly")
	}
	return to.connect(ctx)
}

// attach enters the passage with the link to the callee, and tells that who calls.
func (p *passage) attach(c *caller) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return errGone
	}
	id, err := c.circuits.add(p)
	if err != nil {
		return err
	}
	if err := c.conn.Write(func(b []byte) []byte { return appendParty(b, opAccept, id, p.from.peer) }); err != nil {
		c.circuits.remove(id)
		return err
	}
	p.to, p.toID = c, id
	return nil
}

// forward passes on a frame of the caller. One that cannot be sent is answered, if somebody waits for an answer.
func (p *passage) forward(frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || p.to == nil {
		return // the caller is told, or made a mistake
	}
	err := p.to.conn.Append(func(b []byte) []byte { return append(appendCircuit(b, opData, p.toID), frame...) })
	p.from.touched.add(p.to.conn)
	p.rpc.relayed.Add(1)
	isCall := len(frame) >= headSize && kind(frame[0]) == kindCall
	if err == nil {
		if isCall {
			p.waiting++
			p.rpc.passing.Add(1)
		}
		return
	}
	code, text := fault.Outside(err)
	if code == fault.Lost {
		return // the link has ended, of which the caller is told in a moment
	}
	if !isCall {
		p.rpc.log.Warn("relayed frame lost", "from", p.from.peer.Node, "to", p.to.peer.Node, "error", err)
		return
	}
	call := callOf(frame)
	_ = p.from.conn.Append(func(b []byte) []byte {
		return appendError(appendCircuit(b, opData, p.fromID), refused, p.rpc.loadNow(), call, code, text)
	})
}

// data passes on a frame of the callee.
func (p *passage) data(frame []byte, _ time.Duration, flush *touched) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return nil
	}
	if len(frame) >= headSize && (kind(frame[0]) == kindReply || kind(frame[0]) == kindError) && p.waiting > 0 {
		p.waiting--
		p.rpc.passed(1)
	}
	p.rpc.relayed.Add(1)
	flush.add(p.from.conn)
	err := p.from.conn.Append(func(b []byte) []byte { return append(appendCircuit(b, opData, p.fromID), frame...) })
	if fault.CodeOf(err) == fault.Overloaded {
		p.rpc.log.Warn("reply lost: the peer does not read", "node", p.from.peer.Node)
	}
	return nil
}

// control is nothing that a callee says on a circuit.
func (p *passage) control(circuitOp) error { return errFrame }

// closed is the end of the circuit beyond the relay.
func (p *passage) closed(err error) { p.end(err, true, false) }

// retire asks the caller to go another way from now on.
func (p *passage) retire() {
	_ = p.from.conn.Write(func(b []byte) []byte { return appendCircuit(b, opRetire, p.fromID) })
}

// end ends the passage for the reason err, and tells the caller or the callee.
func (p *passage) end(err error, tellCaller, tellCallee bool) {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return
	}
	p.over = true
	to, toID, waiting := p.to, p.toID, p.waiting
	p.mu.Unlock()
	p.from.passages.remove(p.fromID)
	if tellCaller {
		_ = p.from.conn.Write(func(b []byte) []byte { return appendClosed(b, p.fromID, err) })
	}
	if to != nil {
		to.circuits.remove(toID)
		if tellCallee {
			_ = to.conn.Write(func(b []byte) []byte { return appendClosed(b, toID, err) })
		}
	}
	p.rpc.forget(p)
	p.rpc.passed(waiting)
}

func (r *RPC) forget(p *passage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.passages, p)
}

// passed counts calls that are no longer under way through this relay.
func (r *RPC) passed(n int64) {
	if r.passing.Add(-n) == 0 && r.draining.Load() {
		r.wakeDrain()
	}
}

// retireAll asks every caller to go another way.
func (r *RPC) retireAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.passages {
		p.retire()
	}
}
