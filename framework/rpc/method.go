package rpc

import (
	"context"
	"hash/fnv"
	"strings"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// A method is what both ends know of one method.
type method struct {
	name       string
	typ        string // node type that serves it: the name up to the dot
	hash       uint32 // its number in frames
	idempotent bool

	request, reply *shape
}

func newMethod(name string, request, reply *shape, opts []MethodOption) *method {
	typ, rest, ok := strings.Cut(name, ".")
	if !ok || typ == "" || rest == "" {
		panic("rpc: method name " + name + " is not of the form type.Method")
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // a hash.Hash never fails
	m := &method{name: name, typ: typ, hash: h.Sum32(), request: request, reply: reply}
	for _, opt := range opts {
		opt(m)
	}
	return m
}

// A MethodOption is part of a method's declaration.
type MethodOption func(*method)

// Idempotent declares that handling a request twice is the same as once. Calls are then tried again when the link broke or nobody could serve them.
func Idempotent() MethodOption { return func(m *method) { m.idempotent = true } }

// A MethodDef is a declared method whose caller says where each call goes. It is a value to be kept in a package-level variable.
type MethodDef[Req, Resp proto.Message] struct {
	*method
	replies codec[Resp]
}

// Method declares a method. Its name is "type.Method": the type of the nodes that serve it, a dot, and a name. Names must be unique in a cluster; so must their 32-bit hashes, which registration
// checks. A name of another form panics.
func Method[Req, Resp proto.Message](name string, opts ...MethodOption) MethodDef[Req, Resp] {
	replies := codecOf[Resp]()
	return MethodDef[Req, Resp]{method: newMethod(name, codecOf[Req]().shape, replies.shape, opts), replies: replies}
}

// Name is the name that the method was declared with.
func (m *method) Name() string { return m.name }

// Call sends req to a node of the target's choice and waits for the reply, at most until ctx ends or, when it has no deadline, for [Config.CallTimeout]. req may be
// reused when Call returns.
func (m MethodDef[Req, Resp]) Call(ctx context.Context, r *RPC, req Req, to Target) (Resp, error) {
	w, err := r.call(ctx, m.method, req, to)
	return replied(m.replies, m.method, w, err)
}

// Send sends req and does not wait for anything. An error means that it surely was not sent; none means that it was handed to a link, not that it was handled. With
// [All] it goes to every node, and the errors of those to which it could not be sent are joined.
func (m MethodDef[Req, Resp]) Send(ctx context.Context, r *RPC, req Req, to Target) error {
	return r.send(ctx, m.method, req, to)
}

// A Result is one node's answer to a [MethodDef.CallAll].
type Result[Resp any] struct {
	Node  id.Node
	Reply Resp
	Err   error
}

// CallAll calls every ready node that serves the method, at the same time, and returns an answer for each.
func (m MethodDef[Req, Resp]) CallAll(ctx context.Context, r *RPC, req Req) ([]Result[Resp], error) {
	peers, err := r.everyone(m.method)
	if err != nil {
		return nil, err
	}
	results := make([]Result[Resp], len(peers))
	done := make(chan struct{})
	for i, p := range peers {
		go func() {
			defer func() { done <- struct{}{} }()
			reply, err := m.Call(ctx, r, req, To(p.Node))
			results[i] = Result[Resp]{Node: p.Node, Reply: reply, Err: err}
		}()
	}
	for range peers {
		<-done
	}
	return results, nil
}

// A KeyedDef is a declared method whose calls go to the owner of the key in the request. It is a value to be kept in a package-level variable.
type KeyedDef[K ~int64, Req, Resp proto.Message] struct {
	*method
	replies codec[Resp]
	key     func(Req) K
}

// Keyed declares a method that goes to the owner of a key, found in the request by key. It is otherwise like [Method]; the type in its name is for people.
func Keyed[Resp, Req proto.Message, K ~int64](name string, key func(Req) K, opts ...MethodOption) KeyedDef[K, Req, Resp] {
	replies := codecOf[Resp]()
	return KeyedDef[K, Req, Resp]{method: newMethod(name, codecOf[Req]().shape, replies.shape, opts), replies: replies, key: key}
}

// Call is as [MethodDef.Call], to the owner. When that node says that it is not the owner, the owner is looked up once more.
func (m KeyedDef[K, Req, Resp]) Call(ctx context.Context, r *RPC, req Req) (Resp, error) {
	w, err := r.call(ctx, m.method, req, Owner(int64(m.key(req))))
	return replied(m.replies, m.method, w, err)
}

// Send is as [MethodDef.Send], to the owner. When that node is no longer the owner, the message is lost and counted there.
func (m KeyedDef[K, Req, Resp]) Send(ctx context.Context, r *RPC, req Req) error {
	return r.send(ctx, m.method, req, Owner(int64(m.key(req))))
}

// replied makes the reply of what came back, and gives the pending call back.
func replied[Resp proto.Message](c codec[Resp], m *method, w *pending, err error) (Resp, error) {
	var none Resp
	if err != nil {
		return none, err
	}
	reply, err := c.decode(w.body)
	w.release()
	if err != nil {
		return none, fault.Wrap(err, fault.Internal, "the reply to "+m.name+" cannot be decoded")
	}
	return reply, nil
}
