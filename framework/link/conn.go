package link

import (
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"loumiao/framework/fault"
)

// A Handler takes what arrives on one connection. All calls are made by the connection's reader, one after the other, so a handler must
// not block: while it does, nothing is read and answers wait.
type Handler interface {
	// Frame takes one frame. The bytes are valid during the call only.
	Frame(c *Conn, frame []byte)
	// Flush comes after every complete frame of one read was given. What was written to c since the first of them leaves after it.
	Flush(c *Conn)
	// Closed is the last call, made exactly once, with why the connection ended: never nil. Its code is fault.Lost, unless Close was given
	// another error or the peer sent a frame that is too large.
	Closed(c *Conn, err error)
}

// A Conn is one connection to one peer. It is safe for concurrent use.
type Conn struct {
	nc       net.Conn
	role     Role
	peer     Peer
	dialed   bool
	maxFrame int
	maxQueue int
	handler  Handler
	log      *slog.Logger

	out    output
	reads  atomic.Uint32 // counts reads, for the heartbeat
	done   chan struct{}
	onDone func()
}

func newConn(nc net.Conn, cfg Config, role Role, peer Peer) *Conn {
	c := &Conn{
		nc: nc, role: role, peer: peer, maxFrame: cfg.MaxFrame, maxQueue: cfg.MaxQueued, log: cfg.Logger,
		done: make(chan struct{}),
	}
	c.out.init(nc, cfg.Heartbeat)
	return c
}

// start begins to read and write. It is called once; the connection is then given up by Close or by the peer.
func (c *Conn) start(h Handler) {
	c.handler = h
	var writer sync.WaitGroup
	writer.Go(func() { c.out.run(&c.reads) })
	go func() {
		err := c.read()
		c.out.fail(err)
		writer.Wait()
		h.Closed(c, c.out.reason())
		if c.onDone != nil {
			c.onDone()
		}
		close(c.done)
	}()
}

// Role is what the connection is for.
func (c *Conn) Role() Role { return c.role }

// Peer is who is at the other end.
func (c *Conn) Peer() Peer { return c.peer }

// Dialed reports whether this end opened the connection.
func (c *Conn) Dialed() bool { return c.dialed }

// Write sends one frame, built in place: fill appends the frame to b and returns the result. It runs under the connection's lock, so it
// must be quick and must not use the connection or keep b. A fill that appends nothing, or returns nil, sends nothing.
//
// The frame leaves soon, together with what others send at the time. Write does not wait for it, though it carries what has gathered to the kernel when that is much, and never waits for a slow peer. Its errors mean
// that the frame will not be sent: fault.Overloaded (too much waits already), fault.TooLarge, or why the connection ended (fault.Lost). No error means that the
// frame was queued, not that it arrived.
func (c *Conn) Write(fill func(b []byte) []byte) error {
	claimed, err := c.out.append(fill, c.maxFrame, c.maxQueue, soon)
	if claimed {
		c.out.flushClaimed()
	}
	return err
}

// Append is [Conn.Write] without seeing to it that the frame leaves: that is for [Conn.Flush], or whoever else writes meanwhile. For whoever sends
// several in a row, or wants to be the one who carries them to the kernel.
func (c *Conn) Append(fill func(b []byte) []byte) error {
	_, err := c.out.append(fill, c.maxFrame, c.maxQueue, later)
	return err
}

// WriteNow is [Conn.Write] by a sender that is about to wait for the answer anyway, and so carries the frame to the kernel itself, as [Conn.Flush] does. With gather,
// it first steps aside for others that are ready to run, so that their frames leave with the same write.
func (c *Conn) WriteNow(fill func(b []byte) []byte, gather bool) error {
	claimed, err := c.out.append(fill, c.maxFrame, c.maxQueue, now)
	if claimed {
		if gather {
			runtime.Gosched()
		}
		c.out.flushClaimed()
	}
	return err
}

// Flush carries what waits to the kernel, as far as that takes it without waiting; the rest leaves on its own. It returns at once when somebody
// else is at it.
func (c *Conn) Flush() { c.out.flush() }

// Queued is how many bytes wait to be sent.
func (c *Conn) Queued() int { return c.out.queued() }

// Close ends the connection for the reason err. With nil, what is queued is sent first, as far as the peer takes it within a heartbeat or two. Later
// calls do nothing. It does not wait: see [Conn.Done].
func (c *Conn) Close(err error) {
	if err == nil {
		c.out.finish()
		return
	}
	c.out.fail(err)
}

// Done is closed when the connection has ended, its handler's Closed has returned and its goroutines are gone.
func (c *Conn) Done() <-chan struct{} { return c.done }

func (c *Conn) read() error {
	s := splitter{max: c.maxFrame}
	for {
		n, err := c.nc.Read(s.space())
		if n > 0 {
			c.reads.Add(1)
			if err := c.dispatch(&s, n); err != nil {
				return err
			}
		}
		if err != nil {
			return fault.Wrap(err, fault.Lost, "the link to "+c.peer.String()+" broke")
		}
	}
}

// dispatch gives out every complete frame. Meanwhile nothing that anyone writes is flushed, so that answers leave together.
func (c *Conn) dispatch(s *splitter, n int) error {
	s.filled(n)
	c.out.cork()
	defer c.out.uncork()
	any := false
	for {
		frame, ok, err := s.next()
		if !ok {
			if any {
				c.handler.Flush(c)
			}
			return err
		}
		if len(frame) == 0 {
			continue // a heartbeat
		}
		any = true
		c.handler.Frame(c, frame)
	}
}
