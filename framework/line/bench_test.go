package line

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/line/internal/linepb"
	"loumiao/framework/link"
	"loumiao/framework/wire"
)

// A pump is a gate's Downstream that answers each Deliver with the session's next request, until enough were sent: the gate's side of a benchmark, on the line's reader.
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

// BenchmarkRoundTrip is a 64-byte request from the gate's end over loopback TCP to the player's actor, and its reply back, both ends in one process.
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
