package direct

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"loumiao/framework/fault"
	"loumiao/framework/udp"
	"loumiao/framework/udp/udptest"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, udptest.Library()...) }

const enough = 20 * time.Second // for what must happen

// The messages of these tests, each with `int64 number = 1` and `bytes text = 2`.
const (
	act   = 1 // to zone
	other = 2 // to world
	tell  = 3 // from servers
	tick  = 4 // the same, droppable
)

var registry = sync.OnceValue(func() *wire.Registry {
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("directtest.proto"), Package: proto.String("directtest"), Syntax: proto.String("proto3"), Dependency: []string{"wire.proto"},
	}
	for i, o := range []*wirepb.Message{
		{Id: act, From: wirepb.From_CLIENT, To: "zone"}, {Id: other, From: wirepb.From_CLIENT, To: "world"},
		{Id: tell, From: wirepb.From_SERVER}, {Id: tick, From: wirepb.From_SERVER, Delivery: wirepb.Delivery_DROPPABLE},
	} {
		m := &descriptorpb.DescriptorProto{Name: proto.String(string(rune('A' + i))), Options: &descriptorpb.MessageOptions{}}
		for i, typ := range []descriptorpb.FieldDescriptorProto_Type{descriptorpb.FieldDescriptorProto_TYPE_INT64, descriptorpb.FieldDescriptorProto_TYPE_BYTES} {
			m.Field = append(m.Field, &descriptorpb.FieldDescriptorProto{
				Name: proto.String([]string{"number", "text"}[i]), Number: proto.Int32(int32(i + 1)), Type: typ.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			})
		}
		proto.SetExtension(m.Options, wirepb.E_Message, o)
		file.MessageType = append(file.MessageType, m)
	}
	d, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	r, err := wire.NewRegistry(d)
	if err != nil {
		panic(err)
	}
	return r
})

func message(id uint16, number int64, text []byte) proto.Message {
	msg, _ := registry().ByID(id)
	m := msg.New()
	fields := m.ProtoReflect().Descriptor().Fields()
	m.ProtoReflect().Set(fields.ByNumber(1), protoreflect.ValueOfInt64(number))
	m.ProtoReflect().Set(fields.ByNumber(2), protoreflect.ValueOfBytes(text))
	return m
}

func numberOf(m proto.Message) int64 {
	return m.ProtoReflect().Get(m.ProtoReflect().Descriptor().Fields().ByNumber(1)).Int()
}

// A node is the handler of a desk.
type node struct {
	t *testing.T
	*Desk
	refuse error
	greet  proto.Message // sent while a line is opened; nil: nothing

	mu     sync.Mutex
	lines  []*Line
	got    []int64
	closed int
}

func (n *node) Opened(l *Line) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse != nil {
		return n.refuse
	}
	n.lines = append(n.lines, l)
	if n.greet != nil {
		return l.Send(n.greet)
	}
	return nil
}

func (n *node) Received(_ *Line, m proto.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = append(n.got, numberOf(m))
}

func (n *node) Closed(*Line) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed++
}

func (n *node) received() []int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.got)
}

func (n *node) opened() []*Line {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.lines)
}

func (n *node) ends() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

// start opens a desk.
func start(t *testing.T, change func(*Config)) *node {
	t.Helper()
	n := &node{t: t}
	cfg := Config{Registry: registry(), Type: "zone", Handler: n}
	if change != nil {
		change(&cfg)
	}
	var err error
	if n.Desk, err = Listen("127.0.0.1:0", cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), enough)
		defer cancel()
		if err := n.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		if len(n.lines) != n.closed {
			t.Errorf("%d lines were opened, and %d closed", len(n.lines), n.closed)
		}
	})
	return n
}

func (n *node) offer(player int64) Offer {
	n.t.Helper()
	o, err := n.Offer(Holder{Player: player, Room: 5})
	if err != nil {
		n.t.Fatal(err)
	}
	return o
}

// A player has a line, and what came by it.
type player struct {
	*Line
	got chan int64
}

func (n *node) dial(addr string, o Offer) (*player, error) {
	ctx, cancel := context.WithTimeout(n.t.Context(), enough)
	defer cancel()
	p := &player{got: make(chan int64, 10_000)}
	var err error
	p.Line, err = dial(ctx, addr, o, registry(), func(m proto.Message) { p.got <- numberOf(m) }, n.cfg.patience)
	if err == nil {
		n.t.Cleanup(func() { p.Close(); p.Wait() })
	}
	return p, err
}

func (n *node) enter(player int64) *player {
	n.t.Helper()
	p, err := n.dial(n.Addr().String(), n.offer(player))
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

// A forger speaks by hand what a client would.
type forger struct {
	t *testing.T
	*udp.Conn
	sealer *sealer
}

// come opens a conversation, for which there is a ticket or not.
func (n *node) come() *forger {
	n.t.Helper()
	c, err := udp.Dial(n.t.Context(), n.Addr().String())
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(enough))
	return &forger{t: n.t, Conn: c}
}

func (f *forger) send(parts ...[]byte) {
	f.t.Helper()
	if _, err := f.Write(slices.Concat(parts...)); err != nil {
		f.t.Fatal(err)
	}
}

// hello is what opens a line, by hand.
func (f *forger) hello(ticket Ticket, key [KeySize]byte) []byte {
	f.sealer = newSealer(key)
	return append(ticket[:], f.sealer.seal(nil, wire.Append(nil, wire.Header{Kind: wire.Ping, Call: 1}, nil))...)
}

// gone wants the other side to have hung up, having said no more than so many bytes.
func (f *forger) gone(most int) {
	f.t.Helper()
	b, err := io.ReadAll(f.Conn)
	if err != nil || len(b) > most {
		f.t.Fatalf("%d bytes came, and then %v", len(b), err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(enough); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %s: %s", enough, what)
		}
	}
}

var errRefused = fault.New(fault.NotFound, "no room")

func frameOf(id uint16, n int64) []byte {
	body, err := wire.MarshalAppend(nil, message(id, n, nil))
	if err != nil {
		panic(fmt.Sprint(err))
	}
	return wire.Append(nil, wire.Header{Kind: wire.Send, Message: id}, body)
}
