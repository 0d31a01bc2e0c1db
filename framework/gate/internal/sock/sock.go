// Package sock reads and writes a connection without tying up memory while it waits: it waits until there is something to read, and only then
// takes a buffer, from a pool; it writes what the kernel takes at once, so that whoever delivers to many clients never waits for one.
//
// Where the system offers no way to wait without reading (Windows), or the connection is not a socket, it reads into a small buffer of its own first.
//
// The same goes for TLS, which [Socket.StartTLS] puts between: see tls.go. A TLS connection that waits costs the state of its ciphers besides.
package sock

import (
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	bufferSize = 16 << 10 // of what one read may bring, in bytes
	writeChunk = 64 << 10 // what a slow client has to take within the limit of one Write, in bytes
)

// A Buffer is what one read brought. Give it back with [Buffer.Release].
type Buffer struct {
	n    int
	data [bufferSize]byte
}

var buffers = sync.Pool{New: func() any { return new(Buffer) }}

func newBuffer() *Buffer { return buffers.Get().(*Buffer) }

// Bytes is what was read; valid until Release.
func (b *Buffer) Bytes() []byte { return b.data[:b.n] }

// Release gives the buffer back to its pool.
func (b *Buffer) Release() { buffers.Put(b) }

type rawConn = syscall.RawConn

// A Socket is a connection. One goroutine reads and one writes at a time. Its Read and Write, which wait, are for handshakes, before [Socket.Begin].
type Socket struct {
	net.Conn          // as it is read: under TLS, the TLS connection
	under    net.Conn // the connection itself
	raw      rawConn  // nil: the portable way
	fast     fast
	slow     []byte   // the portable way's own buffer
	tls      *layer   // nil: none
	from     net.Addr // nil: the connection's own
}

// New is a socket for nc.
func New(nc net.Conn) *Socket {
	s := &Socket{Conn: nc, under: nc}
	if sc, ok := nc.(syscall.Conn); ok && hasFast {
		if raw, err := sc.SyscallConn(); err == nil {
			s.raw = raw
			s.fast.init()
		}
	}
	return s
}

// Begin is the end of handshakes: from now on, reading is by ReadBuffer and Discard, and writing by TryWrite and WriteAll. Nobody else may use the socket
// before.
func (s *Socket) Begin() {
	if s.tls != nil && s.raw != nil {
		s.tls.link.begun = true
	}
}

// ComeFrom says whose connection it is, when there is a proxy between.
func (s *Socket) ComeFrom(addr net.Addr) { s.from = addr }

// RemoteAddr is where the client is: behind the proxy, if there is one.
func (s *Socket) RemoteAddr() net.Addr {
	if s.from != nil {
		return s.from
	}
	return s.under.RemoteAddr()
}

// ReadBuffer waits until something has come, and reads it into a buffer that the caller releases. The error is io.EOF when the other side has closed.
func (s *Socket) ReadBuffer() (*Buffer, error) {
	switch {
	case s.raw == nil:
		return s.readPortably()
	case s.tls != nil:
		return s.tls.readBuffer()
	}
	return s.fast.read(s.raw)
}

// TryWrite writes what can be written without waiting: all of b, a part or nothing. What is left has to be written next.
func (s *Socket) TryWrite(b []byte) (int, error) {
	switch {
	case s.raw == nil:
		return 0, nil
	case s.tls != nil:
		return s.tls.tryWrite(b)
	}
	return s.fast.write(s.raw, b)
}

// WriteAll writes all of b, and fails when the other side does not take 64 KiB of it, or one TLS record, within the limit.
func (s *Socket) WriteAll(b []byte, limit time.Duration) error {
	if s.tls != nil && s.raw != nil {
		return s.tls.writeAll(b, limit)
	}
	return writeAll(s.Conn, b, limit)
}

func writeAll(c net.Conn, b []byte, limit time.Duration) error {
	for len(b) > 0 {
		chunk := b[:min(len(b), writeChunk)]
		if err := c.SetWriteDeadline(time.Now().Add(limit)); err != nil {
			return err
		}
		n, err := c.Write(chunk)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return c.SetWriteDeadline(time.Time{})
}

// Discard reads and drops what comes until the other side has closed, or the limit has passed.
func (s *Socket) Discard(limit time.Duration) {
	if s.under.SetReadDeadline(time.Now().Add(limit)) != nil {
		return
	}
	read := s.readPortably
	if s.raw != nil { // under TLS too: what is dropped need not be decrypted
		read = func() (*Buffer, error) { return s.fast.read(s.raw) }
	}
	for {
		b, err := read()
		if err != nil {
			return
		}
		b.Release()
	}
}

// CloseWrite shuts the writing side down, if the connection can, and the reading side after the limit.
func (s *Socket) CloseWrite(limit time.Duration) {
	_ = s.under.SetReadDeadline(time.Now().Add(limit)) // fails only for a connection that is closed already
	if s.tls != nil && s.raw != nil {
		s.tls.closeWrite()
	}
	if c, ok := s.under.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // the connection is ending: an error has nobody left to tell
	}
}

const smallBuffer = 256 // bytes that a connection holds while it waits the portable way

// readPortably waits with a small buffer. When that came back full there is likely more, and the next read takes a large one.
func (s *Socket) readPortably() (*Buffer, error) {
	if s.slow == nil {
		s.slow = make([]byte, smallBuffer)
	}
	if len(s.slow) == smallBuffer {
		n, err := s.Conn.Read(s.slow)
		if n == 0 && err != nil {
			return nil, err
		}
		b := newBuffer()
		b.n = copy(b.data[:], s.slow[:n])
		if n == smallBuffer {
			s.slow = s.slow[:smallBuffer-1] // marks that the next read is to be a large one
		}
		return b, nil
	}
	s.slow = s.slow[:smallBuffer]
	b := newBuffer()
	n, err := s.Conn.Read(b.data[:])
	if n == 0 && err != nil {
		b.Release()
		return nil, err
	}
	b.n = n
	if n == bufferSize {
		s.slow = s.slow[:smallBuffer-1]
	}
	return b, nil
}
