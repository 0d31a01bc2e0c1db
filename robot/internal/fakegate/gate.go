// Package fakegate is a gate for tests of those who connect to one: it listens over TCP, WebSocket and KCP, and leaves it to the test what it
// says, right or wrong.
//
//	gate := fakegate.Start(t, registry)
//	... client.Dial(ctx, gate.TCP, ...) ...
//	s := <-gate.Sessions
//	s.Open()                                // reads Hello and answers Welcome
//	s.Push(fakegate.World, &pb.MatchFound{})
//
// It knows the framing of package wire and counts sequence numbers; it routes, checks and keeps nothing.
package fakegate

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"loumiao/framework/udp"
	"loumiao/framework/wire"
)

// Streams of the types of node that [Session.Welcome] names.
const (
	World uint8 = 1
	Queue uint8 = 2
	Zone  uint8 = 3
)

// A Gate listens on loopback.
type Gate struct {
	// TCP, WS and KCP are its addresses, as package client takes them.
	TCP, WS, KCP string
	// Sessions gives each connection as it comes, before anything has been read of it.
	Sessions chan *Session

	registry  *wire.Registry
	listener  net.Listener
	talks     *udp.Listener
	web       http.Server
	closing   chan struct{}
	listeners sync.WaitGroup

	mu   sync.Mutex
	open []*Session // nil once the gate is closed
}

// Start is [New] for a test, at whose end the gate is closed.
func Start(t testing.TB, registry *wire.Registry) *Gate {
	t.Helper()
	g, err := New(registry)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// New starts a gate. Whoever has it closes it.
func New(registry *wire.Registry) (*Gate, error) {
	over, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	overWeb, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, over.Close())
	}
	talks, err := udp.Listen("127.0.0.1:0", udp.Config{Idle: 10 * time.Second})
	if err != nil {
		return nil, errors.Join(err, over.Close(), overWeb.Close())
	}
	g := &Gate{
		TCP: "tcp://" + over.Addr().String(), WS: "ws://" + overWeb.Addr().String() + "/ws", KCP: "kcp://" + talks.Addr().String(), talks: talks,
		Sessions: make(chan *Session), registry: registry, listener: over, closing: make(chan struct{}), open: []*Session{},
	}
	g.web.Handler = http.HandlerFunc(g.upgrade)
	g.listeners.Go(func() { _ = g.web.Serve(overWeb) })
	g.listeners.Go(func() { g.accept(over) })
	g.listeners.Go(func() { g.accept(talks) })
	return g, nil
}

// Close ends everything that is open.
func (g *Gate) Close() {
	g.mu.Lock()
	open := g.open
	g.open = nil
	g.mu.Unlock()
	if open == nil {
		return
	}
	close(g.closing)
	_ = g.listener.Close()
	_ = g.talks.Close()
	_ = g.web.Close()
	for _, s := range open {
		s.Close()
	}
	g.listeners.Wait()
	g.talks.Wait()
}

func (g *Gate) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		g.offer(Over(c, g.registry))
	}
}

func (g *Gate) upgrade(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // the client has been told
	}
	c.SetReadLimit(-1)
	g.offer(&Session{registry: g.registry, carrier: &socket{c}, sent: map[uint8]uint32{}})
}

func (g *Gate) offer(s *Session) {
	g.mu.Lock()
	closed := g.open == nil
	if !closed {
		g.open = append(g.open, s)
	}
	g.mu.Unlock()
	if closed {
		s.Close()
		return
	}
	select {
	case g.Sessions <- s:
	case <-g.closing:
	}
}
