package ws

import (
	"encoding/binary"
	"fmt"

	"github.com/gobwas/ws"
)

// A protocolError is a reason to close a WebSocket, by RFC 6455 section 7.4.1.
type protocolError struct {
	code ws.StatusCode
	text string
}

func (e *protocolError) Error() string { return fmt.Sprintf("websocket: %s (%d)", e.text, e.code) }

func violation(text string) error { return &protocolError{ws.StatusProtocolError, text} }

// A frame is one WebSocket frame, unmasked. The payload is valid until the next one is asked for.
type frame struct {
	op      ws.OpCode
	fin     bool
	header  int // bytes before the payload
	payload []byte
}

// size is the frame's bytes on the connection.
func (f frame) size() int { return f.header + len(f.payload) }

// A parser finds the frames of a client in a stream of bytes that arrives in chunks of any size, and unmasks them in place. What is not whole in
// its chunk is gathered in a buffer that grows with what has arrived, never with what a header claims.
type parser struct {
	max   int    // payload of a frame
	chunk []byte // what is left of it
	buf   []byte // the beginning of a frame whose rest has not arrived
	taken bool   // buf is used up
}

const keepBuffer = 512 // a used up buffer that is not larger stays, in bytes

// next is the next frame, or false when there is no whole one yet. An error is final.
func (p *parser) next() (f frame, ok bool, err error) {
	if p.taken {
		p.taken = false
		p.buf = p.buf[:0]
		if cap(p.buf) > keepBuffer {
			p.buf = nil
		}
	}
	if len(p.buf) == 0 {
		h, n, err := parseHeader(p.chunk, p.max)
		if err != nil {
			return frame{}, false, err
		}
		if end := n + int(h.Length); n > 0 && len(p.chunk) >= end {
			raw := p.chunk[n:end:end]
			p.chunk = p.chunk[end:]
			return unmask(h, n, raw), true, nil
		}
	}
	return p.gather()
}

// gather moves bytes from the chunk to buf until it has a whole frame.
func (p *parser) gather() (frame, bool, error) {
	for {
		h, n, err := parseHeader(p.buf, p.max)
		if err != nil {
			return frame{}, false, err
		}
		want := len(p.buf) + 1 // the header tells its own length only bit by bit
		if n > 0 {
			want = n + int(h.Length)
		}
		if n > 0 && len(p.buf) == want {
			p.taken = true
			return unmask(h, n, p.buf[n:]), true, nil
		}
		if len(p.chunk) == 0 {
			return frame{}, false, nil
		}
		more := min(want-len(p.buf), len(p.chunk))
		p.buf = append(p.buf, p.chunk[:more]...)
		p.chunk = p.chunk[more:]
	}
}

func unmask(h ws.Header, size int, payload []byte) frame {
	ws.Cipher(payload, h.Mask, 0)
	return frame{op: h.OpCode, fin: h.Fin, header: size, payload: payload}
}

// parseHeader reads the header at the beginning of b and says how long it is; 0 while it is not whole. Everything that a client may not send is
// refused here, most of it before the length has even arrived.
func parseHeader(b []byte, limit int) (h ws.Header, n int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.Fin, h.OpCode, h.Masked = b[0]&0x80 != 0, ws.OpCode(b[0]&0x0f), b[1]&0x80 != 0
	length := int(b[1] & 0x7f)
	switch {
	case b[0]&0x70 != 0:
		return h, 0, violation("reserved bits are set, and no extension was agreed on")
	case h.OpCode.IsReserved():
		return h, 0, violation("an opcode that does not exist")
	case !h.Masked:
		return h, 0, violation("a client's frames are masked")
	case h.OpCode.IsControl() && (!h.Fin || length > ws.MaxControlFramePayloadSize):
		return h, 0, violation("a control frame in parts, or too long")
	case h.OpCode == ws.OpText:
		return h, 0, &protocolError{ws.StatusUnsupportedData, "a message must be binary, JSON too"}
	}
	n = 2
	switch length {
	case 126:
		n += 2
		if len(b) < n {
			return h, 0, nil
		}
		h.Length = int64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		n += 8
		if len(b) < n {
			return h, 0, nil
		}
		size := binary.BigEndian.Uint64(b[2:])
		if size > uint64(limit) {
			return h, 0, tooBig
		}
		h.Length = int64(size)
	default:
		h.Length = int64(length)
	}
	if h.Length > int64(limit) {
		return h, 0, tooBig
	}
	n += len(h.Mask)
	if len(b) < n {
		return h, 0, nil
	}
	copy(h.Mask[:], b[n-len(h.Mask):])
	return h, n, nil
}

var tooBig = &protocolError{ws.StatusMessageTooBig, "a message over the limit"}
