package rpc

import (
	"reflect"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/runtime/protoiface"
)

// A codec turns messages of the type M, a pointer to a generated struct, into bytes and back. Requests and replies are proto3, where nothing is required, so nobody looks for
// what is missing, and they are decoded into new messages, so nothing is reset first.
//
// It does what the package proto does with the same generated type, less two things that cost as much as the bytes themselves: looking up for each message how its type is decoded, and,
// before a message that holds no others is encoded, going through it for its size.
type codec[M proto.Message] struct {
	*shape
	of reflect.Type
}

// A shape is what a codec knows of its type that does not depend on the type.
type shape struct {
	methods *protoiface.Methods // of the generated type; nil: one that only the package proto can handle
	flat    bool                // no messages within messages
}

func codecOf[M proto.Message]() codec[M] {
	of := reflect.TypeFor[M]().Elem()
	m := reflect.New(of).Interface().(M).ProtoReflect()
	s := &shape{methods: m.ProtoMethods(), flat: true}
	if s.methods != nil && (s.methods.Marshal == nil || s.methods.Unmarshal == nil) {
		s.methods = nil
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		s.flat = s.flat && fields.Get(i).Message() == nil
	}
	return codec[M]{shape: s, of: of}
}

// decode is a new message out of body, which it does not keep.
func (c codec[M]) decode(body []byte) (M, error) {
	m := reflect.New(c.of).Interface().(M)
	if c.methods == nil {
		return m, proto.UnmarshalOptions{AllowPartial: true, Merge: true}.Unmarshal(body, m)
	}
	_, err := c.methods.Unmarshal(protoiface.UnmarshalInput{
		Message: m.ProtoReflect(), Buf: body, Resolver: protoregistry.GlobalTypes, Depth: protowire.DefaultRecursionLimit,
	})
	return m, err
}

// append encodes msg, which may turn out to be of any type.
func (s *shape) append(b []byte, msg proto.Message) ([]byte, error) {
	if s.flat && s.methods != nil && msg != nil {
		if m := msg.ProtoReflect(); m.ProtoMethods() == s.methods {
			out, err := s.methods.Marshal(protoiface.MarshalInput{Message: m, Buf: b})
			return out.Buf, err
		}
	}
	return proto.MarshalOptions{AllowPartial: true}.MarshalAppend(b, msg)
}
