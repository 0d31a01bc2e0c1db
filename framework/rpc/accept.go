package rpc

import (
	"time"

	"loumiao/framework/fault"
)

// This is the callee's end of circuits, and where those that go on from here enter the relay.

// onCircuit takes a frame of a circuit that ends here or goes on from here.
func (c *callee) onCircuit(b []byte, now time.Duration) error {
	f, err := parseCircuit(b)
	if err != nil {
		return err
	}
	end := c.ends[f.id]
	switch f.op {
	case opOpen:
		if end != nil {
			return errFrame
		}
		return c.open(f)
	case opAccept:
		if _, ok := c.passages.get(f.id); ok || end != nil || len(c.ends) >= maxCircuits {
			return errFrame
		}
		c.accept(f)
	case opData:
		if end == nil {
			if p, ok := c.passages.get(f.id); ok { // otherwise it has ended
				p.forward(f.body)
			}
			return nil
		}
		if err := end.dispatch(f.body, now); err != nil { // the fault of one caller is not that of the others
			c.hangUp(end, err)
		}
	case opClosed:
		if end != nil {
			delete(c.ends, f.id)
			if f.code != errRetired.Code { // otherwise the caller only goes another way: sends that are worked on go on
				end.cancel()
			}
		} else if p, ok := c.passages.get(f.id); ok {
			p.end(fault.New(f.code, string(f.body)), false, true)
		}
	default:
		return errFrame
	}
	return nil
}

// accept begins a circuit that ends here. Its caller is who the relay says, which holds the link key.
func (c *callee) accept(f circuitFrame) {
	end := newCalleeIn(c.ctx, c.rpc, c.conn, f.party)
	end.circuit = f.id
	if c.ends == nil {
		c.ends = map[uint32]*callee{}
	}
	c.ends[f.id] = end
}

func (c *callee) hangUp(end *callee, err error) {
	delete(c.ends, end.circuit)
	end.cancel()
	_ = c.conn.Write(func(b []byte) []byte { return appendClosed(b, end.circuit, err) })
}
