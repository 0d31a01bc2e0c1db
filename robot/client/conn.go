package client

import (
	"context"
	"crypto/tls"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// Options is how a [Conn] is opened.
type Options struct {
	// Registry knows every message of the protocol. Required.
	Registry *wire.Registry
	// Token is from the login web; "" is an anonymous session.
	Token string
	// LogIn, if it is not nil, finds the token over the connection that the session is then opened on, with no login web: see [Ask]. Token is ignored.
	// It has what is left of Dial's 10 seconds.
	LogIn func(ctx context.Context, ask Ask) (token string, err error)
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

	// Reconnect makes the session outlive its connections, if the gate offers that. It names the gate to come back by, which may be any, and a
	// token of the same player that is still valid. attempt counts from 1 for each connection that broke; why is what the last one ended with, and then what the
	// attempt before failed with: after fault.Unauthenticated the token must be a new one. It is called, by one goroutine at a time, until the session
	// goes on or its grace period is over, with pauses in between; ctx ends with that. Of its own errors, those with codes after which a client stays
	// away (see [Conn.Err]) end the session. nil: the session ends with its connection.
	Reconnect func(ctx context.Context, attempt int, why error) (addr, token string, err error)
	// OnResume is told each time that the session goes on, and how long it had no connection. nil: nobody is.
	OnResume func(away time.Duration)
}

// A Conn is one session with a gate; with [Options].Reconnect, with one gate after another. It is safe for concurrent use.
type Conn struct {
	opts  Options
	codec codec
	dial  dialer
	keeps bool                       // the session can outlive its connection
	last  atomic.Pointer[connection] // that was open

	// Locks are taken in this order: sending, then one of the others.
	sending sync.Mutex  // one frame at a time, in the order of its sequence number
	on      *connection // what is sent goes there at once; nil while there is none, or older frames have to go first
	outbox  outbox

	order    sync.Mutex // what has come
	received map[uint8]mark
	unacked  int
	disorder error

	mu      sync.Mutex
	calls   map[uint32]*call
	lastID  uint32
	givenUp map[uint32]struct{} // calls whose answers may still come; nil when too many to remember
	closing error               // why the session ended, once it has

	life    context.Context // ends with the session
	stop    context.CancelFunc
	done    chan struct{}
	workers sync.WaitGroup
}

// Dial connects and shakes hands, for 10 seconds at most. Whoever has a Conn closes it. A refusal is the *fault.Error that the gate gave as
// its reason.
func Dial(ctx context.Context, addr string, opts Options) (*Conn, error) {
	return begin(ctx, func(ctx context.Context, addr string) (transport, error) { return open(ctx, addr, opts) }, addr, opts)
}

// begin opens a session over connections of any kind.
func begin(ctx context.Context, dial dialer, addr string, opts Options) (*Conn, error) {
	c := &Conn{
		opts: opts, codec: codec{opts.JSON}, dial: dial, received: map[uint8]mark{}, calls: map[uint32]*call{}, givenUp: map[uint32]struct{}{},
		done: make(chan struct{}),
	}
	k, err := c.first(ctx, addr)
	if err != nil {
		return nil, err
	}
	c.keeps = opts.Reconnect != nil && k.grace() > 0
	c.on = k
	c.last.Store(k)
	c.life, c.stop = context.WithCancel(context.Background())
	c.workers.Go(func() { c.run(k) })
	return c, nil
}

// first is the session's first connection.
func (c *Conn) first(ctx context.Context, addr string) (*connection, error) {
	if c.opts.LogIn == nil {
		return connect(ctx, c.dial, addr, c.codec, c.hello(c.opts.Token), nil)
	}
	nobody := c.hello("")
	nobody.Compressions = nil // this part is short
	return connect(ctx, c.dial, addr, c.codec, nobody, func(ctx context.Context, k *connection) error {
		token, err := c.opts.LogIn(ctx, k.asker(c.opts.Registry))
		if err != nil {
			return err
		}
		return k.shakeAgain(c.hello(token))
	})
}

// run keeps the session on one connection after another, until it ends.
func (c *Conn) run(k *connection) {
	for k != nil {
		k = c.comeBack(c.stay(k))
	}
}

// stay is the life of a connection: it returns why that has ended, when nobody works on it any more. Unless the client is to come back, the session
// ends as well.
func (c *Conn) stay(k *connection) (why error) {
	var workers sync.WaitGroup
	workers.Go(func() { c.readAll(k) })
	workers.Go(func() { c.beat(k) })
	workers.Go(func() { c.catchUp(k) })
	select {
	case <-k.done:
		why = k.ended()
		if !c.mayComeBack(k) {
			c.end(why)
		}
	case <-c.done:
		why = c.Err()
		c.leave(k)
		k.end(why)
	}
	workers.Wait()
	c.sending.Lock()
	c.on = nil
	c.sending.Unlock()
	return why
}

// Session is the session's id.
func (c *Conn) Session() id.Session { return id.Session(c.last.Load().welcome.GetSession()) }

// TypeOf is the type of node whose stream starts over; "" if there is none.
func (c *Conn) TypeOf(reset *wirepb.Reset) string {
	for typ, stream := range c.last.Load().streams {
		if uint32(stream) == reset.GetStream() {
			return typ
		}
	}
	return ""
}

// Done is closed when the session has ended; [Conn.Err] says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the session ended: what the gate said in its Kick, or what broke. nil while it goes on, with a connection or without. After
// fault.Replaced, Forbidden and Version a player stays away; after others he may log in and begin a new session.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// Disorder is the first violation of order that was seen: a reliable frame that came twice, late, never or without its number, or an answer
// that nobody had asked for. nil if there was none. Connections that break excuse nothing.
func (c *Conn) Disorder() error {
	c.order.Lock()
	defer c.order.Unlock()
	return c.disorder
}

// Cut breaks the connection, as a tunnel does that a player's train goes through. The session goes on as after any such break.
func (c *Conn) Cut() { c.last.Load().end(fault.New(fault.Lost, "the connection was cut")) }

// Close ends the session, so that nobody waits for this client to come back, and waits for the session's goroutines, of which OnPush's caller is one.
func (c *Conn) Close() error {
	c.end(fault.New(fault.Cancelled, "closed by this client"))
	c.workers.Wait()
	return nil
}

// leave says that the client will not come back. A gate that does not read is not waited for long.
func (c *Conn) leave(k *connection) {
	late := time.AfterFunc(lastWords, func() { _ = k.raw.close() })
	defer late.Stop()
	c.sending.Lock()
	defer c.sending.Unlock()
	_ = k.control(wire.Header{Kind: wire.Leave}, nil) // if that cannot be written, the connection is broken, and there is no better way
}

// end ends the session, once; err is why.
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
	c.stop()
	close(c.done)
}
