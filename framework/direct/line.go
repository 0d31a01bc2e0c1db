package direct

import (
	"errors"
	"net"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/udp"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// ErrClosed says that a line has ended.
var ErrClosed = errors.New("direct: the line has ended")

const (
	maxQueued = 64 << 10        // bytes that may wait to be sent
	patience  = 3 * time.Second // with an other side that takes nothing or, at a client, is not heard of
)

// A Line is one direct line, at either end. It is safe for concurrent use.
type Line struct {
	// Holder is whose it is, at the node.
	Holder
	// Ticket is what it was opened with: it tells the node which of its offers that was.
	Ticket Ticket

	conn     *udp.Conn
	registry *wire.Registry
	kind     wire.Kind // of what is sent
	sealer   *sealer   // the writer's
	patience time.Duration

	mu     sync.Mutex
	queue  [][]byte // frames that wait
	size   int      // of them, in bytes
	closed bool

	wake chan struct{} // for the writer; holds one
	done chan struct{}
	work sync.WaitGroup
}

func newLine(c *udp.Conn, registry *wire.Registry, kind wire.Kind, key [KeySize]byte, patience time.Duration) *Line {
	l := &Line{conn: c, registry: registry, kind: kind, sealer: newSealer(key), patience: patience, wake: make(chan struct{}, 1), done: make(chan struct{})}
	l.work.Go(l.write)
	return l
}

// Send sends a message, declared for this direction, and does not wait: from a node it is a Push, from a client a Send. When the other side is too slow, a
// droppable one is lost without an error, and any other ends the line. An error says that it was not sent.
func (l *Line) Send(m proto.Message) error {
	msg, ok := l.registry.ForType(m)
	if !ok || fromClient(msg) != (l.kind == wire.Send) {
		return fault.Errorf(fault.Internal, "%s is not declared for this direction", m.ProtoReflect().Descriptor().FullName())
	}
	body, err := wire.MarshalAppend(nil, m)
	if err != nil {
		return err
	}
	if wire.HeaderSize+len(body) > MaxFrame {
		return fault.Errorf(fault.TooLarge, "%s of %d bytes is too large for a line", msg.Name, len(body))
	}
	return l.put(wire.Append(nil, wire.Header{Kind: l.kind, Message: msg.ID}, body), msg.Droppable())
}

func fromClient(m *wire.Message) bool { return m.From == wirepb.From_CLIENT }

// put has a frame sent.
func (l *Line) put(frame []byte, droppable bool) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	if l.size+len(frame) > maxQueued {
		l.mu.Unlock()
		if droppable {
			return nil
		}
		l.Close()
		return fault.New(fault.Slow, "the other side of a direct line is too slow")
	}
	l.queue = append(l.queue, frame)
	l.size += len(frame)
	l.mu.Unlock()
	l.nudge()
	return nil
}

// begin has a frame sent before all others, once there is another one or a nudge.
func (l *Line) begin(frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue, l.size = [][]byte{frame}, len(frame)
}

// nudge has the writer send what waits.
func (l *Line) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write is the writer's goroutine.
func (l *Line) write() {
	var records []byte
	for {
		select {
		case <-l.wake:
		case <-l.done:
			return
		}
		l.mu.Lock()
		queue := l.queue
		l.queue = nil
		l.mu.Unlock()
		records = records[:0]
		size := 0
		for _, frame := range queue {
			records = l.sealer.seal(records, frame)
			size += len(frame)
		}
		_ = l.conn.SetWriteDeadline(time.Now().Add(l.patience)) // fails never
		_, err := l.conn.Write(records)
		l.mu.Lock()
		l.size -= size
		l.mu.Unlock()
		if err != nil {
			l.Close()
			return
		}
	}
}

// Close ends the line. What was just sent may not arrive. It does not wait.
func (l *Line) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	close(l.done)
	l.mu.Unlock()
	_ = l.conn.Close() // the other side may have been first
}

// Done is closed when the line has ended, whoever ended it.
func (l *Line) Done() <-chan struct{} { return l.done }

// RemoteAddr is the other side. It says nothing of who that is.
func (l *Line) RemoteAddr() net.Addr { return l.conn.RemoteAddr() }
