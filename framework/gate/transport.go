package gate

import (
	"net"
	"time"

	"loumiao/framework/wire"
)

// A Transport brings clients' connections to a gate. Packages gate/tcp, gate/ws and gate/kcp each have one. A transport serves one gate once.
type Transport interface {
	// Name is what the transport is called in metrics and logs: "tcp", "ws", "kcp".
	Name() string
	// Listen opens addr, host:port; port 0 is any free one.
	Listen(addr string) error
	// Addr is where it listens, after Listen.
	Addr() net.Addr
	// Serve takes connections to the door, each on a goroutine of its own, until Stop. It returns at once.
	Serve(door Door, limits wire.Limits)
	// Stop takes no new connections and waits for the goroutines of those that are there. Whoever calls it ends the connections.
	Stop()
}

// A Door is where a transport brings its connections to: the gate's side.
type Door interface {
	// Admit is called for each connection before anything is read from it. It may close another connection that has not said Hello yet, to make
	// room. An error refuses the connection.
	Admit(c net.Conn) (Visit, error)
}

// A Visit is one connection that was admitted. Its two methods are called by the connection's goroutine.
type Visit interface {
	// Serve runs the session over the connection, and returns when it is over and the connection may be closed.
	Serve(c Conn)
	// Leave ends the visit, also one that was never served. It is called exactly once, last.
	Leave()
}

// A Conn is one client's connection, as a transport frames it. Receive is called by one goroutine; TryWrite and Write by one at a time; the other
// methods by any.
type Conn interface {
	// RemoteAddr is where the client is: behind the load balancer, if there is one.
	RemoteAddr() net.Addr
	// Receive reads until the connection or the receiver says an error, which it returns. It holds no buffer while it waits.
	Receive(r Receiver) error
	// Discard reads what still comes and drops it, until the client has closed its side, for the given time at most. The rest of what was sent to
	// the client arrives only if what it sends is read.
	Discard(limit time.Duration)
	// AppendFrame appends a frame as the transport sends it.
	AppendFrame(dst []byte, h wire.Header, body []byte) []byte
	// AppendClose appends what the transport sends last, if anything.
	AppendClose(dst []byte) []byte
	// TryWrite writes what the kernel takes without waiting.
	TryWrite(b []byte) (int, error)
	// Write writes all of b. It fails when that takes longer than the limit.
	Write(b []byte, limit time.Duration) error
	// CloseWrite tells the client that nothing more comes, and makes [Conn.Receive] give up after the limit.
	CloseWrite(limit time.Duration)
}

// A Receiver takes what arrives on a connection.
type Receiver interface {
	// Frame takes one frame. The body is valid during the call. An error ends [Conn.Receive].
	Frame(h wire.Header, body []byte) error
	// Announce tells of a Hello whose header was read, and whose body is not there, or not as it should be: what the client is told then is in its
	// own words. It may be called again.
	Announce(h wire.Header)
	// Control takes what came on the connection and is no frame, nor goes into one that Frame is told of: a WebSocket's ping, the header of a part of a
	// message. size is its bytes there. It counts like a frame, so that nothing that a client can send is free. answer is what the transport has to
	// answer with, between frames; nil: nothing. An error ends [Conn.Receive].
	Control(size int, answer []byte) error
	// Flush comes after the frames of one read.
	Flush()
}
