package line

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line/internal/linepb"
	"loumiao/framework/link"
	"loumiao/framework/wire"
)

// A pump is a gate's Downstream that answers each Deliver with the session's next request, until enough were sent: the gate's side of
// a benchmark, on the line's reader.
type pump struct {
	*recorder
	lines *Lines
	body  []byte
	left  atomic.Int64
	open  atomic.Int64
	done  chan struct{}
	fail  atomic.Pointer[error]
	acks  []uint32
}

func (p *pump) Deliver(_ link.Peer, s id.Session, h wire.Header, _ []byte) {
	if h.Kind != wire.Reply {
		err := fmt.Errorf("answered with %v", h.Kind)
		p.fail.Store(&err)
	}
	if h.Sequence-p.acks[s] >= 64 {
		p.acks[s] = h.Sequence
		_ = p.lines.Ack(1, s, 1, h.Sequence)
	}
	p.next(s)
}

func (p *pump) Flush() { p.lines.Flush() }

func (p *pump) next(s id.Session) {
	if p.left.Add(-1) < 0 {
		if p.open.Add(-1) == 0 {
			p.done <- struct{}{}
		}
		return
	}
	h := wire.Header{Kind: wire.Request, Stream: 1, Message: 103, Call: 1}
	if err := p.lines.Forward(1, s, h, p.body); err != nil {
		failed := err // so that a good one does not escape
		p.fail.Store(&failed)
	}
}

// BenchmarkRoundTrip is a 64-byte request from the gate's end over loopback TCP to the player's actor, and its reply back, both ends
// in one process.
func BenchmarkRoundTrip(b *testing.B) {
	for _, clients := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			host := newBackend(b, 1, nil)
			g := newGate(b, 9, host.member)
			for i := range clients {
				g.enter(host, SessionInfo{ID: id.Session(i + 1), Stream: 1, Type: "world", Player: int64(i + 1)})
			}
			body, err := wire.MarshalAppend(nil, &linepb.Echo{Data: make([]byte, 60), Number: 1})
			if err != nil {
				b.Fatal(err)
			}
			g.stop()
			p := &pump{recorder: newRecorder(), body: body, done: make(chan struct{}, 1), acks: make([]uint32, clients+1)}
			p.lines = NewLines(LinesConfig{View: cluster.NewStatic(host.member), Links: linkConfig(9, id.NewBoot(time.Now()), "gate"), Types: []string{"world"}, Downstream: p})
			if err := p.lines.Start(); err != nil {
				b.Fatal(err)
			}
			g.lines = p.lines
			g.awaitUp(1, true)
			for i := range clients {
				g.attach(host, SessionInfo{ID: id.Session(i + 1), Stream: 1, Type: "world", Player: int64(i + 1)})
			}
			b.ReportAllocs()
			b.ResetTimer()
			p.left.Store(int64(b.N))
			p.open.Store(int64(clients))
			for i := range clients {
				p.next(id.Session(i + 1))
			}
			p.lines.Flush()
			<-p.done
			b.StopTimer()
			if err := p.fail.Load(); err != nil {
				b.Fatal(*err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1000, "k/s")
		})
	}
}

// A sink is a Downstream that counts the frames it is given.
type sink struct {
	*recorder
	frames atomic.Int64
}

func (s *sink) Deliver(link.Peer, id.Session, wire.Header, []byte)     { s.frames.Add(1) }
func (s *sink) Multicast(link.Peer, []id.Session, wire.Header, []byte) { s.frames.Add(1) }

// benchmarkSend measures what sending costs the sender, with a gate that takes everything in. The line is given time whenever it is full.
func benchmarkSend(b *testing.B, sessions int, send func(*Server, []*Session) error) {
	host := newBackend(b, 1, nil)
	g := newGate(b, 9, host.member)
	var all []*Session
	for i := range sessions {
		all = append(all, g.enter(host, SessionInfo{ID: id.Session(i + 1), Stream: 1, Type: "world", Player: int64(i + 1)}))
	}
	g.stop()
	out := &sink{recorder: newRecorder()}
	g.lines = NewLines(LinesConfig{View: g.view, Links: linkConfig(9, id.NewBoot(time.Now()), "gate"), Types: []string{"world"}, Downstream: out})
	if err := g.lines.Start(); err != nil {
		b.Fatal(err)
	}
	g.awaitUp(1, true)
	for i := range sessions {
		all[i] = g.enterQuietly(host, SessionInfo{ID: id.Session(i + 1), Stream: 1, Type: "world", Player: int64(i + 1)})
	}
	b.ReportAllocs()
	for b.Loop() {
		for {
			err := send(host.srv, all)
			if err == nil {
				break
			}
			if fault.CodeOf(err) != fault.Overloaded {
				b.Fatal(err)
			}
			runtime.Gosched()
		}
	}
}

// enterQuietly is enter without looking at the answer.
func (g *gate) enterQuietly(b *backend, s SessionInfo) *Session {
	g.attach(b, s)
	g.request(b, s, 1, &linepb.Enter{})
	return receive(g.t, b.entered, "an entered session")
}

func BenchmarkPushReliable(b *testing.B) {
	m := &linepb.News{Text: "sixty-four bytes of what happened in the world since yesterday."}
	benchmarkSend(b, 1, func(_ *Server, s []*Session) error { return s[0].Push(m) })
}

func BenchmarkPushDroppable(b *testing.B) {
	m := &linepb.Glimpse{Data: make([]byte, 60)}
	benchmarkSend(b, 1, func(_ *Server, s []*Session) error { return s[0].Push(m) })
}

func BenchmarkMulticast100(b *testing.B) {
	m := &linepb.Glimpse{Data: make([]byte, 60)}
	benchmarkSend(b, 100, func(srv *Server, s []*Session) error { return srv.Multicast(s, m) })
}
