package zone

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/api"
	"loumiao/game/arena"
	"loumiao/game/pb"
	"loumiao/game/snapshot"
)

const (
	zoneNode, gateNode = 40, 10
	stream             = 4
	patience           = 20 * time.Second // for what must come; never waited for when all is well
)

// A gate is the gate's end of a line, with the clients at it.
type gate struct {
	t     *testing.T
	reg   *wire.Registry
	lines *line.Lines
	inbox map[id.Session]chan proto.Message // not changed once the gate is up
}

func (g *gate) Deliver(_ link.Peer, s id.Session, h wire.Header, body []byte) {
	m := proto.Message(&wirepb.Error{})
	if h.Kind != wire.Error {
		msg, ok := g.reg.ByID(h.Message)
		if !ok {
			g.t.Errorf("message %d is not declared", h.Message)
			return
		}
		m = msg.New()
	}
	if err := proto.Unmarshal(body, m); err != nil {
		g.t.Error(err)
	}
	g.inbox[s] <- m
}

func (g *gate) Multicast(link.Peer, []id.Session, wire.Header, []byte) {}
func (g *gate) Broadcast(link.Peer, wire.Header, []byte)               {}
func (g *gate) Bind(link.Peer, id.Session, string, id.Node)            {}
func (g *gate) Unbind(link.Peer, id.Session, string)                   {}
func (g *gate) Kick(link.Peer, id.Session, fault.Code, string)         {}
func (g *gate) Own(link.Peer, id.Session, uint8, uint64, string)       {}
func (g *gate) Hold(link.Peer, id.Session, uint8)                      {}
func (g *gate) Move(link.Peer, id.Session, uint8, id.Node, uint32)     {}
func (g *gate) Found(link.Peer, id.Session, line.Found)                {}

func (g *gate) Up(link.Peer)          {}
func (g *gate) Lost(link.Peer, error) {}
func (g *gate) Flush()                {}

// send sends a client's message.
func (g *gate) send(s id.Session, kind wire.Kind, m proto.Message) {
	g.t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		g.t.Fatal(err)
	}
	h := wire.Header{Kind: kind, Stream: stream, Message: g.reg.IDOf(m)}
	if kind == wire.Request {
		h.Call = 1
	}
	if err := g.lines.Forward(zoneNode, s, h, body); err != nil {
		g.t.Fatal(err)
	}
	g.lines.Flush()
}

// next is the next message for a client, which has to be an M.
func next[M proto.Message](g *gate, s id.Session) M {
	g.t.Helper()
	select {
	case m := <-g.inbox[s]:
		if m, ok := m.(M); ok {
			return m
		}
		g.t.Fatalf("session %v got %T: %v", s, m, m)
	case <-time.After(patience):
		g.t.Fatalf("session %v got nothing", s)
	}
	panic("not reached")
}

// newLine is a zone with a gate at a real line. Players 1000, 1001, ... have sessions 1, 2, ...; a session 9 is a stranger's.
func newLine(t *testing.T, w *world) *gate {
	reg, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	linkOf := func(node id.Node, typ string) link.Config {
		return link.Config{Self: link.Peer{Node: node, Boot: 1, Type: typ}, Key: bytes.Repeat([]byte{7}, link.KeySize)}
	}
	links := link.NewServer(linkOf(zoneNode, api.Zone))
	srv := line.NewServer(line.Config{Registry: reg, Links: links, Types: []string{api.Zone}})
	w.sys = actor.NewSystem(actor.Config{Logger: slog.New(slog.DiscardHandler)})
	w.zone.build(w.sys, slog.New(slog.DiscardHandler), w)
	w.zone.serve(srv)
	if err := w.zone.listen(reg, silence); err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	if err := links.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	links.Start()

	g := &gate{t: t, reg: reg, inbox: map[id.Session]chan proto.Message{}}
	for _, s := range []id.Session{1, 2, 9} {
		g.inbox[s] = make(chan proto.Message, 4096)
	}
	zone := cluster.Member{Node: zoneNode, Boot: 1, Type: api.Zone, Addr: links.Addr(), State: cluster.Ready}
	g.lines = line.NewLines(line.LinesConfig{
		View: cluster.NewStatic(zone), Links: linkOf(gateNode, api.Gate), Types: []string{api.Zone}, Downstream: g,
	})
	if err := g.lines.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for what, stop := range map[string]func(context.Context) error{"lines": g.lines.Stop, "server": srv.Stop, "links": links.Stop, "actors": w.sys.Stop, "direct lines": w.zone.stopDesk} {
			if err := stop(ctx); err != nil {
				t.Errorf("stop %s: %v", what, err)
			}
		}
	})
	for deadline := time.Now().Add(patience); !g.lines.Up(zoneNode); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no line")
		}
	}
	for s := range g.inbox {
		if err := g.lines.Attach(zoneNode, line.SessionInfo{ID: s, Stream: stream, Type: api.Zone, Player: 999 + int64(s), Account: 1, Area: 3}); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// A match over a real line: two sessions join, one plays to the end, the other's client goes away in the middle.
func TestMatchOverALine(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.MatchSeconds = 2
	taped := make(chan *Recording, 1)
	w := &world{t: t, zone: New(cfg)}
	w.zone.OnRecording(func(r *Recording) { taped <- r })
	g := newLine(t, w)
	w.create(7, 2)

	g.send(9, wire.Request, &pb.JoinRoom{Room: 7})
	if m := next[*wirepb.Error](g, 9); fault.Code(m.GetCode()) != fault.Forbidden {
		t.Errorf("a stranger gets %v", m)
	}
	g.send(1, wire.Request, &pb.JoinRoom{Room: 8})
	if m := next[*wirepb.Error](g, 1); fault.Code(m.GetCode()) != fault.NotFound {
		t.Errorf("in another room: %v", m)
	}
	g.send(9, wire.Send, &pb.RoomInput{Room: 7, Input: 1, Number: 1}) // has no seat, and no effect

	var decoders []*snapshot.Decoder
	for s := id.Session(1); s <= 2; s++ {
		g.send(s, wire.Request, &pb.JoinRoom{Room: 7})
		joined := next[*pb.JoinRoomReply](g, s)
		if joined.GetShip() != int32(s)-1 || joined.GetTicks() != 40 {
			t.Fatalf("joined: %v", joined)
		}
		decoders = append(decoders, snapshot.NewDecoder(joined))
	}
	thrust := arena.Input{DX: 100, Aim: 1024}.Pack()
	g.send(2, wire.Send, &pb.RoomInput{Room: 7, Input: thrust, Number: 1})
	for decoders[1].Input() != 1 {
		if err := decoders[1].Apply(next[*pb.Snapshot](g, 2)); err != nil {
			t.Fatal(err)
		}
	}
	if decoders[1].View().Self.VX == 0 {
		t.Errorf("an input has no effect: %+v", decoders[1].View().Self)
	}
	if err := g.lines.Detach(zoneNode, 2, stream, fault.Lost); err != nil {
		t.Fatal(err)
	}
	g.lines.Flush()

	var deltas int
	var ended *pb.RoomEnded
	for number := uint32(1); ended == nil; number++ {
		select {
		case m := <-g.inbox[1]:
			switch m := m.(type) {
			case *pb.Snapshot:
				if err := decoders[0].Apply(m); err != nil {
					t.Fatal(err)
				}
				if m.GetSince() > 0 {
					deltas++
				}
				g.send(1, wire.Send, &pb.RoomInput{Room: 7, Number: number, Seen: decoders[0].Seen()})
			case *pb.RoomEnded:
				ended = m
			default:
				t.Fatalf("got %T: %v", m, m)
			}
		case <-time.After(patience):
			t.Fatal("no end")
		}
	}
	if decoders[0].Tick() != 40 || deltas == 0 || len(ended.GetStandings()) != 2 {
		t.Errorf("tick %d, %d deltas, %v", decoders[0].Tick(), deltas, ended)
	}
	tape := <-taped
	mine := make([]uint32, 0, 40)
	for i := 1; i < len(tape.Inputs); i += 2 {
		mine = append(mine, tape.Inputs[i])
	}
	if !slices.Contains(mine, thrust) || mine[39] != 0 {
		t.Errorf("the ship of a client that went away: %v", mine)
	}
}
