package client

import (
	"errors"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// A codec is what a session's bodies are.
type codec struct{ json bool }

// encode appends a message's body to dst; that of nil is empty.
func (c codec) encode(dst []byte, m proto.Message) ([]byte, error) {
	switch {
	case m == nil:
		return dst, nil
	case c.json:
		return wire.MarshalJSON(dst, m)
	}
	return wire.MarshalAppend(dst, m)
}

// decode reads a body. A client ignores fields that it does not know: the server may be newer.
func (c codec) decode(body []byte, m proto.Message) error {
	var err error
	switch {
	case !c.json:
		err = wire.Unmarshal(body, m)
	case len(body) == 0:
		proto.Reset(m)
	default:
		const maxDepth = 64
		err = protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}.Unmarshal(body, m)
	}
	if err != nil {
		return violation("a body cannot be read as a %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	return nil
}

// bodyError is what an Error or Kick frame tells of. A gate that turns a client away before it has read its Hello cannot know of JSON.
func (c codec) bodyError(body []byte) (told, err error) {
	var e wirepb.Error
	if err := c.decode(body, &e); err != nil && (!c.json || wire.Unmarshal(body, &e) != nil) {
		return nil, err
	}
	return wire.BodyError(&e), nil
}

// kicked is why the gate ends the session.
func (c codec) kicked(body []byte) error {
	told, err := c.bodyError(body)
	if err != nil {
		return err
	}
	return told
}

// violation is what ends the session of a gate that does not keep to the protocol.
func violation(format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "the gate breaks the protocol: "+format, args...)
}

// unread is why the next frame could not be read: it is none, or the connection broke.
func unread(err error, broke string) error {
	if malformed := (*fault.Error)(nil); errors.As(err, &malformed) {
		return violation("%w", err)
	}
	return fault.Wrap(err, fault.Lost, broke)
}
