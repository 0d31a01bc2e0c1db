package wire

import (
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire/wirepb"
)

// maxDepth is how deep the messages in a body may nest. Deeper ones are refused: each level costs its reader a stack frame.
const maxDepth = 64

// MarshalAppend appends m to dst as protobuf. A nil m is an empty body.
func MarshalAppend(dst []byte, m proto.Message) ([]byte, error) {
	out, err := proto.MarshalOptions{}.MarshalAppend(dst, m)
	if err != nil {
		return dst, fault.Wrap(err, fault.Internal, "a message cannot be encoded")
	}
	return out, nil
}

// Unmarshal reads a protobuf body into m, which it clears first. Fields that this build does not know are dropped. It copies what it keeps: body may
// be used again. Errors are [fault.Invalid].
func Unmarshal(body []byte, m proto.Message) error {
	opts := proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}
	if err := opts.Unmarshal(body, m); err != nil {
		return fault.Wrap(err, fault.Invalid, "the body is not a "+string(m.ProtoReflect().Descriptor().Name()))
	}
	return nil
}

// ToJSON is a body of msg, given as protobuf, as JSON: proto3's JSON mapping, in which 64-bit integers are strings and names are in camelCase.
func ToJSON(msg *Message, protoBody []byte) ([]byte, error) {
	m := msg.New()
	if err := Unmarshal(protoBody, m); err != nil {
		return nil, err
	}
	return MarshalJSON(nil, m)
}

// FromJSON is a body of msg, given as JSON, as protobuf. An empty body is an empty message. What the message does not have is refused.
func FromJSON(msg *Message, json []byte) (protoBody []byte, err error) {
	m := msg.New()
	if err := UnmarshalJSON(json, m); err != nil {
		return nil, err
	}
	return MarshalAppend(nil, m)
}

// MarshalJSON appends m to dst as JSON.
func MarshalJSON(dst []byte, m proto.Message) ([]byte, error) {
	out, err := protojson.MarshalOptions{}.MarshalAppend(dst, m)
	if err != nil {
		return dst, fault.Wrap(err, fault.Internal, "a message cannot be encoded")
	}
	return out, nil
}

// UnmarshalJSON reads a JSON body into m, with the rules of [FromJSON]. Errors are [fault.Invalid].
func UnmarshalJSON(body []byte, m proto.Message) error {
	return unmarshalJSON(body, m, false)
}

// UnmarshalControlJSON is [UnmarshalJSON] for the body of a control frame, which may be of a client of a later version: fields that are not known are ignored.
func UnmarshalControlJSON(body []byte, m proto.Message) error {
	return unmarshalJSON(body, m, true)
}

func unmarshalJSON(body []byte, m proto.Message, lenient bool) error {
	if len(body) == 0 {
		proto.Reset(m)
		return nil
	}
	if err := (protojson.UnmarshalOptions{RecursionLimit: maxDepth, DiscardUnknown: lenient}).Unmarshal(body, m); err != nil {
		return fault.Wrap(err, fault.Invalid, "the body is not a "+string(m.ProtoReflect().Descriptor().Name())+" in JSON")
	}
	return nil
}

// ErrorBody is err as the body of an Error or Kick frame: what the outside may know of it.
func ErrorBody(err error) *wirepb.Error {
	code, message := fault.Outside(err)
	return &wirepb.Error{Code: uint32(code), Message: message}
}

// BodyError is the error that a received Error or Kick frame tells of. A code that cannot be one becomes [fault.Internal].
func BodyError(e *wirepb.Error) error {
	code := fault.Code(e.GetCode())
	if code == fault.OK || uint32(code) != e.GetCode() {
		code = fault.Internal
	}
	return fault.New(code, e.GetMessage())
}
