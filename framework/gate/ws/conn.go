package ws

import (
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/sock"
	"loumiao/framework/wire"
)

type conn struct {
	*sock.Socket
	limits wire.Limits
	parser parser
	parts  []byte // of a fragmented message, so far
	inPart bool
	code   atomic.Uint32 // to close with; 0: normal
}

func newConn(socket *sock.Socket, limits wire.Limits) *conn {
	return &conn{Socket: socket, limits: limits, parser: parser{max: wire.HeaderSize + limits.MaxBody}}
}

func (c *conn) Receive(r gate.Receiver) error {
	for {
		buf, err := c.ReadBuffer()
		if err != nil {
			return err
		}
		err = c.dispatch(buf.Bytes(), r)
		buf.Release()
		r.Flush()
		if err != nil {
			return c.translate(err)
		}
	}
}

func (c *conn) dispatch(chunk []byte, r gate.Receiver) error {
	c.parser.chunk = chunk
	for {
		f, ok, err := c.parser.next()
		if err != nil || !ok {
			return err
		}
		switch f.op {
		case ws.OpPing:
			var pong [2 + ws.MaxControlFramePayloadSize]byte
			err = r.Control(f.size(), append(append(pong[:0], 0x80|byte(ws.OpPong), byte(len(f.payload))), f.payload...))
		case ws.OpPong:
			err = r.Control(f.size(), nil)
		case ws.OpClose:
			if err = r.Control(f.size(), c.AppendClose(nil)); err == nil {
				err = io.EOF
			}
		default:
			err = c.data(f, r)
		}
		if err != nil {
			return err
		}
	}
}

// data takes a data frame: a whole message, or a part of one. Each counts as one of what the client sends: the last of its parts, like a whole message, by what
// the receiver makes of it; the others by themselves, but for the bytes that they bring for the message, which count when that is whole.
func (c *conn) data(f frame, r gate.Receiver) error {
	switch {
	case (f.op == ws.OpContinuation) != c.inPart:
		return violation("the parts of two messages are mixed")
	case f.fin && !c.inPart:
		return c.message(f.payload, r)
	case len(c.parts)+len(f.payload) > c.parser.max:
		return tooBig
	}
	c.parts = append(c.parts, f.payload...)
	c.inPart = !f.fin
	if c.inPart {
		return r.Control(f.header, nil)
	}
	message := c.parts
	c.parts = nil
	return c.message(message, r)
}

func (c *conn) message(b []byte, r gate.Receiver) error {
	h, body, err := wire.ParseFrame(b, c.limits)
	if err != nil {
		if h.Kind == wire.Hello {
			r.Announce(h)
		}
		return err
	}
	return r.Frame(h, body)
}

// translate makes a violation of the WebSocket protocol one of ours, and remembers what to close with.
func (c *conn) translate(err error) error {
	var p *protocolError
	if !errors.As(err, &p) {
		return err
	}
	c.code.Store(uint32(p.code))
	code := fault.Invalid
	if p.code == ws.StatusMessageTooBig {
		code = fault.TooLarge
	}
	return fault.New(code, p.Error())
}

// AppendFrame appends the frame as one binary message. A server's are not masked.
func (c *conn) AppendFrame(dst []byte, h wire.Header, body []byte) []byte {
	h.Size = len(body)
	dst = append(dst, 0x80|byte(ws.OpBinary))
	switch size := wire.HeaderSize + len(body); {
	case size < 126:
		dst = append(dst, byte(size))
	case size <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(size))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(size))
	}
	return append(wire.AppendHeader(dst, h), body...)
}

// AppendClose appends a close frame.
func (c *conn) AppendClose(dst []byte) []byte {
	code := uint16(c.code.Load())
	if code == 0 {
		code = uint16(ws.StatusNormalClosure)
	}
	return binary.BigEndian.AppendUint16(append(dst, 0x80|byte(ws.OpClose), 2), code)
}

func (c *conn) Write(b []byte, limit time.Duration) error { return c.WriteAll(b, limit) }
