package wire

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"loumiao/framework/wire/wirepb"
)

// declare is a file with a message for each option, named A, B, C, ..., each with the fields `int64 number = 1` and `repeated A.. inner = 2`.
func declare(t testing.TB, pkg string, options ...*wirepb.Message) protoreflect.FileDescriptor {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String(pkg + ".proto"), Package: proto.String(pkg), Syntax: proto.String("proto3"), Dependency: []string{"wire.proto"},
	}
	for i, option := range options {
		name := string(rune('A' + i))
		m := &descriptorpb.DescriptorProto{Name: proto.String(name), Field: []*descriptorpb.FieldDescriptorProto{
			{
				Name: proto.String("big_number"), Number: proto.Int32(1), JsonName: proto.String("bigNumber"),
				Type: descriptorpb.FieldDescriptorProto_TYPE_INT64.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			},
			{
				Name: proto.String("inner"), Number: proto.Int32(2), JsonName: proto.String("inner"), TypeName: proto.String("." + pkg + "." + name),
				Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(),
			},
		}}
		if option != nil {
			m.Options = &descriptorpb.MessageOptions{}
			proto.SetExtension(m.Options, wirepb.E_Message, option)
		}
		file.MessageType = append(file.MessageType, m)
	}
	d, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRegistryFindsWhatIsDeclared(t *testing.T) {
	t.Parallel()
	file := declare(t, "game",
		&wirepb.Message{Id: 40000, From: wirepb.From_CLIENT, To: "world", State: wirepb.State_ANONYMOUS},
		nil, // B is not for clients
		&wirepb.Message{Id: 7, From: wirepb.From_SERVER, Delivery: wirepb.Delivery_DROPPABLE},
	)
	r, err := NewRegistry(file, file)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Messages()); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
	a, ok := r.ByID(40000)
	if !ok || a.Name != "game.A" || a.To != "world" || a.State != wirepb.State_ANONYMOUS || a.Droppable() {
		t.Errorf("message 40000: %+v", a)
	}
	c, ok := r.ByName("game.C")
	if !ok || c.ID != 7 || !c.Droppable() {
		t.Errorf("game.C: %+v", c)
	}
	if m := c.New(); r.IDOf(m) != 7 {
		t.Errorf("a new game.C has number %d", r.IDOf(m))
	}
	for _, number := range []uint16{0, 1, 6, 8, 39999, 40001, 65535} {
		if m, ok := r.ByID(number); ok {
			t.Errorf("message %d: %+v, want none", number, m)
		}
	}
	if _, ok := r.ByName("game.B"); ok {
		t.Error("a message without the option is found by name")
	}
	if r.IDOf((*wirepb.Hello)(nil)) != 0 || r.IDOf(nil) != 0 {
		t.Error("a message of another file has a number")
	}
}

func TestRegistrySaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := NewRegistry(declare(t, "bad",
		&wirepb.Message{Id: 1, From: wirepb.From_SERVER},
		&wirepb.Message{Id: 1, From: wirepb.From_SERVER},
		&wirepb.Message{Id: 0, From: wirepb.From_SERVER},
		&wirepb.Message{Id: 65536, From: wirepb.From_SERVER},
		&wirepb.Message{Id: 5},
		&wirepb.Message{Id: 6, From: wirepb.From_CLIENT},
		&wirepb.Message{Id: 7, From: wirepb.From_SERVER, To: "world"},
		&wirepb.Message{Id: 8, From: wirepb.From_SERVER, State: wirepb.State_ANONYMOUS},
		&wirepb.Message{Id: 9, From: wirepb.From_CLIENT, To: "world", Delivery: wirepb.Delivery_DROPPABLE},
		&wirepb.Message{Id: 10, From: wirepb.From_CLIENT, To: "world", State: 9},
		&wirepb.Message{Id: 11, From: wirepb.From_SERVER, Delivery: 9},
	))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"message number 1 is used by bad.A and by bad.B", "bad.C: id", "bad.D: id", "bad.E: from", "bad.F: to", "bad.G: to", "bad.H: state",
		"bad.I: delivery", "bad.J: state", "bad.K: delivery",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func TestRegistryMakesGeneratedTypes(t *testing.T) {
	t.Parallel()
	d := (*wirepb.Hello)(nil).ProtoReflect().Descriptor()
	if m, ok := maker(d)().(*wirepb.Hello); !ok {
		t.Errorf("made a %T", m)
	}
}

func BenchmarkRegistry(b *testing.B) {
	var options []*wirepb.Message
	for i := range 20 {
		options = append(options, &wirepb.Message{Id: uint32(3000 + i), From: wirepb.From_SERVER})
	}
	r, err := NewRegistry(declare(b, "bench", options...))
	if err != nil {
		b.Fatal(err)
	}
	m := r.Messages()[3].New()
	for name, find := range map[string]func() bool{
		"ByID":    func() bool { _, ok := r.ByID(3003); return ok },
		"ForType": func() bool { _, ok := r.ForType(m); return ok },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !find() {
					b.Fatal("not found")
				}
			}
		})
	}
}

func ExampleRegistry() {
	// A game passes the descriptors of its own files; wire.proto itself declares no message for a gate.
	r, err := NewRegistry(wirepb.File_wire_proto)
	fmt.Println(len(r.Messages()), err)
	// Output: 0 <nil>
}
