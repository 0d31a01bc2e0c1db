package line

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// A route is where one message of clients goes. It never changes after Start.
type route struct {
	msg       *wire.Message
	reply     *wire.Message // nil: it is answered with nothing
	replyType reflect.Type  // of reply, as handlers return it
	fresh     func() proto.Message
	// deliver hands a decoded message to its actor. It runs on the line's reader, and so must not wait.
	deliver func(s *Session, m proto.Message, r actor.Responder, deadline time.Time) error
}

func (s *Server) route(message uint16) *route {
	if int(message) >= len(s.routes) {
		return nil
	}
	return s.routes[message]
}

// name is the message's name, for logs.
func (s *Server) name(message uint16) string {
	if m, ok := s.cfg.Registry.ByID(message); ok {
		return m.Name
	}
	return strconv.Itoa(int(message))
}

// declare makes the route of M, without its deliver, and enters it. reply is a nil R, or nil if there is none. If anything about it is
// wrong, that is noted for Start, and declare returns nil.
func declare[M proto.Message](s *Server, reply proto.Message) *route {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != registering {
		panic("line: handlers are registered before the server is started") // a programmer's error: no gate would ever know
	}
	if s.cfg.Registry == nil {
		return nil // Start says so
	}
	rt, err := s.newRoute(*new(M), reply)
	if err != nil {
		s.problems = append(s.problems, fmt.Errorf("line: handler of %v: %w", reflect.TypeFor[M](), err))
		return nil
	}
	if missing := int(rt.msg.ID) + 1 - len(s.routes); missing > 0 {
		s.routes = append(s.routes, make([]*route, missing)...)
	}
	s.routes[rt.msg.ID] = rt
	return rt
}

func (s *Server) newRoute(m, reply proto.Message) (*route, error) {
	if m == nil {
		return nil, errors.New("it is an interface; a handler takes a generated message")
	}
	msg, ok := s.cfg.Registry.ForType(m)
	if !ok {
		return nil, errors.New("the message has no number: it lacks the option (wire.message), or its file is not in the registry")
	}
	var problems []error
	if msg.From != wirepb.From_CLIENT {
		problems = append(problems, errors.New("the message is not declared from: CLIENT"))
	} else if !slices.Contains(s.cfg.Types, msg.To) {
		problems = append(problems, fmt.Errorf("the message is declared to: %q, and this node is %q", msg.To, s.cfg.Types))
	}
	if s.route(msg.ID) != nil {
		problems = append(problems, errors.New("the message has a handler already"))
	}
	rt := &route{msg: msg}
	if reply != nil {
		if rt.reply, ok = s.cfg.Registry.ForType(reply); !ok || rt.reply.From != wirepb.From_SERVER {
			problems = append(problems, fmt.Errorf("the reply %T is not declared from: SERVER", reply))
		}
		rt.replyType = reflect.TypeOf(reply)
	}
	mt := m.ProtoReflect().Type()
	rt.fresh = func() proto.Message { return mt.New().Interface() }
	return rt, errors.Join(problems...)
}
