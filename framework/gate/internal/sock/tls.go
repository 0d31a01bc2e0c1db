package sock

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	plainChunk = 16 << 10 // bytes that are encrypted before the kernel is asked to take them: one record at most
	maxCipher  = 64 << 10 // encrypted bytes that may wait for the kernel; a client that makes more of them without reading is cut off
)

// StartTLS does a server's TLS handshake. It waits for the client, within the connection's deadline. From then on the socket's own Read and Write
// are those of the TLS connection, and what the other methods read and write goes through it.
func (s *Socket) StartTLS(cfg *tls.Config) error {
	link := &link{Conn: s.Conn, fast: &s.fast, raw: s.raw}
	conn := tls.Server(link, cfg)
	if err := conn.Handshake(); err != nil {
		return err
	}
	s.Conn, s.tls = conn, &layer{conn: conn, link: link}
	return nil
}

// A layer is TLS between a socket's methods and its connection, of which crypto/tls knows only blocking ones. It reads from what has come and is told
// to come again when that is used up, so that a connection that waits holds no buffer but the beginning of a record, if any. It writes to memory, at
// most one record before the kernel is given it, so that nobody who writes has to wait.
type layer struct {
	conn *tls.Conn
	link *link
	skip int // bytes that were encrypted and not reported as written: those that come again first
}

func (l *layer) readBuffer() (*Buffer, error) {
	for {
		b := newBuffer()
		n, err := l.conn.Read(b.data[:])
		if n > 0 {
			b.n = n
			return b, nil // an error comes again
		}
		b.Release()
		if err != nil && !errors.Is(err, errLater) {
			return nil, err
		}
		if l.link.in, err = l.link.fast.read(l.link.raw); err != nil {
			return nil, err
		}
	}
}

// tryWrite encrypts a record after the other, for as long as the kernel takes them. What it returns less than it was given is to be written next, by
// tryWrite again or by writeAll.
func (l *layer) tryWrite(b []byte) (n int, err error) {
	for {
		if empty, err := l.link.tryFlush(); !empty || err != nil {
			return n, err
		}
		n, l.skip = n+l.skip, 0
		if n == len(b) {
			return n, nil
		}
		chunk := b[n:min(len(b), n+plainChunk)]
		if _, err := l.conn.Write(chunk); err != nil {
			return n, err
		}
		l.skip = len(chunk)
	}
}

func (l *layer) writeAll(b []byte, limit time.Duration) error {
	for {
		if err := l.link.flush(limit); err != nil {
			return err
		}
		b, l.skip = b[l.skip:], 0
		if len(b) == 0 {
			return nil
		}
		chunk := b[:min(len(b), plainChunk)]
		if _, err := l.conn.Write(chunk); err != nil {
			return err
		}
		l.skip = len(chunk)
	}
}

// closeWrite says goodbye, if the kernel takes that.
func (l *layer) closeWrite() {
	_ = l.conn.CloseWrite() // the connection is ending: an error has nobody left to tell
	_, _ = l.link.tryFlush()
}

// A link is the connection under TLS. During the handshake it is the connection as it is; from begin on, nothing that TLS does to it waits.
type link struct {
	net.Conn
	fast  *fast
	raw   rawConn
	begun bool

	// The reader's own.
	in *Buffer // what has come; nil: nothing
	at int     // how much of it TLS has taken

	mu  sync.Mutex
	out *cipher // what the kernel has not taken; nil: nothing
}

type cipher struct{ b []byte }

var ciphers = sync.Pool{New: func() any { return new(cipher) }}

// Read takes from what has come, and never waits.
func (l *link) Read(p []byte) (int, error) {
	if !l.begun {
		return l.Conn.Read(p)
	}
	if l.in == nil {
		return 0, errLater
	}
	n := copy(p, l.in.Bytes()[l.at:])
	if l.at += n; l.at == l.in.n {
		l.in.Release()
		l.in, l.at = nil, 0
	}
	return n, nil
}

// Write keeps what TLS writes. It is called by whoever writes, and by the reader when the client asks for new keys.
func (l *link) Write(p []byte) (int, error) {
	if !l.begun {
		return l.Conn.Write(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		l.out = ciphers.Get().(*cipher)
	}
	if len(l.out.b)+len(p) > maxCipher {
		return 0, errFull
	}
	l.out.b = append(l.out.b, p...)
	return len(p), nil
}

// SetWriteDeadline is for TLS's own goodbye, which does not wait.
func (l *link) SetWriteDeadline(t time.Time) error {
	if l.begun {
		return nil
	}
	return l.Conn.SetWriteDeadline(t)
}

// tryFlush gives the kernel what it takes without waiting, and reports whether that was all.
func (l *link) tryFlush() (empty bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		return true, nil
	}
	n, err := l.fast.write(l.raw, l.out.b)
	l.taken(n)
	return l.out == nil, err
}

// flush gives the kernel everything, and waits for that.
func (l *link) flush(limit time.Duration) error {
	for {
		l.mu.Lock()
		c := l.out
		l.out = nil
		l.mu.Unlock()
		if c == nil {
			return nil
		}
		err := writeAll(l.Conn, c.b, limit)
		c.b = c.b[:0]
		ciphers.Put(c)
		if err != nil {
			return err // of a connection that is not written to again
		}
	}
}

// taken forgets the first n bytes. It is called with the lock.
func (l *link) taken(n int) {
	c := l.out
	if n < len(c.b) {
		c.b = c.b[:copy(c.b, c.b[n:])]
		return
	}
	c.b = c.b[:0]
	ciphers.Put(c)
	l.out = nil
}

// later is what TLS is told when nothing has come. It is temporary, and so does not end the TLS connection: a part of a record that was read stays.
type later struct{}

func (later) Error() string   { return "sock: nothing has come yet" }
func (later) Timeout() bool   { return true }
func (later) Temporary() bool { return true }

var (
	errLater error = later{}
	errFull        = errors.New("sock: the client makes TLS answer, and reads no answers")
)
