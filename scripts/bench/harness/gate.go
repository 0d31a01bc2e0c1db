package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// A DialGate opens one client's session with the gate at addr, handshake included. n tells clients apart.
type DialGate func(addr string, n int) (*Session, error)

// A Session is a client that is let in, with a request and the answer to it as they look on its connection.
type Session struct {
	Conn            net.Conn
	Request, Answer []byte
	// Received checks a number of whole answers in place of a comparison with Answer, and returns what is to be sent with the next
	// requests. For protocols whose answers differ or are acknowledged; else nil.
	Received func(answers []byte) (next []byte, err error)

	out, in []byte
}

var errAnswer = errors.New("wrong answer")

// exchange sends so many requests at once and waits for the answers.
func (s *Session) exchange(inFlight int) error {
	if len(s.in) != inFlight*len(s.Answer) {
		s.in = make([]byte, inFlight*len(s.Answer))
		s.out = bytes.Repeat(s.Request, inFlight)
	}
	if _, err := s.Conn.Write(s.out); err != nil {
		return err
	}
	if _, err := io.ReadFull(s.Conn, s.in); err != nil {
		return err
	}
	if s.Received != nil {
		next, err := s.Received(s.in)
		s.out = append(s.out[:inFlight*len(s.Request)], next...)
		return err
	}
	for at := 0; at < len(s.in); at += len(s.Answer) {
		if !bytes.Equal(s.in[at:at+len(s.Answer)], s.Answer) {
			return fmt.Errorf("%w: %q instead of %q", errAnswer, s.in[at:at+len(s.Answer)], s.Answer)
		}
	}
	return nil
}

// MeasureGate measures all rows of echoes to many clients, each on a connection of its own to the last server.
func MeasureGate(dial DialGate) Client {
	return func(e *Env) error {
		addr := e.Servers[len(e.Servers)-1].Addr
		for _, row := range []struct {
			name              string
			clients, inFlight int
		}{{"100 clients", 100, 1}, {"100 clients x 16", 100, 16}, {"1,000 clients", 1000, 1}} {
			e.row(row.name, func() error {
				sessions, err := openSessions(dial, addr, row.clients)
				defer closeSessions(sessions)
				if err != nil {
					return err
				}
				return e.crowd(row.name, row.clients, row.inFlight, func(i int) error { return sessions[i].exchange(row.inFlight) })
			})
		}
		return nil
	}
}

// MeasureIdle measures the memory that the servers hold for a client which has exchanged a message and is silent.
func MeasureIdle(dial DialGate) Client {
	return func(e *Env) error {
		e.row("idle connection", func() error {
			addr := e.Servers[len(e.Servers)-1].Addr
			first, err := openSessions(dial, addr, 100) // whatever is made once is there
			closeSessions(first)
			if err != nil {
				return err
			}
			before, err := e.usage(true)
			if err != nil {
				return err
			}
			sessions, err := openSessions(dial, addr, e.Idle)
			defer closeSessions(sessions)
			if err != nil {
				return err
			}
			after, err := e.usage(true)
			if err != nil {
				return err
			}
			e.record("idle connection", float64(after.servers.Resident-before.servers.Resident)/float64(e.Idle))
			return nil
		})
		return nil
	}
}

// openSessions opens n sessions, some at a time, and has each exchange one message.
func openSessions(dial DialGate, addr string, n int) ([]*Session, error) {
	sessions := make([]*Session, n)
	failed := make(chan error, 1)
	slots := make(chan struct{}, 32)
	var opening sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		opening.Go(func() {
			defer func() { <-slots }()
			s, err := dial(addr, i)
			if err == nil {
				sessions[i] = s
				err = s.exchange(1)
				s.in, s.out = nil, nil
			}
			if err != nil {
				select {
				case failed <- fmt.Errorf("client %d: %w", i, err):
				default:
				}
			}
		})
	}
	opening.Wait()
	select {
	case err := <-failed:
		return sessions, err
	default:
		return sessions, nil
	}
}

// closeSessions cuts the connections: closed in order, tens of thousands of them would linger and leave no ports for the next.
func closeSessions(sessions []*Session) {
	for _, s := range sessions {
		if s == nil {
			continue
		}
		if c, ok := s.Conn.(*net.TCPConn); ok {
			_ = c.SetLinger(0)
		}
		_ = s.Conn.Close()
	}
}
