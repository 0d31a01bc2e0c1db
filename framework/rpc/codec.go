package rpc

import (
	"reflect"

	"google.golang.org/protobuf/proto"
)

// Requests and replies are proto3, where nothing is required, so nobody looks for what is missing; and they are decoded into new messages, so nothing is reset first.
var (
	encoding = proto.MarshalOptions{AllowPartial: true}
	decoding = proto.UnmarshalOptions{AllowPartial: true, Merge: true}
)

// A maker makes new messages of the type M, a pointer to a generated struct.
type maker[M proto.Message] struct{ of reflect.Type }

func makerOf[M proto.Message]() maker[M] { return maker[M]{reflect.TypeFor[M]().Elem()} }

// decode is a new message out of body, which it does not keep.
func (k maker[M]) decode(body []byte) (M, error) {
	m := reflect.New(k.of).Interface().(M)
	return m, decoding.Unmarshal(body, m)
}
