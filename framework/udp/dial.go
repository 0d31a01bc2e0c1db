package udp

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"time"
)

const (
	firstRetry  = 200 * time.Millisecond // of an opening datagram that is not answered; doubles
	lastRetry   = 2 * time.Second        // what it doubles up to: somebody waits for it
	longestIdle = time.Minute            // without a datagram from the listener, at the client
)

var (
	errBye     = io.EOF // the other side has ended the conversation
	errRefused = errors.New("udp: the listener has no room for a conversation")
)

// Dial opens a conversation with the listener at addr, host:port, until ctx ends. Nobody may answer: UDP is often blocked.
func Dial(ctx context.Context, addr string) (*Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "udp", addr)
	if err != nil {
		return nil, err
	}
	pc := nc.(*net.UDPConn)
	o, err := knock(ctx, pc)
	if err != nil {
		_ = pc.Close()
		return nil, err
	}
	s := &single{pc: pc}
	c := newConn(s, o, pc.RemoteAddr().(*net.UDPAddr), up, down)
	go s.read(c) // ends with the socket, which c closes
	return c, nil
}

// knock does the client's part of the opening.
func knock(ctx context.Context, pc *net.UDPConn) (opening, error) {
	stop := context.AfterFunc(ctx, func() { _ = pc.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	o := opening{kind: open}
	_, _ = rand.Read(o.nonce[:]) // never fails
	say := open
	b := make([]byte, largest)
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		_, _ = pc.Write(o.as(say)) // one that cannot be sent is lost, and repeated
		again := time.Now().Add(pause)
		for {
			if err := pc.SetReadDeadline(again); err != nil {
				return o, err
			}
			if ctx.Err() != nil {
				return o, ctx.Err()
			}
			n, err := pc.Read(b)
			if err != nil {
				if ctx.Err() != nil {
					return o, ctx.Err()
				}
				if time.Now().Before(again) { // refused by the host, perhaps only for now
					select {
					case <-time.After(time.Until(again)):
					case <-ctx.Done():
						return o, ctx.Err()
					}
				}
				break
			}
			answer, ok := parseOpening(b[:n])
			switch {
			case !ok || answer.nonce != o.nonce:
			case say == open && answer.kind == challenge:
				o, say, pause = answer, begin, firstRetry
				_, _ = pc.Write(o.as(say))
				again = time.Now().Add(pause)
			case say == begin && answer.sameAs(o) && answer.kind == begun:
				return o, pc.SetReadDeadline(time.Time{})
			case say == begin && answer.sameAs(o) && answer.kind == bye:
				return o, errRefused
			}
		}
	}
}

// sameAs reports whether both are of one conversation, and from somebody who was there when it was opened.
func (o opening) sameAs(p opening) bool {
	return o.conv == p.conv && o.nonce == p.nonce && o.cookie == p.cookie
}

// A single is a socket for one conversation.
type single struct{ pc *net.UDPConn }

func (s *single) read(c *Conn) {
	b := make([]byte, largest)
	for {
		if err := s.pc.SetReadDeadline(time.Now().Add(longestIdle)); err != nil {
			return // closed
		}
		n, err := s.pc.Read(b)
		var late net.Error
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case errors.As(err, &late) && late.Timeout():
			c.end(ErrIdle, true)
			return
		case err != nil: // the host refuses: the listener is gone, or not yet back
			select {
			case <-time.After(minPause):
			case <-c.done:
				return
			}
		case n <= kindAt || numberOf(b) != c.opening.conv:
		case kind(b[kindAt]) >= firstKCP && kind(b[kindAt]) <= lastKCP:
			if n >= kcpHeader {
				c.input(b[:n])
			}
		default:
			if o, ok := parseOpening(b[:n]); ok && o.kind == bye && o.sameAs(c.opening) {
				c.end(errBye, false)
				return
			}
		}
	}
}

func (s *single) send(b []byte, _ *net.UDPAddr) { _, _ = s.pc.Write(b) }

func (s *single) gone(*Conn) { _ = s.pc.Close() }

func (s *single) local() net.Addr { return s.pc.LocalAddr() }
