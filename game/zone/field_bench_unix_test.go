//go:build unix

package zone

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/wire"
	"loumiao/game/api"
	"loumiao/game/field"
	"loumiao/game/pb"
	"loumiao/game/tables"
)

// A crowd is the gate's end of a line with many clients at it, who only count what they get.
type crowd struct {
	gate
	frames, updates, bytes atomic.Int64
}

func (c *crowd) Deliver(link.Peer, id.Session, wire.Header, []byte) {}

func (c *crowd) Multicast(_ link.Peer, to []id.Session, _ wire.Header, body []byte) {
	c.frames.Add(1)
	c.updates.Add(int64(len(to)))
	c.bytes.Add(int64(len(to)) * int64(wire.HeaderSize+len(body)))
}

// A second of a field with 1,000 players who all move ten times, over a real line: every move is a frame from the gate, and every update a frame to it. %core is what this
// process takes of one core for all of it, the gate's end of the line and the players included.
func BenchmarkField(b *testing.B) {
	const players, moves = 1000, 10
	m := tables.Map{ID: "meadow", Width: 64_000, Height: 64_000, View: 2000, Cell: 1000, Speed: 600, LinesMax: 1, Soft: players, Hard: players}
	reg, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		b.Fatal(err)
	}
	linkOf := func(node id.Node, typ string) link.Config {
		return link.Config{Self: link.Peer{Node: node, Boot: 1, Type: typ}, Key: bytes.Repeat([]byte{7}, link.KeySize)}
	}
	links := link.NewServer(linkOf(zoneNode, api.Zone))
	srv := line.NewServer(line.Config{Registry: reg, Links: links, Types: []string{api.Zone}})
	sys := actor.NewSystem(actor.Config{Logger: slog.New(slog.DiscardHandler)})
	f := &fields{
		cfg: Defaults().Fields, dir: newNotebook(), log: slog.New(slog.DiscardHandler), ids: func() int64 { return 1 << 60 },
		tables: func() *tables.Tables { return &tables.Tables{Maps: []tables.Map{m}} },
		caster: func() caster { return multicast(srv) },
	}
	f.build(sys, func(context.Context, *pb.PlayerOnField) error { return nil })
	f.serve(srv)
	ctx, cancel := context.WithCancel(context.Background())
	go f.report.run(ctx)
	if err := srv.Start(); err != nil {
		b.Fatal(err)
	}
	if err := links.Listen("127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	links.Start()
	c := &crowd{}
	lines := line.NewLines(line.LinesConfig{
		View: cluster.NewStatic(cluster.Member{Node: zoneNode, Boot: 1, Type: api.Zone, Addr: links.Addr(), State: cluster.Ready}), Links: linkOf(gateNode, api.Gate),
		Types: []string{api.Zone}, Downstream: c,
	})
	if err := lines.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		late, end := context.WithTimeout(context.Background(), patience)
		defer end()
		_ = f.stop(late)
		cancel()
		for _, stop := range []func(context.Context) error{lines.Stop, srv.Stop, links.Stop, sys.Stop} {
			if err := stop(late); err != nil {
				b.Error(err)
			}
		}
	})
	for !lines.Up(zoneNode) {
		time.Sleep(time.Millisecond)
	}

	if _, err := f.open(ctx, 3, m, nil); err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	at := make([]field.Point, players)
	send := func(i int, kind wire.Kind, m proto.Message) {
		body, err := proto.Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		h := wire.Header{Kind: kind, Stream: stream, Message: reg.IDOf(m)}
		if kind == wire.Request {
			h.Call = 1
		}
		if err := lines.Forward(zoneNode, id.Session(i+1), h, body); err != nil {
			b.Fatal(err)
		}
	}
	for i := range at {
		at[i] = field.Point{X: rng.Int32N(m.Width), Y: rng.Int32N(m.Height)}
		visit := &pb.VisitField{Field: 1 << 60, Player: int64(i + 1), Visit: 1, Session: uint64(i + 1), Name: "Somebody", Spot: &pb.FieldSpot{X: at[i].X, Y: at[i].Y}}
		if _, err := askField(ctx, f, 1<<60, &visiting{request: visit}); err != nil {
			b.Fatal(err)
		}
		if err := lines.Attach(zoneNode, line.SessionInfo{ID: id.Session(i + 1), Stream: stream, Type: api.Zone, Player: int64(i + 1), Account: 1, Area: 3}); err != nil {
			b.Fatal(err)
		}
		send(i, wire.Request, &pb.JoinField{Field: 1 << 60})
	}
	lines.Flush()
	time.Sleep(time.Second)

	ticks := time.NewTicker(time.Second / moves)
	defer ticks.Stop()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used := cpu(b)
	c.frames.Store(0)
	c.updates.Store(0)
	c.bytes.Store(0)
	n := 0
	for b.Loop() {
		n++
		for range moves {
			<-ticks.C
			for i := range at {
				to := field.Point{X: at[i].X + rng.Int32N(81) - 40, Y: at[i].Y + rng.Int32N(81) - 40}
				if m.Rules().Has(to) {
					at[i] = to
				}
				send(i, wire.Send, &pb.MoveField{Field: 1 << 60, X: at[i].X, Y: at[i].Y})
			}
			lines.Flush()
		}
	}
	runtime.ReadMemStats(&after)
	seconds := float64(n)
	b.ReportMetric((cpu(b)-used).Seconds()/seconds*100, "%core")
	b.ReportMetric(float64(c.bytes.Load())/seconds/players, "bytes/s/player")
	b.ReportMetric(float64(c.updates.Load())/seconds/players, "updates/s/player")
	b.ReportMetric(float64(c.frames.Load())/seconds/field.TicksPerSecond, "frames/tick")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/seconds/field.TicksPerSecond, "allocs/tick")
}

// cpu is what this process has used of the processor.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
