package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// ackEvery is after how many reliable frames the server is told that they have arrived.
const ackEvery = 64

// Options is how a [Conn] is opened.
type Options struct {
	// Registry knows every message of the protocol. Required.
	Registry *wire.Registry
	// Token is from the login web; "" is an anonymous session.
	Token string
	// Version is the game client's version, as "1.2.3".
	Version string
	// JSON makes the session's bodies JSON.
	JSON bool
	// OnPush takes what the server sends unasked, in order; also a *wirepb.Reset, when a stream starts over. It is called on the
	// connection's reading goroutine, so it must not wait for an answer. nil drops them.
	OnPush func(proto.Message)
}

// A Conn is one session with a gate. It is safe for concurrent use.
type Conn struct {
	opts    Options
	raw     transport
	welcome *wirepb.Welcome
	streams map[string]uint8 // by type of node

	sending  sync.Mutex // one frame at a time, in the order of its sequence number
	frame    []byte
	sequence map[uint8]uint32 // the last that was sent, by stream
	sentAt   time.Time

	mu      sync.Mutex
	calls   map[uint32]*call
	lastID  uint32
	closing error // why the connection ended, once it has

	received map[uint8]uint32 // the last that came, by stream; of the reading goroutine
	unacked  int
	seenAt   atomic.Int64 // when something came last, nanoseconds
	disorder atomic.Pointer[error]

	done    chan struct{}
	workers sync.WaitGroup
}

// A call waits for its answer.
type call struct {
	stream uint8
	answer chan answer // has room for one
}

type answer struct {
	message proto.Message
	err     error
}

// Dial connects and shakes hands. Whoever has a Conn closes it.
func Dial(ctx context.Context, addr string, opts Options) (*Conn, error) {
	raw, err := open(ctx, addr)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the gate cannot be reached")
	}
	c := &Conn{
		opts: opts, raw: raw,
		streams: map[string]uint8{}, sequence: map[uint8]uint32{}, received: map[uint8]uint32{}, calls: map[uint32]*call{},
		done: make(chan struct{}),
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.close() })
	err = c.hello()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.close()
		return nil, err
	}
	c.workers.Go(c.readAll)
	c.workers.Go(c.beat)
	return c, nil
}

func (c *Conn) hello() error {
	hello := &wirepb.Hello{Protocol: wire.Version, Client: c.opts.Version, Token: c.opts.Token}
	h := wire.Header{Kind: wire.Hello}
	if c.opts.JSON {
		h.Flags = wire.JSON
	}
	if err := c.write(h, hello); err != nil {
		return fault.Wrap(err, fault.Lost, "the gate hung up")
	}
	h, body, err := c.raw.read()
	if err != nil {
		return fault.Wrap(err, fault.Lost, "the gate hung up")
	}
	switch h.Kind {
	case wire.Welcome:
	case wire.Kick:
		return c.bodyError(body)
	default:
		return fmt.Errorf("the gate answers Hello with a %s frame", h.Kind)
	}
	c.welcome = &wirepb.Welcome{}
	if err := c.decode(body, c.welcome); err != nil {
		return err
	}
	for _, s := range c.welcome.GetStreams() {
		c.streams[s.GetType()] = uint8(s.GetNumber())
	}
	c.seenAt.Store(time.Now().UnixNano())
	return nil
}

// Session is the session's id.
func (c *Conn) Session() id.Session { return id.Session(c.welcome.GetSession()) }

// Done is closed when the connection has ended; [Conn.Err] says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the connection ended: what the gate said in its Kick, or what broke. nil while it is open.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// Disorder is the first violation of order that was seen: a reliable frame that came twice, late or never. nil if there was none.
func (c *Conn) Disorder() error {
	if err := c.disorder.Load(); err != nil {
		return *err
	}
	return nil
}

// Close ends the session and waits for the connection's goroutines.
func (c *Conn) Close() error {
	c.end(fault.New(fault.Cancelled, "closed by this client"))
	c.workers.Wait()
	return nil
}

// Start sends a request and returns how to wait for its answer, so that several can be on their way at once; they are sent in the order of the
// calls of Start. An error of the server's comes back as the *fault.Error that it was.
func Start[R proto.Message](c *Conn, m proto.Message) (wait func(context.Context) (R, error), err error) {
	stream, err := c.streamOf(m)
	if err != nil {
		return nil, err
	}
	waiting := &call{stream: stream, answer: make(chan answer, 1)}
	number, err := c.register(waiting)
	if err != nil {
		return nil, err
	}
	if err := c.send(wire.Request, stream, number, m); err != nil {
		c.forget(number)
		return nil, err
	}
	return func(ctx context.Context) (R, error) {
		var none R
		select {
		case a := <-waiting.answer:
			if a.err != nil {
				return none, a.err
			}
			r, ok := a.message.(R)
			if !ok {
				return none, fmt.Errorf("%T is answered by %T, and not by %T", m, a.message, none)
			}
			return r, nil
		case <-ctx.Done():
			c.forget(number)
			code, text := fault.Outside(ctx.Err())
			return none, fault.New(code, text)
		}
	}, nil
}

// Request sends a message and waits for its answer, of type R.
func Request[R proto.Message](ctx context.Context, c *Conn, m proto.Message) (R, error) {
	wait, err := Start[R](c, m)
	if err != nil {
		var none R
		return none, err
	}
	return wait(ctx)
}

// TypeOf is the type of node whose stream starts over.
func (c *Conn) TypeOf(reset *wirepb.Reset) string {
	for typ, stream := range c.streams {
		if uint32(stream) == reset.GetStream() {
			return typ
		}
	}
	return ""
}

// Send sends a message that is not answered.
func (c *Conn) Send(m proto.Message) error {
	stream, err := c.streamOf(m)
	if err != nil {
		return err
	}
	return c.send(wire.Send, stream, 0, m)
}

func (c *Conn) streamOf(m proto.Message) (uint8, error) {
	msg, ok := c.opts.Registry.ForType(m)
	if !ok {
		return 0, fmt.Errorf("%T is not declared for clients", m)
	}
	stream, ok := c.streams[msg.To]
	if !ok {
		return 0, fmt.Errorf("%T goes to %q, which this gate does not reach", m, msg.To)
	}
	return stream, nil
}

func (c *Conn) register(waiting *call) (uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing != nil {
		return 0, c.closing
	}
	for {
		c.lastID++
		if _, taken := c.calls[c.lastID]; c.lastID != 0 && !taken {
			c.calls[c.lastID] = waiting
			return c.lastID, nil
		}
	}
}

func (c *Conn) forget(number uint32) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.calls[number]
	delete(c.calls, number)
	return waiting
}

// send numbers a message and writes it.
func (c *Conn) send(kind wire.Kind, stream uint8, number uint32, m proto.Message) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.sequence[stream]++
	h := wire.Header{Kind: kind, Stream: stream, Message: c.opts.Registry.IDOf(m), Call: number, Sequence: c.sequence[stream]}
	return c.writeLocked(h, m)
}

func (c *Conn) write(h wire.Header, m proto.Message) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.writeLocked(h, m)
}

func (c *Conn) writeLocked(h wire.Header, m proto.Message) (err error) {
	c.frame = wire.AppendHeader(c.frame[:0], h)
	if m != nil {
		if c.opts.JSON {
			c.frame, err = wire.MarshalJSON(c.frame, m)
		} else {
			c.frame, err = wire.MarshalAppend(c.frame, m)
		}
		if err != nil {
			return err
		}
	}
	h.Size = len(c.frame) - wire.HeaderSize
	wire.PutHeader(c.frame, h)
	c.sentAt = time.Now()
	if err := c.raw.write(c.frame); err != nil {
		if ended := c.Err(); ended != nil {
			return ended
		}
		return fault.Wrap(err, fault.Lost, "the connection is broken")
	}
	return nil
}

func (c *Conn) decode(body []byte, m proto.Message) error {
	if c.opts.JSON {
		return wire.UnmarshalJSON(body, m)
	}
	return wire.Unmarshal(body, m)
}

func (c *Conn) bodyError(body []byte) error {
	var e wirepb.Error
	if err := c.decode(body, &e); err != nil {
		return err
	}
	return wire.BodyError(&e)
}

// end ends the connection, once; err is why.
func (c *Conn) end(err error) {
	c.mu.Lock()
	if c.closing != nil {
		c.mu.Unlock()
		return
	}
	c.closing = err
	calls := c.calls
	c.calls = nil
	c.mu.Unlock()
	for _, waiting := range calls {
		waiting.answer <- answer{err: err}
	}
	_ = c.raw.close()
	close(c.done)
}

// beat keeps the connection alive, and ends it when the gate is silent.
func (c *Conn) beat() {
	every := time.Duration(c.welcome.GetHeartbeatMs()) * time.Millisecond
	if every <= 0 {
		every = 15 * time.Second
	}
	tick := time.NewTicker(every / 2)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case now := <-tick.C:
			if now.Sub(time.Unix(0, c.seenAt.Load())) > 3*every {
				c.end(fault.New(fault.Lost, "the gate is silent"))
				return
			}
			c.sending.Lock()
			quiet := now.Sub(c.sentAt) >= every/2
			c.sending.Unlock()
			if quiet {
				if err := c.write(wire.Header{Kind: wire.Ping}, nil); err != nil {
					c.end(err)
					return
				}
			}
		}
	}
}

// readAll takes what comes until the connection ends.
func (c *Conn) readAll() {
	for {
		h, body, err := c.raw.read()
		if err != nil {
			c.end(fault.Wrap(err, fault.Lost, "the connection is broken"))
			return
		}
		c.seenAt.Store(time.Now().UnixNano())
		if err := c.take(h, body); err != nil {
			c.end(err)
			return
		}
	}
}

var errUnknownMessage = errors.New("the server sent a message that this client does not know")
