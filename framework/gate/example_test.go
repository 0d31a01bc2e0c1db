package gate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/gatepb"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/line"
	"loumiao/framework/link"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// A guestBook is the state of a player's actor at the backend.
type guestBook struct{ visits int64 }

// enter handles what the .proto declares for clients and for nodes of the type "world":
//
//	message Enter {
//	  option (wire.message) = {id: 1, from: CLIENT, to: "world", state: AUTHENTICATED};
//	  int64 number = 1;
//	  bytes text = 2;
//	}
//
// What it returns goes back to the client as the answer. Whatever else the client is to be told is pushed, here or at any later time, over the session that its message came by.
func (g *guestBook) enter(ctx *actor.Context, m *gatepb.Enter) (*gatepb.Reply, error) {
	if len(m.GetText()) == 0 {
		return nil, fault.New(fault.Invalid, "say something")
	}
	g.visits++
	if g.visits == 2 {
		if err := line.SessionOf(ctx).Push(&gatepb.Note{Number: g.visits}); err != nil {
			return nil, err
		}
	}
	return &gatepb.Reply{Number: g.visits, Text: append([]byte("you said "), m.GetText()...)}, nil
}

// stream is the number that the type "world" has in frames: a choice, made once (see Route).
const stream = 2

// One gate and one backend, in one process here; membership, which tells the gate where backends are, comes from package cluster in a real one, and gates of which there are
// several agree on each player's one session by Config.Sessions and KickRemote. The client is played by hand, to show what goes over its connection: see PROTOCOL.md.
func Example() {
	ctx := context.Background()
	registry, err := wire.NewRegistry(gatepb.File_gatetest_proto)
	fail(err)
	key := []byte("a secret of the cluster, 32 bytes")[:link.KeySize]

	// The backend: a line to it ends at its players' actors.
	world := link.Peer{Node: 2, Boot: 1, Type: "world"}
	links := link.NewServer(link.Config{Self: world, Key: key})
	lines := line.NewServer(line.Config{Registry: registry, Links: links, Types: []string{"world"}})
	system := actor.NewSystem(actor.Config{})
	players := actor.NewPool(system, func(*actor.Context, int64) (*guestBook, error) { return &guestBook{}, nil }, actor.PoolConfig{Name: "player"})
	line.Handle(lines, players, (*guestBook).enter)
	fail(errors.Join(lines.Start(), links.Listen("127.0.0.1:0")))
	links.Start()
	defer func() { fail(errors.Join(lines.Stop(ctx), links.Stop(ctx), system.Stop(ctx))) }()

	// The gate: one way in, and one type of node behind it. Who is who is this function's to say.
	self := link.Peer{Node: 1, Boot: 1, Type: "gate"}
	door := tcp.New(tcp.Config{})
	g, err := gate.New(gate.Config{
		Self: self, Registry: registry, Links: link.Config{Self: self, Key: key},
		View:   cluster.NewStatic(cluster.Member{Node: world.Node, Boot: world.Boot, Type: world.Type, Addr: links.Addr(), State: cluster.Ready}),
		Listen: []gate.Listen{{Transport: door, Addr: "127.0.0.1:0"}},
		Routes: []gate.Route{{Type: "world", Stream: stream, Pick: gate.PickLeast}},
		Authenticate: func(_ context.Context, token string) (gate.Identity, error) {
			player, err := strconv.ParseInt(token, 10, 64)
			if err != nil {
				return gate.Identity{}, fault.New(fault.Unauthenticated, "the token is forged")
			}
			return gate.Identity{Player: player}, nil
		},
	})
	fail(err)
	fail(errors.Join(g.Start(ctx), g.Open(ctx)))
	defer func() { fail(g.Stop(ctx)) }()

	// The client.
	conn, err := net.Dial("tcp", door.Addr().String())
	fail(err)
	defer conn.Close()
	send := func(h wire.Header, m proto.Message) {
		body, err := proto.Marshal(m)
		fail(err)
		_, err = conn.Write(wire.Append(nil, h, body))
		fail(err)
	}
	receive := func() (wire.Header, []byte) {
		head := make([]byte, wire.HeaderSize)
		_, err := io.ReadFull(conn, head)
		fail(err)
		h, err := wire.ParseHeader(head)
		fail(err)
		body := make([]byte, h.Size)
		_, err = io.ReadFull(conn, body)
		fail(err)
		return h, body
	}
	send(wire.Header{Kind: wire.Hello}, &wirepb.Hello{Protocol: wire.Version, Token: "7"})
	answer, _ := receive()
	fmt.Println(answer.Kind)
	for call, text := range []string{"hello", "hello again", ""} {
		request := wire.Header{Kind: wire.Request, Stream: stream, Message: 1, Call: uint32(call + 1)} // Message is Enter's id
		send(request, &gatepb.Enter{Text: []byte(text)})
		answer, body := receive()
		if answer.Kind == wire.Push { // before the answer, as it was pushed before
			var m gatepb.Note
			fail(proto.Unmarshal(body, &m))
			fmt.Printf("%s of message %d: %d\n", answer.Kind, answer.Message, m.GetNumber())
			answer, body = receive()
		}
		switch answer.Kind {
		case wire.Reply:
			var m gatepb.Reply
			fail(proto.Unmarshal(body, &m))
			fmt.Printf("%s to call %d: visit %d, %s\n", answer.Kind, answer.Call, m.GetNumber(), m.GetText())
		case wire.Error:
			var e wirepb.Error
			fail(proto.Unmarshal(body, &e))
			fmt.Printf("%s to call %d: %s, %s\n", answer.Kind, answer.Call, fault.Code(e.GetCode()), e.GetMessage())
		}
	}
	// Output:
	// welcome
	// reply to call 1: visit 1, you said hello
	// push of message 7: 2
	// reply to call 2: visit 2, you said hello again
	// error to call 3: invalid, say something
}

// fail ends an example that has failed, which nobody expects.
func fail(err error) {
	if err != nil {
		panic(err)
	}
}
