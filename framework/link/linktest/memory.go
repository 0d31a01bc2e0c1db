package linktest

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// A Memory is a network without sockets, which bubbles of testing/synctest need: a goroutine that waits for a socket keeps a bubble's time from going on, one that
// waits for a Memory does not. It is safe for concurrent use.
//
//	links := link.Config{..., Dialer: memory.Dial}
//	server := link.NewServer(links)
//	err := server.ListenOn(memory.Listen())
type Memory struct {
	mu        sync.Mutex
	listeners map[string]*memoryListener
	last      int // address that was given
}

// NewMemory is a network on which nobody listens.
func NewMemory() *Memory { return &Memory{listeners: map[string]*memoryListener{}} }

// Listen is a listener at an address of its own.
func (m *Memory) Listen() net.Listener {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	l := &memoryListener{memory: m, addr: memoryAddr(fmt.Sprintf("memory:%d", m.last)), conns: make(chan net.Conn), closed: make(chan struct{})}
	m.listeners[l.addr.String()] = l
	return l
}

// Dial connects to a listener, and is a link's Dialer.
func (m *Memory) Dial(ctx context.Context, addr string) (net.Conn, error) {
	m.mu.Lock()
	l := m.listeners[addr]
	m.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: nobody listens there", addr)
	}
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, fmt.Errorf("dial %s: nobody listens there any more", addr)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type memoryAddr string

func (memoryAddr) Network() string  { return "memory" }
func (a memoryAddr) String() string { return string(a) }

type memoryListener struct {
	memory *Memory
	addr   memoryAddr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() {
		l.memory.mu.Lock()
		delete(l.memory.listeners, l.addr.String())
		l.memory.mu.Unlock()
		close(l.closed)
	})
	return nil
}

func (l *memoryListener) Addr() net.Addr { return l.addr }
