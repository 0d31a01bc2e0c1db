package direct

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/udp"
	"loumiao/framework/wire"
)

const beat = time.Second // a client sends a Ping that often

// Dial opens the line of an offer, at the node's address, until ctx ends. take is given what the node sends, by one goroutine, and must not wait; it is called with nothing
// after [Line.Wait] has returned. Whoever has a Line closes it.
func Dial(ctx context.Context, addr string, offer Offer, registry *wire.Registry, take func(proto.Message)) (*Line, error) {
	return dial(ctx, addr, offer, registry, take, patience)
}

func dial(ctx context.Context, addr string, offer Offer, registry *wire.Registry, take func(proto.Message), patience time.Duration) (*Line, error) {
	c, err := udp.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	late := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer late()
	l := newLine(c, registry, wire.Send, offer.Up, patience)
	fail := func(err error) (*Line, error) {
		l.Close()
		l.work.Wait()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	if _, err := c.Write(offer.Ticket[:]); err != nil {
		return fail(err)
	}
	if err := l.ping(1); err != nil {
		return fail(err)
	}
	in, opener := bufio.NewReaderSize(patient{c, patience}, 4<<10), newOpener(offer.Down, MaxFrame)
	frame, err := opener.open(in)
	if err != nil {
		return fail(err)
	}
	if h, _, err := wire.ParseFrame(frame, wire.Limits{}); err != nil || h.Kind != wire.Pong || h.Call != 1 {
		return fail(fault.New(fault.Invalid, "a direct line does not begin with a Pong"))
	}
	l.work.Go(func() { l.listen(in, opener, take) })
	l.work.Go(l.beat)
	return l, nil
}

// Wait returns when the line has ended and nobody works on it any more. It is for clients, and not for take.
func (l *Line) Wait() {
	<-l.done
	l.work.Wait()
}

func (l *Line) ping(call uint32) error {
	return l.put(wire.Append(nil, wire.Header{Kind: wire.Ping, Call: call}, nil), true)
}

func (l *Line) beat() {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for call := uint32(2); ; call++ {
		select {
		case <-tick.C:
			if l.ping(call) != nil {
				return
			}
		case <-l.done:
			return
		}
	}
}

// listen takes what the node sends until the line ends.
func (l *Line) listen(in io.Reader, opener *opener, take func(proto.Message)) {
	defer l.Close()
	for {
		frame, err := opener.open(in)
		if err != nil {
			return
		}
		h, body, err := wire.ParseFrame(frame, wire.Limits{})
		if err != nil {
			return
		}
		if h.Kind != wire.Push {
			continue // a Pong, or something newer than this client
		}
		if m, err := l.message(h, body); err == nil {
			take(m)
		}
	}
}

// A patient reads a line for as long as the other side is heard of. What it says may be lost and said again, or be an answer to what waits behind much else.
// Not even a datagram that only acknowledges others comes when it is given up.
type patient struct {
	*udp.Conn
	patience time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	for {
		last := p.Heard()
		_ = p.SetReadDeadline(last.Add(p.patience)) // fails never
		n, err := p.Conn.Read(b)
		if !errors.Is(err, os.ErrDeadlineExceeded) || !p.Heard().After(last) {
			return n, err
		}
	}
}

var errUnknown = errors.New("direct: a message that this client does not know")

func (l *Line) message(h wire.Header, body []byte) (proto.Message, error) {
	msg, ok := l.registry.ByID(h.Message)
	if !ok {
		return nil, errUnknown
	}
	m := msg.New()
	return m, wire.Unmarshal(body, m)
}
