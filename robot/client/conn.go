package client

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// handshakeTimeout bounds Dial, unless its context ends sooner.
const handshakeTimeout = 10 * time.Second

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
	// Compress asks for a session in which long messages are compressed.
	Compress bool
	// TLS is how the gate's certificate is checked at tls:// and wss:// addresses; its ServerName is the address's host unless it says another. nil:
	// as this system checks certificates.
	TLS *tls.Config
	// OnPush takes what the server sends unasked, in order; also a *wirepb.Reset, when a stream starts over. It is called on the
	// connection's reading goroutine, perhaps before Dial has returned, so it must neither wait for an answer nor close the connection.
	// nil drops them.
	OnPush func(proto.Message)
	// HTTP makes the request that becomes a WebSocket, for proxies and certificates of one's own. nil: http.DefaultClient.
	HTTP *http.Client
}

// A Conn is one session with a gate. It is safe for concurrent use.
type Conn struct {
	opts    Options
	raw     transport
	began   time.Time
	welcome *wirepb.Welcome
	streams map[string]uint8 // by type of node
	known   [256]bool        // streams, by number

	// Locks are taken in this order: sending, then order or mu.
	sending     sync.Mutex // one frame at a time, in the order of its sequence number
	frame       []byte
	packed      []byte           // a compressed frame
	sequence    map[uint8]uint32 // the last that was sent, by stream
	broken      error            // why nothing can be written any more
	cannotWrite chan struct{}    // closed with broken

	unpacked []byte // the reader's own: a body that was compressed

	order    sync.Mutex // what has come
	received map[uint8]mark
	unacked  int
	disorder error

	mu      sync.Mutex
	calls   map[uint32]*call
	lastID  uint32
	givenUp map[uint32]struct{} // calls whose answers may still come; nil when too many to remember
	closing error               // why the connection ended, once it has

	sentAt, seenAt atomic.Int64  // when something was last sent, and came, nanoseconds since began
	frames         atomic.Uint64 // that have come

	done    chan struct{}
	workers sync.WaitGroup
}

// Dial connects and shakes hands, for 10 seconds at most. Whoever has a Conn closes it. A refusal is the *fault.Error that the gate gave as
// its reason.
func Dial(ctx context.Context, addr string, opts Options) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	raw, err := open(ctx, addr, opts)
	if err != nil {
		return nil, gaveUp(ctx, fault.Wrap(err, fault.Unavailable, "the gate cannot be reached"))
	}
	return shake(ctx, raw, opts)
}

// shake makes a session of a connection, which it closes when that fails.
func shake(ctx context.Context, raw transport, opts Options) (*Conn, error) {
	c := &Conn{
		opts: opts, raw: raw, began: time.Now(), cannotWrite: make(chan struct{}), done: make(chan struct{}),
		streams: map[string]uint8{}, sequence: map[uint8]uint32{}, received: map[uint8]mark{},
		calls: map[uint32]*call{}, givenUp: map[uint32]struct{}{},
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.close() })
	err := c.hello()
	if !stop() && err == nil {
		err = fault.Wrap(ctx.Err(), fault.Lost, "the gate hung up")
	}
	if err != nil {
		_ = raw.close()
		return nil, gaveUp(ctx, err)
	}
	c.workers.Go(c.readAll)
	c.workers.Go(c.beat)
	return c, nil
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

func (c *Conn) hello() error {
	hello := &wirepb.Hello{Protocol: wire.Version, Client: c.opts.Version, Token: c.opts.Token}
	if c.opts.Compress {
		hello.Compressions = []string{wire.Deflate}
	}
	h := wire.Header{Kind: wire.Hello}
	if c.opts.JSON {
		h.Flags = wire.JSON
	}
	// A gate that turns clients away may do so before it has read anything: its reason counts for more than that it was not written to.
	unwritten := c.write(h, hello)
	h, body, err := c.raw.read()
	if err != nil {
		if unwritten != nil {
			return unwritten
		}
		return unread(err, "the gate hung up")
	}
	switch h.Kind {
	case wire.Welcome:
	case wire.Kick:
		return c.kicked(body)
	default:
		return violation("it answers Hello with a %s frame", h.Kind)
	}
	c.welcome = &wirepb.Welcome{}
	if err := c.decode(body, c.welcome); err != nil {
		return err
	}
	if got := c.welcome.GetProtocol(); got != wire.Version {
		return fault.Errorf(fault.Version, "the gate speaks version %d of the protocol, and this client version %d", got, wire.Version)
	}
	if compression := c.welcome.GetCompression(); compression != "" && (compression != wire.Deflate || !c.opts.Compress) {
		return violation("Welcome wants compression %q, which was not offered", compression)
	}
	for _, s := range c.welcome.GetStreams() {
		number := s.GetNumber()
		if _, twice := c.streams[s.GetType()]; twice || number == 0 || number > math.MaxUint8 || c.known[number] {
			return violation("Welcome gives %q stream %d", s.GetType(), number)
		}
		c.streams[s.GetType()] = uint8(number)
		c.known[number] = true
	}
	c.seenAt.Store(int64(c.now()))
	return nil
}

// now is the connection's clock, which no one can set.
func (c *Conn) now() time.Duration { return time.Since(c.began) }

// Session is the session's id.
func (c *Conn) Session() id.Session { return id.Session(c.welcome.GetSession()) }

// TypeOf is the type of node whose stream starts over; "" if there is none.
func (c *Conn) TypeOf(reset *wirepb.Reset) string {
	for typ, stream := range c.streams {
		if uint32(stream) == reset.GetStream() {
			return typ
		}
	}
	return ""
}

// Done is closed when the connection has ended; [Conn.Err] says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the connection ended: what the gate said in its Kick, or what broke. nil while it is open.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// Disorder is the first violation of order that was seen: a reliable frame that came twice, late, never or without its number, or an answer
// that nobody had asked for. nil if there was none.
func (c *Conn) Disorder() error {
	c.order.Lock()
	defer c.order.Unlock()
	return c.disorder
}

// Close ends the session and waits for the connection's goroutines, of which OnPush's caller is one.
func (c *Conn) Close() error {
	c.end(fault.New(fault.Cancelled, "closed by this client"))
	c.workers.Wait()
	return nil
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

// decode reads a body. A client ignores fields that it does not know: the server may be newer.
func (c *Conn) decode(body []byte, m proto.Message) error {
	var err error
	switch {
	case !c.opts.JSON:
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
func (c *Conn) bodyError(body []byte) (told, err error) {
	var e wirepb.Error
	if err := c.decode(body, &e); err != nil && (!c.opts.JSON || wire.Unmarshal(body, &e) != nil) {
		return nil, err
	}
	return wire.BodyError(&e), nil
}

// kicked is why the gate ends the session.
func (c *Conn) kicked(body []byte) error {
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
