package rpc

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The bytes are those of the package proto, whatever the message holds and whatever its type turns out to be.
func TestCodecDoesWhatProtoDoes(t *testing.T) {
	t.Parallel()
	nested, err := structpb.NewStruct(map[string]any{"a": []any{1.0, "x", map[string]any{"deep": true}}})
	if err != nil {
		t.Fatal(err)
	}
	texts, structs := codecOf[*wrapperspb.StringValue](), codecOf[*structpb.Struct]()
	if !texts.flat || structs.flat {
		t.Fatalf("flat: %v and %v", texts.flat, structs.flat)
	}
	for name, m := range map[string]proto.Message{
		"flat": wrapperspb.String("hello"), "empty": &wrapperspb.StringValue{}, "nil": (*wrapperspb.StringValue)(nil), "no message": nil,
		"large": wrapperspb.String(strings.Repeat("x", 1<<17)), "nested": nested, "another type": wrapperspb.Int64(1 << 40),
	} {
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*shape{texts.shape, structs.shape} {
			if got, err := s.append([]byte("head"), m); err != nil || !bytes.Equal(got, append([]byte("head"), want...)) {
				t.Errorf("%s: %x, %v, want %x", name, got, err, want)
			}
		}
	}
	raw, _ := proto.Marshal(wrapperspb.String("hello"))
	got, err := texts.decode(raw)
	if err != nil || got.Value != "hello" {
		t.Errorf("decoded %v, %v", got, err)
	}
	copy(raw, "zzzzzzz")
	if got.Value != "hello" {
		t.Error("the message points into what it was decoded from")
	}
	raw, _ = proto.Marshal(nested)
	if got, err := structs.decode(raw); err != nil || !proto.Equal(got, nested) {
		t.Errorf("decoded %v, %v", got, err)
	}
}

func TestCodecRefusesWhatProtoRefuses(t *testing.T) {
	t.Parallel()
	texts := codecOf[*wrapperspb.StringValue]()
	if _, err := texts.append(nil, wrapperspb.String("\xff")); err == nil {
		t.Error("text that is not UTF-8 was encoded")
	}
	var deep []byte // a list in a list in a list, from the end
	for range 10001 {
		for _, tag := range []byte{0x0a, 0x32} {
			size := protowire.AppendVarint(nil, uint64(len(deep)))
			slices.Reverse(size)
			deep = append(append(deep, size...), tag)
		}
	}
	slices.Reverse(deep)
	if _, err := codecOf[*structpb.Value]().decode(deep); err == nil {
		t.Error("a message deeper than proto allows was decoded")
	}
	for name, body := range map[string][]byte{"not UTF-8": {0x0a, 1, 0xff}, "cut off": {0x0a, 5, 'h'}, "no field": {0x00}, "wrong length": {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}} {
		if m, err := texts.decode(body); err == nil {
			t.Errorf("%s: decoded as %v", name, m)
		}
	}
}
