package gate

import (
	"slices"
	"sync"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

var errNotAgreed = fault.New(fault.Invalid, "this session has agreed on no compression")

// agree notes whether the session's messages may be compressed: when the client knows how, and the gate is configured for it.
func (s *session) agree(hello *wirepb.Hello) {
	s.packs = s.gate.cfg.CompressFrom > 0 && slices.Contains(hello.GetCompressions(), wire.Deflate)
}

// compression is what Welcome says of it.
func (s *session) compression(w *wirepb.Welcome) {
	if s.packs {
		w.Compression, w.CompressFrom = wire.Deflate, uint32(s.gate.cfg.CompressFrom)
	}
}

// sizeOf is the size of a frame's body for the limits: what it was before it was compressed, if that was more.
func (s *session) sizeOf(h wire.Header, body []byte) (int, error) {
	switch {
	case h.Flags&wire.Compressed == 0:
		return len(body), nil
	case !s.packs:
		return 0, errNotAgreed
	}
	size, err := wire.UnpackedSize(body, wire.Limits{MaxBody: s.gate.cfg.MaxBody})
	return max(size, len(body)), err
}

// packed takes a message with a compressed body. One that is not what it says ends the session: what else its sender says cannot be trusted either.
func (s *session) packed(e *entry, h wire.Header, body []byte) error {
	buf := bodies.Get().(*bodyBuffer)
	defer buf.release()
	plain, err := wire.Unpack(buf.b[:0], body, wire.Limits{MaxBody: s.gate.cfg.MaxBody})
	if err != nil {
		return err
	}
	buf.b = plain
	h.Flags &^= wire.Compressed
	return s.pass(e, h, plain)
}

// A bodyBuffer is memory for a body that is compressed or decompressed, while it is handed on.
type bodyBuffer struct{ b []byte }

const keepBody = 64 << 10 // the largest such memory that is kept, in bytes

var bodies = sync.Pool{New: func() any { return new(bodyBuffer) }}

func (b *bodyBuffer) release() {
	if cap(b.b) <= keepBody {
		bodies.Put(b)
	}
}

// A packing is the compressed form of one body, made when the first session wants it: a multicast is compressed once.
type packing struct {
	buf  *bodyBuffer // nil: none yet
	done bool
	ok   bool // it is worth it
}

// of is the compressed form of the body, which is the same at each call; false if there is none that is shorter.
func (p *packing) of(g *Gate, body []byte) ([]byte, bool) {
	if !p.done {
		p.done = true
		p.buf = bodies.Get().(*bodyBuffer)
		p.buf.b, p.ok = wire.Pack(p.buf.b[:0], body)
		g.stats.compressed.Add(1)
	}
	return p.buf.b, p.ok
}

func (p *packing) release() {
	if p.buf != nil {
		p.buf.release()
		p.buf = nil
	}
}
