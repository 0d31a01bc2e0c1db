package rpc

import (
	"context"
	"slices"
	"strings"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/link"
)

// This is the caller's end of circuits: which relay, and how one is opened.

// relays reports whether this node is a relay.
func (r *RPC) relays() bool { return isOfType(r.cfg.Self.Type, r.cfg.RelayType) }

func isOfType(types, typ string) bool {
	return typ != "" && slices.Contains(strings.Split(types, ","), typ)
}

// relayed reports whether the peer is called through a relay.
func (p *peer) relayed() bool {
	r := p.rpc
	return r.cfg.Relayed && !r.relays() && !isOfType(p.Type, r.cfg.RelayType)
}

// openVia opens a circuit to the peer. Its errors have code fault.Unavailable.
func (r *RPC) openVia(p *peer) (*caller, error) {
	if r.waitForType(r.ctx, r.cfg.RelayType) != nil {
		return nil, noRelay(r.cfg.RelayType)
	}
	err := noRelay(r.cfg.RelayType)
	for tried := (tries{}); tried.n < maxTries; {
		g := r.pickRelay(p, &tried)
		if g == nil {
			break
		}
		var c *caller
		if c, err = r.openOn(g, p); err == nil {
			return c, nil
		}
		tried.add(g)
	}
	return nil, err
}

func noRelay(typ string) error {
	return fault.Errorf(fault.Unavailable, "no relay of type %s is ready", typ)
}

// pickRelay is the relay that a circuit to p should go through, of those not tried yet: always the same while they are there, so that what is sent to one node stays in order, and spread
// evenly over pairs of nodes.
func (r *RPC) pickRelay(p *peer, tried *tries) *peer {
	key := mix(uint64(r.cfg.Self.Node)<<16 | uint64(p.Node))
	var good []*peer
	group := r.current().byType[r.cfg.RelayType]
	for _, g := range group.serving() {
		if !tried.has(g) && !g.leaving.Load() {
			good = append(good, g)
		}
	}
	return pickKey(good, key, tried)
}

// openOn opens a circuit to the peer on the link to one relay.
func (r *RPC) openOn(g, p *peer) (*caller, error) {
	ctx, cancel := context.WithTimeout(r.ctx, 3*r.handshake())
	defer cancel()
	via, err := g.connect(ctx)
	if err != nil {
		return nil, err
	}
	c := newCaller(p)
	c.conn, c.via, c.opened = via.conn, via, make(chan error, 1)
	if c.circuit, err = via.circuits.add(c); err != nil {
		return nil, err
	}
	who := link.Peer{Node: p.Node, Boot: p.Boot}
	err = via.conn.Write(func(b []byte) []byte { return appendParty(b, opOpen, c.circuit, who) })
	if err == nil {
		select {
		case err = <-c.opened:
		case <-ctx.Done():
			err = ended(ctx)
			_ = via.conn.Write(func(b []byte) []byte { return appendClosed(b, c.circuit, errGone) })
		}
	}
	if err != nil {
		via.circuits.remove(c.circuit)
		return nil, err
	}
	return c, nil
}

// handshake is how long reaching one node may take.
func (r *RPC) handshake() time.Duration {
	if d := r.cfg.Links.HandshakeTimeout; d > 0 {
		return d
	}
	return 3 * time.Second
}

// data is a frame that came on the circuit.
func (c *caller) data(frame []byte, now time.Duration, _ *touched) error { return c.answer(frame, now) }

// control is something else that the relay said about the circuit.
func (c *caller) control(op circuitOp) error {
	switch op {
	case opOpened:
		select {
		case c.opened <- nil:
		default:
			return errFrame
		}
	case opRetire:
		c.via.peer.leaving.Store(true)
		c.peer.retire(c)
	default:
		return errFrame
	}
	return nil
}

// closed ends the circuit, or says that there will be none.
func (c *caller) closed(err error) {
	select {
	case c.opened <- err:
	default:
	}
	c.over.Store(true)
	p := c.peer
	p.live.CompareAndSwap(c, nil)
	_, text := fault.Outside(err)
	c.calls.close(fault.Errorf(fault.Lost, "the link to %s %v by way of node %v broke: %s", p.Type, p.Node, c.via.peer.Node, text))
	p.dropRetired(c)
}

// hangUp ends the circuit from this end, and its calls with err.
func (c *caller) hangUp(err error) {
	c.calls.close(err)
	c.via.circuits.remove(c.circuit)
	_ = c.conn.Write(func(b []byte) []byte {
		c.over.Store(true) // nothing can be appended after this
		return appendClosed(b, c.circuit, err)
	})
}

// retire takes a circuit out of use: what waits on it goes on, and the next call opens another.
func (p *peer) retire(c *caller) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live.CompareAndSwap(c, nil) {
		p.retired = append(p.retired, c)
		p.rpc.sweep.ensure(p.rpc)
	}
}

// sweepRetired ends the circuits out of use on which nobody waits any more.
func (p *peer) sweepRetired() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = slices.DeleteFunc(p.retired, func(c *caller) bool {
		if !c.calls.closeEmpty(errRetired) {
			return false
		}
		c.hangUp(errRetired)
		return true
	})
}

func (p *peer) dropRetired(c *caller) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = slices.DeleteFunc(p.retired, func(other *caller) bool { return other == c })
}

// errRetired means that a call was not sent, for its circuit is out of use, and that there is another.
var errRetired = fault.New(fault.Unavailable, "the relay is stopping")

// tables appends the calls that wait for the peer.
func (p *peer) tables(to []*table) []*table {
	if c := p.live.Load(); c != nil {
		to = append(to, &c.calls)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.retired {
		to = append(to, &c.calls)
	}
	return to
}
