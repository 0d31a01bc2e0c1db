// Package certfile is a server's TLS certificate in files: it is read again when the files change, so that a renewed certificate needs no restart.
//
//	files, err := certfile.Load("/run/secrets/gate.crt", "/run/secrets/gate.key", certfile.Config{Logger: log})
//	transport := tcp.New(tcp.Config{TLS: files.Server()})
//
// There is no goroutine and no watcher: a handshake that comes a while after the last look has a look at the files. Connections that are open go on with
// the certificate that they began with.
package certfile

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Config is how files are watched.
type Config struct {
	// Every is how long after a look at the files the next one is due. Default 5 s.
	Every time.Duration
	// Logger is told of new certificates, and of files that cannot be used. nil: nobody is.
	Logger *slog.Logger
	// Now is the clock. nil: time.Now.
	Now func() time.Time
}

// Files is a certificate and its key. It is safe for concurrent use.
type Files struct {
	cert, key string
	every     time.Duration
	log       *slog.Logger
	now       func() time.Time

	current atomic.Pointer[tls.Certificate]
	next    atomic.Int64 // when the files are to be looked at again, in nanoseconds since 1970

	mu   sync.Mutex
	seen state // what the files were when they were last read, well or not
}

// A state tells one version of the files from another.
type state struct{ cert, key os.FileInfo }

// Load reads a certificate (with its chain, the server's own first) and its key, both in PEM.
func Load(cert, key string, cfg Config) (*Files, error) {
	f := &Files{cert: cert, key: key, every: cmp.Or(cfg.Every, 5*time.Second), log: cfg.Logger, now: cfg.Now}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	if f.now == nil {
		f.now = time.Now
	}
	if _, err := f.read(); err != nil {
		return nil, err
	}
	f.next.Store(f.now().Add(f.every).UnixNano())
	return f, nil
}

// Server is the configuration of a server with this certificate: TLS 1.2 and later.
func (f *Files) Server() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.certificate}
}

// certificate is the newest one that could be read. One handshake looks after the files; those that come meanwhile go on with what there is.
func (f *Files) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := f.now()
	if due := f.next.Load(); now.UnixNano() >= due && f.next.CompareAndSwap(due, now.Add(f.every).UnixNano()) {
		if fresh, err := f.read(); err != nil {
			f.log.Error("new TLS certificate not read; the old one stays", "cert", f.cert, "error", err)
		} else if fresh {
			f.log.Info("new TLS certificate", "cert", f.cert, "until", f.current.Load().Leaf.NotAfter)
		}
	}
	return f.current.Load(), nil
}

// read reads the files unless they are what they were. What cannot be read is an error once, and again when it has changed: a key that is written a
// moment after its certificate is read then.
func (f *Files) read() (fresh bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	is, err := f.look()
	if err == nil && is.same(f.seen) {
		return false, nil
	}
	missing := f.seen == state{}
	f.seen = is
	if err != nil {
		if missing && f.current.Load() != nil {
			return false, nil // said before
		}
		return false, err
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return false, fmt.Errorf("TLS certificate %s with key %s: %w", f.cert, f.key, err)
	}
	f.current.Store(&pair)
	return true, nil
}

// look is what the files are now; the zero state with an error.
func (f *Files) look() (state, error) {
	cert, err := os.Stat(f.cert)
	if err != nil {
		return state{}, fmt.Errorf("TLS certificate: %w", err)
	}
	key, err := os.Stat(f.key)
	if err != nil {
		return state{}, fmt.Errorf("TLS key: %w", err)
	}
	return state{cert, key}, nil
}

func (s state) same(o state) bool {
	return o.cert != nil && sameFile(s.cert, o.cert) && sameFile(s.key, o.key)
}

func sameFile(a, b os.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}
