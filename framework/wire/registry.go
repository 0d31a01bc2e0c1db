package wire

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"loumiao/framework/wire/wirepb"
)

// A Message is a message that may cross a gate, as its .proto declares it. It never changes.
type Message struct {
	// ID is the number in frames.
	ID uint16
	// Name is the full name, "game.StartMatch".
	Name string
	// From is who sends it: a client or a server.
	From wirepb.From
	// To is the type of node that receives it, for messages from clients.
	To string
	// State is what a session must be before a client may send it.
	State wirepb.State
	// Delivery is what happens to it when a client is too slow: the oldest droppable messages make room, and a reliable one without room ends the session.
	Delivery wirepb.Delivery
	// New makes an empty one.
	New func() proto.Message
}

// Droppable reports whether a client may miss the message.
func (m *Message) Droppable() bool { return m.Delivery == wirepb.Delivery_DROPPABLE }

// A Registry is every message that may cross a gate. It never changes, so it is safe for concurrent use.
type Registry struct {
	byID     []*Message // by number, nil where there is none
	byName   map[string]*Message
	byType   map[protoreflect.MessageDescriptor]*Message
	messages []*Message // by number
}

// NewRegistry collects the messages that the files declare with the option (wire.message), nested ones included; files that they import are not
// looked at. It says everything that is wrong at once: numbers used twice or out of range, a message from clients without a receiver, and
// options that mean nothing together.
func NewRegistry(files ...protoreflect.FileDescriptor) (*Registry, error) {
	r := &Registry{byName: map[string]*Message{}, byType: map[protoreflect.MessageDescriptor]*Message{}}
	var problems []error
	for i, f := range files {
		if slices.Contains(files[:i], f) {
			continue
		}
		problems = r.scan(f.Messages(), problems)
	}
	slices.SortFunc(r.messages, func(a, b *Message) int { return cmp.Compare(a.ID, b.ID) })
	if n := len(r.messages); n > 0 {
		r.byID = make([]*Message, int(r.messages[n-1].ID)+1)
	}
	for _, m := range r.messages {
		if other := r.byID[m.ID]; other != nil {
			problems = append(problems, fmt.Errorf("message number %d is used by %s and by %s", m.ID, other.Name, m.Name))
			continue
		}
		r.byID[m.ID] = m
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return r, nil
}

// ByID is the message with the number.
func (r *Registry) ByID(number uint16) (*Message, bool) {
	if int(number) >= len(r.byID) || r.byID[number] == nil {
		return nil, false
	}
	return r.byID[number], true
}

// ByName is the message with the full name, "game.StartMatch".
func (r *Registry) ByName(name string) (*Message, bool) {
	m, ok := r.byName[name]
	return m, ok
}

// ForType is the message that m is one of. A nil pointer of a generated type will do.
func (r *Registry) ForType(m proto.Message) (*Message, bool) {
	if m == nil {
		return nil, false
	}
	found, ok := r.byType[m.ProtoReflect().Descriptor()]
	return found, ok
}

// IDOf is the number of m in frames, 0 if it was not declared.
func (r *Registry) IDOf(m proto.Message) uint16 {
	if found, ok := r.ForType(m); ok {
		return found.ID
	}
	return 0
}

// Messages is every message, by number. The slice is shared and must not be modified.
func (r *Registry) Messages() []*Message { return r.messages }

func (r *Registry) scan(list protoreflect.MessageDescriptors, problems []error) []error {
	for i := range list.Len() {
		d := list.Get(i)
		problems = r.scan(d.Messages(), problems)
		if !proto.HasExtension(d.Options(), wirepb.E_Message) {
			continue
		}
		option := proto.GetExtension(d.Options(), wirepb.E_Message).(*wirepb.Message)
		if err := check(option); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", d.FullName(), err))
			continue
		}
		m := &Message{
			ID: uint16(option.GetId()), Name: string(d.FullName()), From: option.GetFrom(), To: option.GetTo(),
			State: option.GetState(), Delivery: option.GetDelivery(), New: maker(d),
		}
		r.messages = append(r.messages, m)
		r.byName[m.Name] = m
		r.byType[d] = m
	}
	return problems
}

// check says everything that is wrong with an option by itself.
func check(o *wirepb.Message) error {
	var problems []error
	if o.GetId() == 0 || o.GetId() > math.MaxUint16 {
		problems = append(problems, fmt.Errorf("id: %d is not between 1 and %d", o.GetId(), math.MaxUint16))
	}
	switch o.GetFrom() {
	case wirepb.From_CLIENT:
		if o.GetTo() == "" {
			problems = append(problems, errors.New("to: a message from clients needs the type of node that receives it"))
		}
		if o.GetState() < wirepb.State_BOUND || o.GetState() > wirepb.State_ANONYMOUS {
			problems = append(problems, fmt.Errorf("state: %d is none", o.GetState()))
		}
		if o.GetDelivery() != wirepb.Delivery_RELIABLE {
			problems = append(problems, errors.New("delivery: only messages to clients have one"))
		}
	case wirepb.From_SERVER:
		if o.GetTo() != "" {
			problems = append(problems, errors.New("to: only messages from clients have one"))
		}
		if o.GetState() != wirepb.State_BOUND {
			problems = append(problems, errors.New("state: only messages from clients have one"))
		}
		if o.GetDelivery() != wirepb.Delivery_RELIABLE && o.GetDelivery() != wirepb.Delivery_DROPPABLE {
			problems = append(problems, fmt.Errorf("delivery: %d is none", o.GetDelivery()))
		}
	default:
		problems = append(problems, errors.New("from: must be CLIENT or SERVER"))
	}
	return errors.Join(problems...)
}

// maker makes messages of the generated type, or dynamic ones for a file that no code was generated from.
func maker(d protoreflect.MessageDescriptor) func() proto.Message {
	mt, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil || mt.Descriptor() != d {
		mt = dynamicpb.NewMessageType(d)
	}
	return func() proto.Message { return mt.New().Interface() }
}
