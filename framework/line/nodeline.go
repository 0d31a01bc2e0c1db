package line

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
)

// A nodeLine is the line to one life of one backend, at the gate. Its run opens it again as long as that life lasts.
type nodeLine struct {
	lines    *Lines
	member   cluster.Member
	ctx      context.Context
	cancel   context.CancelFunc
	draining atomic.Bool
	conn     atomic.Pointer[link.Conn] // nil while there is none
	waiting  atomic.Bool               // something was written that nobody has flushed
	tried    chan struct{}             // closed when it is open for the first time, or could not be opened
}

func newNodeLine(l *Lines, m cluster.Member) *nodeLine {
	n := &nodeLine{lines: l, member: m, tried: make(chan struct{})}
	n.ctx, n.cancel = context.WithCancel(l.ctx)
	return n
}

// write queues a frame that leaves by itself.
func (n *nodeLine) write(fill func([]byte) []byte) error {
	conn := n.conn.Load()
	if conn == nil {
		return errNoLine
	}
	return unavailable(conn.Write(fill))
}

// append queues a frame that leaves with flush, together with others.
func (n *nodeLine) append(fill func([]byte) []byte) error {
	conn := n.conn.Load()
	if conn == nil {
		return errNoLine
	}
	err := conn.Append(fill)
	if err == nil && !n.waiting.Load() {
		n.waiting.Store(true)
	}
	return unavailable(err)
}

// unavailable is what a link's error is to whoever forwards: a broken line is none.
func unavailable(err error) error {
	if err != nil && fault.CodeOf(err) == fault.Lost {
		return errNoLine
	}
	return err
}

// flush has what was appended leave.
func (n *nodeLine) flush() {
	if n.waiting.Load() && n.waiting.Swap(false) {
		if conn := n.conn.Load(); conn != nil {
			conn.Flush()
		}
	}
}

// cut ends the connection without waiting for what is queued.
func (n *nodeLine) cut(err error) {
	if conn := n.conn.Load(); conn != nil {
		conn.Close(err)
	}
}

// run keeps the line open until ctx ends.
func (n *nodeLine) run() {
	cfg := &n.lines.cfg
	log := cfg.Logger.With("node", n.member.Node, "type", n.member.Type, "addr", n.member.Addr)
	want := link.Peer{Node: n.member.Node, Boot: n.member.Boot}
	backoff := cfg.MinBackoff
	tried := sync.OnceFunc(func() { close(n.tried) })
	defer tried()
	for n.ctx.Err() == nil {
		h := &nodeHandler{line: n, down: cfg.Downstream}
		conn, err := link.Dial(n.ctx, n.member.Addr, cfg.Links, link.Line, want, h)
		if err == nil {
			log.Info("line is up")
			started := time.Now()
			n.conn.Store(conn)
			cfg.Downstream.Up(conn.Peer())
			tried()
			n.hold(conn)
			n.conn.CompareAndSwap(conn, nil) // if it ended before it was stored
			if time.Since(started) > cfg.MaxBackoff {
				backoff = cfg.MinBackoff
			}
		} else if n.ctx.Err() == nil {
			tried()
			log.Warn("line could not be opened", "error", err, "again_in", backoff)
		}
		select {
		case <-time.After(backoff):
		case <-n.ctx.Done():
		}
		backoff = min(2*backoff, cfg.MaxBackoff)
	}
}

// hold waits for the connection's end.
func (n *nodeLine) hold(conn *link.Conn) {
	select {
	case <-conn.Done():
	case <-n.ctx.Done():
		conn.Close(nil)
		<-conn.Done()
	}
}

// A nodeHandler takes what comes on one connection of a nodeLine. It belongs to the link's reader.
type nodeHandler struct {
	line     *nodeLine
	down     Downstream
	sessions []id.Session // of a multicast, kept for the next one
	broken   bool         // nothing that comes after what cannot be read means anything
}

// Frame takes one frame from the backend.
func (h *nodeHandler) Frame(c *link.Conn, frame []byte) {
	if h.broken {
		return
	}
	if err := h.take(c.Peer(), op(frame[0]), frame[1:]); err != nil {
		h.broken = true
		h.line.lines.cfg.Logger.Error("a backend sent what cannot be read; its line is closed", "node", c.Peer().Node, "op", frame[0], "bytes", len(frame))
		c.Close(err)
	}
}

// Flush ends a batch.
func (h *nodeHandler) Flush(*link.Conn) { h.down.Flush() }

// Closed takes the line away.
func (h *nodeHandler) Closed(c *link.Conn, err error) {
	h.line.conn.CompareAndSwap(c, nil)
	h.line.lines.cfg.Logger.Info("line is gone", "node", c.Peer().Node, "type", c.Peer().Type, "error", err)
	h.down.Lost(c.Peer(), err)
}

func (h *nodeHandler) take(from link.Peer, o op, b []byte) error {
	switch o {
	case opDeliver:
		p, err := parsePacket(b, false)
		if err != nil {
			return err
		}
		h.down.Deliver(from, p.session, p.head, p.body)
	case opMulticast:
		head, sessions, body, err := parseMulticast(b, h.sessions[:0])
		if err != nil {
			return err
		}
		h.sessions = sessions
		h.down.Multicast(from, sessions, head, body)
	case opBroadcast:
		head, body, err := parseBroadcast(b)
		if err != nil {
			return err
		}
		h.down.Broadcast(from, head, body)
	case opBind:
		v, err := parseBind(b)
		if err != nil {
			return err
		}
		h.down.Bind(from, v.session, v.typ, v.node)
	case opUnbind:
		v, err := parseUnbind(b)
		if err != nil {
			return err
		}
		h.down.Unbind(from, v.session, v.typ)
	case opKick:
		k, err := parseKick(b)
		if err != nil {
			return err
		}
		h.down.Kick(from, k.session, k.code, k.reason)
	case opOwn:
		o, err := parseOwn(b)
		if err != nil {
			return err
		}
		h.down.Own(from, o.session, o.stream, o.epoch, o.owned)
	case opHold:
		p, err := parsePlace(b)
		if err != nil {
			return err
		}
		h.down.Hold(from, p.session, p.stream)
	case opMove:
		m, err := parseMove(b)
		if err != nil {
			return err
		}
		h.down.Move(from, m.session, m.stream, m.node, m.sent)
	case opFound:
		session, f, err := parseFound(b)
		if err != nil {
			return err
		}
		h.down.Found(from, session, f)
	default:
		return errFrame
	}
	return nil
}
