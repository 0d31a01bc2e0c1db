package direct

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/udp"
	"loumiao/framework/wire"
)

// A Handler is told of lines, of each by one goroutine, which must not wait for long.
type Handler interface {
	// Opened is told first. An error ends the line.
	Opened(l *Line) error
	// Received takes a message of the client's.
	Received(l *Line, m proto.Message)
	// Closed is told last, of each line that Opened took.
	Closed(l *Line)
}

// A Desk is where a node makes offers, and takes the lines of those who come with one. It is safe for concurrent use.
type Desk struct {
	cfg      Config
	listener *udp.Listener
	tickets  *tickets
	work     sync.WaitGroup

	mu      sync.Mutex
	pending []*udp.Conn // without a ticket yet, the oldest first
	lines   map[*Line]struct{}
	stopped bool
}

// Listen opens a desk at addr, host:port of UDP; port 0 is any free one.
func Listen(addr string, cfg Config) (*Desk, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	l, err := udp.Listen(addr, cfg.udp())
	if err != nil {
		return nil, err
	}
	d := &Desk{cfg: cfg, listener: l, tickets: newTickets(cfg.MaxLines, cfg.TicketTTL), lines: map[*Line]struct{}{}}
	d.work.Go(d.accept)
	return d, nil
}

// Addr is where the desk is.
func (d *Desk) Addr() net.Addr { return d.listener.Addr() }

// Offer makes an offer to open a line, in place of an older one for the same holder that was not used.
func (d *Desk) Offer(h Holder) (Offer, error) { return d.tickets.offer(h, time.Now()) }

// Count is how many lines there are.
func (d *Desk) Count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.lines)
}

// Waiting is how many have not shown a ticket.
func (d *Desk) Waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.pending)
}

// Stop ends every line, and waits for all goroutines, or until ctx ends.
func (d *Desk) Stop(ctx context.Context) error {
	d.mu.Lock()
	d.stopped = true
	_ = d.listener.Close()
	for l := range d.lines {
		l.Close()
	}
	for _, c := range d.pending {
		_ = c.Close()
	}
	d.mu.Unlock()
	stopped := make(chan struct{})
	go func() {
		d.work.Wait()
		d.listener.Wait()
		close(stopped)
	}()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *Desk) accept() {
	for {
		nc, err := d.listener.Accept()
		if err != nil {
			return
		}
		c := nc.(*udp.Conn)
		if !d.wait(c) {
			_ = c.Close()
			continue
		}
		d.work.Go(func() {
			defer c.Close()
			d.serve(c)
		})
	}
}

// wait counts somebody among those without a ticket, and pushes out the oldest of them if there are too many.
func (d *Desk) wait(c *udp.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return false
	}
	if len(d.pending) >= d.cfg.MaxPending {
		oldest := d.pending[0]
		d.pending = d.pending[1:]
		_ = oldest.Close()
	}
	d.pending = append(d.pending, c)
	return true
}

// leave takes somebody out of those without a ticket.
func (d *Desk) leave(c *udp.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, p := range d.pending {
		if p == c {
			d.pending = append(d.pending[:i], d.pending[i+1:]...)
			return
		}
	}
}

// serve is one conversation's goroutine.
func (d *Desk) serve(c *udp.Conn) {
	in := bufio.NewReaderSize(c, 2<<10)
	_ = c.SetReadDeadline(time.Now().Add(d.cfg.HandshakeTimeout)) // fails never
	ticket, opener, call := d.greet(in)
	d.leave(c)
	if ticket == nil {
		return
	}
	l := newLine(c, d.cfg.Registry, wire.Push, ticket.Down, d.cfg.patience)
	l.Holder, l.Ticket = ticket.holder, ticket.Ticket
	l.begin(wire.Append(nil, wire.Header{Kind: wire.Pong, Call: call}, nil))
	defer l.work.Wait()
	defer l.Close()
	if !d.add(l) {
		return
	}
	defer d.remove(l)
	if err := d.cfg.Handler.Opened(l); err != nil {
		d.cfg.Logger.Debug("direct line not taken", "player", l.Player, "room", l.Room, "error", err)
		return
	}
	defer d.cfg.Handler.Closed(l)
	l.nudge()
	if err := d.read(l, c, in, opener); err != nil {
		d.cfg.Logger.Warn("direct line ended", "player", l.Player, "room", l.Room, "client", c.RemoteAddr(), "error", err)
	}
}

// greet finds out whose line it is: a ticket comes first, and then a Ping, sealed with the ticket's key. nil: nobody's.
func (d *Desk) greet(in io.Reader) (*ticket, *opener, uint32) {
	var id Ticket
	if _, err := io.ReadFull(in, id[:]); err != nil {
		return nil, nil, 0
	}
	ticket := d.tickets.look(id, time.Now())
	if ticket == nil {
		return nil, nil, 0
	}
	opener := newOpener(ticket.Up, wire.HeaderSize+d.cfg.MaxBody)
	frame, err := opener.open(in)
	if err != nil {
		return nil, nil, 0
	}
	h, body, err := wire.ParseFrame(frame, wire.Limits{})
	if err != nil || h.Kind != wire.Ping || len(body) != 0 || !d.tickets.take(ticket) {
		return nil, nil, 0
	}
	return ticket, opener, h.Call
}

func (d *Desk) add(l *Line) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped || len(d.lines) >= d.cfg.MaxLines {
		return false
	}
	d.lines[l] = struct{}{}
	return true
}

func (d *Desk) remove(l *Line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.lines, l)
}

// read takes what the client sends until the line ends. The error is something that a client should not do.
func (d *Desk) read(l *Line, c *udp.Conn, in io.Reader, opener *opener) error {
	limiter := rate.NewLimiter(rate.Limit(d.cfg.Rate), 2*d.cfg.Rate)
	for {
		_ = c.SetReadDeadline(time.Now().Add(d.cfg.Silence)) // fails never
		frame, err := opener.open(in)
		if err != nil {
			var violation *fault.Error
			if errors.As(err, &violation) {
				return violation
			}
			return nil
		}
		if !limiter.Allow() {
			return fault.New(fault.RateLimited, "too many frames")
		}
		if err := d.frame(l, frame); err != nil {
			return err
		}
	}
}

func (d *Desk) frame(l *Line, frame []byte) error {
	h, body, err := wire.ParseFrame(frame, wire.Limits{MaxBody: d.cfg.MaxBody})
	if err != nil {
		return err
	}
	if h.Kind == wire.Ping && len(body) == 0 {
		return ended(l.put(wire.Append(nil, wire.Header{Kind: wire.Pong, Call: h.Call}, nil), true))
	}
	if h.Kind != wire.Send || h.Stream != 0 || h.Call != 0 || h.Sequence != 0 || h.Flags != 0 {
		return fault.Errorf(fault.Invalid, "a %s frame on a direct line, or one with more than a message", h.Kind)
	}
	msg, ok := d.cfg.Registry.ByID(h.Message)
	if !ok || !fromClient(msg) || msg.To != d.cfg.Type {
		return fault.Errorf(fault.Unimplemented, "message %d is not for direct lines to a %s", h.Message, d.cfg.Type)
	}
	m := msg.New()
	if err := wire.Unmarshal(body, m); err != nil {
		return err
	}
	d.cfg.Handler.Received(l, m)
	return nil
}

// ended is no error for a line that has ended meanwhile.
func ended(err error) error {
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}
