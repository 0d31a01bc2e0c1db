package client_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

// A journey is a session that changes connections, in a bubble with a time of its own. The test speaks for its gates, one after another.
type journey struct {
	table
	gates  chan *fakegate.Session // connections as they come
	refuse func(attempt) error    // what Reconnect answers; nil: to go on with the token "token-N"

	mu   sync.Mutex
	asks []attempt       // what Reconnect was asked
	told []time.Duration // what OnResume was told
}

func (j *journey) asked() []attempt {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.asks)
}

func (j *journey) resumed() []time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.told)
}

// An attempt is one call of Reconnect.
type attempt struct {
	number int
	why    error
	at     time.Time
}

// travel runs a test on a session that can come back, or what change makes of it.
func travel(t *testing.T, test func(*testing.T, *journey), change ...func(*client.Options, *wirepb.Welcome)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		j := &journey{gates: make(chan *fakegate.Session, 100)}
		j.t, j.pushes = t, make(chan proto.Message, 4096)
		r := registry(t)
		opts := client.Options{
			Registry: r, Token: "token-0", Version: "1.2.3", OnPush: func(m proto.Message) { j.pushes <- m },
			Reconnect: func(_ context.Context, number int, why error) (string, string, error) {
				a := attempt{number, why, time.Now()}
				j.mu.Lock()
				defer j.mu.Unlock()
				j.asks = append(j.asks, a)
				if j.refuse != nil {
					if err := j.refuse(a); err != nil {
						return "", "", err
					}
				}
				return "another", "token-" + strconv.Itoa(len(j.asks)), nil
			},
			OnResume: func(away time.Duration) {
				j.mu.Lock()
				defer j.mu.Unlock()
				j.told = append(j.told, away)
			},
		}
		welcome := func(w *wirepb.Welcome) {
			fakegate.Resumable(w)
			for _, c := range change {
				c(&opts, w)
			}
		}
		welcome(fakegate.Welcome())
		dial := func(string) (net.Conn, error) {
			near, far := net.Pipe()
			j.gates <- fakegate.Over(newPatient(far), r)
			return near, nil
		}
		opened := make(chan error, 1)
		go func() {
			j.gate = <-j.gates
			opened <- j.gate.Open(welcome)
		}()
		conn, err := client.Through(t.Context(), dial, "first", opts)
		j.must(err)
		j.must(<-opened)
		j.Conn = conn
		test(t, j)
		j.must(j.Close())
		for {
			select {
			case g := <-j.gates:
				g.Close()
				continue
			default:
			}
			break
		}
		j.gate.Close()
	})
}

// comes is the connection by which the client comes back, and has said Hello.
func (j *journey) comes() *fakegate.Session {
	j.t.Helper()
	s := <-j.gates
	j.must(s.Hear())
	return s
}

// goesOn lets the client come back: taken is what the backends have of what it sent.
func (j *journey) goesOn(taken map[uint8]uint32, change ...func(*wirepb.Welcome)) {
	j.t.Helper()
	s := j.comes()
	s.GoOn(j.gate, taken, append([]func(*wirepb.Welcome){fakegate.Resumable}, change...)...)
	j.gate = s
	synctest.Wait()
}

// cut breaks the connection from the gate's side, when everything has been read.
func (j *journey) cut() {
	synctest.Wait()
	j.gate.Close()
	synctest.Wait()
}

// marked is what the client says that it has received, as pairs of sequence and resets.
func marked(s *fakegate.Session) map[uint8][2]uint32 {
	marks := map[uint8][2]uint32{}
	for _, m := range s.Hello.GetReceived() {
		marks[uint8(m.GetStream())] = [2]uint32{m.GetSequence(), m.GetResets()}
	}
	return marks
}

// sends wants the client's next frame to be a Send or Request with the number.
func (j *journey) sends(kind wire.Kind, sequence uint32) fakegate.Frame {
	j.t.Helper()
	f, err := j.gate.Expect(kind)
	j.must(err)
	if f.Sequence != sequence {
		j.t.Fatalf("a %s comes with number %d, want %d", kind, f.Sequence, sequence)
	}
	return f
}

// A patient connection takes everything that is written at its far end, whether or not anybody reads it here; so has a network.
type patient struct {
	net.Conn
	mu     sync.Mutex
	more   chan struct{} // has room for one: something has come
	buffer []byte
	err    error
}

func newPatient(c net.Conn) *patient {
	p := &patient{Conn: c, more: make(chan struct{}, 1)}
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, err := c.Read(b)
			p.mu.Lock()
			p.buffer = append(p.buffer, b[:n]...)
			p.err = err
			p.mu.Unlock()
			select {
			case p.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *patient) SetReadDeadline(time.Time) error { return nil }

func (p *patient) Read(b []byte) (int, error) {
	late := time.NewTimer(2 * time.Hour)
	defer late.Stop()
	for {
		p.mu.Lock()
		if n := copy(b, p.buffer); n > 0 {
			p.buffer = p.buffer[n:]
			p.mu.Unlock()
			return n, nil
		}
		err := p.err
		p.mu.Unlock()
		if err != nil {
			return 0, err
		}
		select {
		case <-p.more:
		case <-late.C:
			return 0, errors.New("nothing has come")
		}
	}
}
