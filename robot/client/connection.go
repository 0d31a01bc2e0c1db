package client

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// handshakeTimeout bounds dialling and shaking hands, unless the context ends sooner.
const handshakeTimeout = 10 * time.Second

// A dialer opens the connections of a session.
type dialer func(ctx context.Context, addr string) (transport, error)

// A connection is one connection to a gate, from Welcome to its end. A session has one after another.
type connection struct {
	codec
	raw     transport
	began   time.Time
	welcome *wirepb.Welcome
	streams map[string]uint8 // by type of node
	known   [256]bool        // streams, by number

	// Guarded by the session's lock sending.
	scratch     []byte        // for frames that nobody keeps
	packed      []byte        // a compressed frame
	broken      error         // why nothing can be written any more
	cannotWrite chan struct{} // closed with broken

	unpacked []byte // the reader's own: a body that was compressed

	sentAt, seenAt atomic.Int64  // when something was last sent, and came, nanoseconds since began
	frames         atomic.Uint64 // that have come

	mu   sync.Mutex
	why  error // it ended; nil while it is open
	done chan struct{}
}

// connect dials, shakes hands, and does what is next, for 10 seconds at most. A refusal is the *fault.Error that the gate gave as its reason.
func connect(ctx context.Context, dial dialer, addr string, bodies codec, hello *wirepb.Hello, next func(context.Context, *connection) error) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	raw, err := dial(ctx, addr)
	if err != nil {
		return nil, gaveUp(ctx, fault.Wrap(err, fault.Unavailable, "the gate cannot be reached"))
	}
	k := &connection{
		codec: bodies, raw: raw, began: time.Now(), streams: map[string]uint8{}, cannotWrite: make(chan struct{}), done: make(chan struct{}),
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.close() })
	if err = k.shake(hello); err == nil && next != nil {
		err = next(ctx, k)
	}
	if !stop() && err == nil {
		err = fault.Wrap(ctx.Err(), fault.Lost, "the gate hung up")
	}
	if err != nil {
		_ = raw.close()
		return nil, gaveUp(ctx, err)
	}
	return k, nil
}

// gaveUp is err, unless it only follows from the end of ctx.
func gaveUp(ctx context.Context, err error) error {
	switch ctx.Err() {
	case nil:
		return err
	case context.DeadlineExceeded:
		return fault.Wrap(err, fault.Deadline, "the gate did not answer in time")
	default:
		return fault.Wrap(ctx.Err(), fault.Cancelled, "the caller gave up")
	}
}

// shake says Hello and hears Welcome.
func (k *connection) shake(hello *wirepb.Hello) error {
	h := wire.Header{Kind: wire.Hello}
	if k.json {
		h.Flags = wire.JSON
	}
	// A gate that turns clients away may do so before it has read anything: its reason counts for more than that it was not written to.
	unwritten := k.control(h, hello)
	h, body, err := k.raw.read()
	for err == nil && k.welcome != nil && h.Kind != wire.Welcome && h.Kind != wire.Kick {
		h, body, err = k.raw.read() // was on its way to nobody
	}
	if err != nil {
		if unwritten != nil {
			return unwritten
		}
		return unread(err, "the gate hung up")
	}
	switch h.Kind {
	case wire.Welcome:
	case wire.Kick:
		return k.kicked(body)
	default:
		return violation("it answers Hello with a %s frame", h.Kind)
	}
	k.welcome = &wirepb.Welcome{}
	if err := k.decode(body, k.welcome); err != nil {
		return err
	}
	if got := k.welcome.GetProtocol(); got != wire.Version {
		return fault.Errorf(fault.Version, "the gate speaks version %d of the protocol, and this client version %d", got, wire.Version)
	}
	if err := agrees(hello, k.welcome); err != nil {
		return err
	}
	for _, s := range k.welcome.GetStreams() {
		number := s.GetNumber()
		if _, twice := k.streams[s.GetType()]; twice || number == 0 || number > math.MaxUint8 || k.known[number] {
			return violation("Welcome gives %q stream %d", s.GetType(), number)
		}
		k.streams[s.GetType()] = uint8(number)
		k.known[number] = true
	}
	k.seenAt.Store(int64(k.now()))
	return nil
}

// now is the connection's clock, which no one can set.
func (k *connection) now() time.Duration { return time.Since(k.began) }

// maxBody is the largest body that the gate takes.
func (k *connection) maxBody() int {
	if asked := k.welcome.GetMaxBody(); asked > 0 && asked < wire.MaxBody {
		return int(asked)
	}
	return wire.MaxBody // nothing longer can be framed
}

// grace is how long after its end the session can be resumed; 0: not at all.
func (k *connection) grace() time.Duration {
	if len(k.welcome.GetResume()) == 0 {
		return 0
	}
	return time.Duration(k.welcome.GetGraceMs()) * time.Millisecond
}

// frame makes a frame, in dst. A message that cannot be encoded or is too large for the gate is the caller's mistake.
func (k *connection) frame(dst []byte, h wire.Header, m proto.Message) ([]byte, error) {
	frame, err := k.encode(wire.AppendHeader(dst[:0], h), m)
	if err != nil {
		return nil, err
	}
	h.Size = len(frame) - wire.HeaderSize
	if limit := k.maxBody(); h.Size > limit {
		return nil, fault.Errorf(fault.TooLarge, "a body of %d bytes is over the gate's limit of %d", h.Size, limit)
	}
	wire.PutHeader(frame, h)
	return frame, nil
}

// control writes a frame of the protocol's own.
func (k *connection) control(h wire.Header, m proto.Message) error {
	frame, err := k.frame(k.scratch, h, m)
	if err != nil {
		return err
	}
	k.scratch = frame
	return k.write(frame)
}

// write writes one frame. One that has not been written whole breaks the connection.
func (k *connection) write(frame []byte) error {
	if k.broken == nil {
		k.sentAt.Store(int64(k.now()))
		if err := k.raw.write(k.compressed(frame)); err != nil {
			k.broken = fault.Wrap(err, fault.Lost, "the connection is broken")
			close(k.cannotWrite)
		}
	}
	if k.broken == nil {
		return nil
	}
	if ended := k.ended(); ended != nil {
		return ended // what the gate said last, if it did say something
	}
	return k.broken
}

// end ends the connection, once; why is why.
func (k *connection) end(why error) {
	k.mu.Lock()
	if k.why != nil {
		k.mu.Unlock()
		return
	}
	k.why = why
	k.mu.Unlock()
	_ = k.raw.close()
	close(k.done)
}

// ended is why the connection has ended; nil while it is open.
func (k *connection) ended() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.why
}
