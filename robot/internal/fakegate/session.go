package fakegate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// patience bounds a wait for a client that may be broken.
const patience = 30 * time.Second

// A Session is one connection. Its methods belong to one goroutine, but for Close. What cannot be written is lost without a word, because the
// client may have gone for good reasons.
type Session struct {
	// Hello is what the client said in [Session.Hear].
	Hello *wirepb.Hello
	// JSON is whether bodies are JSON; Hear sets it.
	JSON bool
	// Piece is how many bytes are written at once; 0: whole frames.
	Piece int

	registry *wire.Registry
	carrier  carrier
	sent     map[uint8]uint32 // sequence numbers by stream
	kept     []numbered       // what had one
}

type numbered struct {
	stream   uint8
	sequence uint32
	frame    []byte
}

// A Frame is one that the client sent.
type Frame struct {
	wire.Header
	Body    []byte
	Message proto.Message // of a Hello, Ack, Send or Request, if it could be read
}

// A carrier moves the bytes of frames.
type carrier interface {
	read() ([]byte, error)
	write(frame []byte, piece int) error
	close()
}

// Over is a session over any connection.
func Over(c net.Conn, registry *wire.Registry) *Session {
	return &Session{registry: registry, carrier: &stream{c}, sent: map[uint8]uint32{}}
}

// Close hangs up.
func (s *Session) Close() { s.carrier.close() }

// Read is the client's next frame. The error says that the client is gone, or breaks the protocol.
func (s *Session) Read() (Frame, error) {
	b, err := s.carrier.read()
	if err != nil {
		return Frame{}, err
	}
	h, body, err := wire.ParseFrame(b, wire.Limits{})
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Header: h, Body: body}
	switch h.Kind {
	case wire.Hello:
		s.JSON = h.Flags&wire.JSON != 0
		f.Message = &wirepb.Hello{}
	case wire.Ack:
		f.Message = &wirepb.Ack{}
	case wire.Send, wire.Request:
		msg, ok := s.registry.ByID(h.Message)
		if !ok {
			return f, fmt.Errorf("message %d is not declared", h.Message)
		}
		f.Message = msg.New()
	default:
		return f, nil
	}
	if s.JSON {
		return f, wire.UnmarshalJSON(body, f.Message)
	}
	return f, wire.Unmarshal(body, f.Message)
}

// Expect is the next frame of the kind, Pings and Acks before it left out.
func (s *Session) Expect(kind wire.Kind) (Frame, error) {
	for {
		f, err := s.Read()
		switch {
		case err != nil:
			return f, fmt.Errorf("waiting for a %s: %w", kind, err)
		case f.Kind == kind:
			return f, nil
		case f.Kind != wire.Ping && f.Kind != wire.Ack:
			return f, fmt.Errorf("got a %s frame, want a %s", f.Kind, kind)
		}
	}
}

// Hear reads Hello.
func (s *Session) Hear() error {
	f, err := s.Expect(wire.Hello)
	if err == nil {
		s.Hello = f.Message.(*wirepb.Hello)
	}
	return err
}

// Open reads Hello and answers with [Welcome], changed.
func (s *Session) Open(change ...func(*wirepb.Welcome)) error {
	if err := s.Hear(); err != nil {
		return err
	}
	s.Admit(change...)
	return nil
}

// GoOn answers the Hello of a client that has come back from another connection, with [Welcome], changed: it has the numbers of what was taken of each
// stream that goes on, and writes what the client has not received of those; the others that the client has marked start over.
func (s *Session) GoOn(from *Session, taken map[uint8]uint32, change ...func(*wirepb.Welcome)) {
	s.sent, s.kept = from.sent, from.kept
	s.Admit(append([]func(*wirepb.Welcome){func(w *wirepb.Welcome) {
		for stream, number := range taken {
			w.Received = append(w.Received, &wirepb.Mark{Stream: uint32(stream), Sequence: number})
		}
	}}, change...)...)
	received := map[uint8]uint32{}
	for _, m := range s.Hello.GetReceived() {
		stream := uint8(m.GetStream())
		if _, ok := taken[stream]; !ok {
			s.Reset(stream)
			continue
		}
		received[stream] = m.GetSequence()
	}
	for _, f := range s.kept {
		if f.sequence > received[f.stream] {
			s.Raw(f.frame)
		}
	}
}

// Admit answers Hello with [Welcome], changed.
func (s *Session) Admit(change ...func(*wirepb.Welcome)) {
	w := Welcome()
	for _, c := range change {
		c(w)
	}
	s.Write(wire.Header{Kind: wire.Welcome}, w)
}

// Resumable changes [Welcome] to that of a session to which the client may come back within a minute.
func Resumable(w *wirepb.Welcome) {
	w.Resume, w.GraceMs = []byte{1, 2, 3, 4}, uint32(time.Minute.Milliseconds())
}

// Welcome is what a gate says that has worlds, queues and zones.
func Welcome() *wirepb.Welcome {
	return &wirepb.Welcome{
		Protocol: wire.Version, Session: 7, HeartbeatMs: 15_000, MaxBody: 16 << 10,
		Streams: []*wirepb.Stream{
			{Number: uint32(World), Type: "world"}, {Number: uint32(Queue), Type: "queue"}, {Number: uint32(Zone), Type: "zone"},
		},
	}
}

// Push pushes m on the stream, with the number that is due.
func (s *Session) Push(stream uint8, m proto.Message) {
	s.Write(wire.Header{Kind: wire.Push, Stream: stream, Message: s.registry.IDOf(m), Sequence: s.Number(stream, m)}, m)
}

// Reply answers a request, with the number that is due.
func (s *Session) Reply(to Frame, m proto.Message) {
	s.Write(wire.Header{Kind: wire.Reply, Stream: to.Stream, Message: s.registry.IDOf(m), Call: to.Call, Sequence: s.Number(to.Stream, m)}, m)
}

// Refuse answers a request with an error, as a gate does.
func (s *Session) Refuse(to Frame, err error) {
	s.Write(wire.Header{Kind: wire.Error, Stream: to.Stream, Call: to.Call}, wire.ErrorBody(err))
}

// Kick ends the session for the reason, and reads until the client has gone.
func (s *Session) Kick(why error) {
	s.Write(wire.Header{Kind: wire.Kick}, wire.ErrorBody(why))
	for {
		if _, err := s.Read(); err != nil {
			s.Close()
			return
		}
	}
}

// Reset tells that a stream starts over.
func (s *Session) Reset(stream uint8) {
	delete(s.sent, stream)
	s.kept = slices.DeleteFunc(s.kept, func(f numbered) bool { return f.stream == stream })
	s.Write(wire.Header{Kind: wire.Reset}, &wirepb.Reset{Stream: uint32(stream), Reason: "a test"})
}

// Number is the sequence number of the next frame on the stream, which m is in; it is used up. Droppable messages have none.
func (s *Session) Number(stream uint8, m proto.Message) uint32 {
	if msg, ok := s.registry.ForType(m); ok && msg.Droppable() || stream == 0 {
		return 0
	}
	s.sent[stream]++
	return s.sent[stream]
}

// Write writes a frame as it is given; a nil m is an empty body. One with a number is kept for [Session.GoOn].
func (s *Session) Write(h wire.Header, m proto.Message) {
	frame := s.Encode(h, m)
	if h.Sequence != 0 {
		s.kept = append(s.kept, numbered{h.Stream, h.Sequence, frame})
	}
	s.Raw(frame)
}

// Encode is the bytes of a frame.
func (s *Session) Encode(h wire.Header, m proto.Message) []byte {
	var body []byte
	var err error
	switch {
	case m == nil:
	case s.JSON:
		body, err = protojson.Marshal(m)
	default:
		body, err = proto.Marshal(m)
	}
	if err != nil {
		panic(err) // a mistake in a test
	}
	return wire.Append(nil, h, body)
}

// Raw writes bytes, over WebSocket as one message.
func (s *Session) Raw(b []byte) { _ = s.carrier.write(b, s.Piece) }

// stream carries frames over a connection of bytes.
type stream struct{ net.Conn }

func (c *stream) read() ([]byte, error) {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, wire.HeaderSize)
	if _, err := io.ReadFull(c.Conn, b); err != nil {
		return nil, err
	}
	h, err := wire.ParseHeader(b)
	if err != nil {
		return nil, err
	}
	b = append(b, make([]byte, h.Size)...)
	_, err = io.ReadFull(c.Conn, b[wire.HeaderSize:])
	return b, err
}

func (c *stream) write(frame []byte, piece int) error {
	_ = c.SetWriteDeadline(time.Now().Add(patience))
	return pieces(c.Conn, frame, piece)
}

func (c *stream) close() { _ = c.Conn.Close() }

// socket carries frames over WebSocket.
type socket struct{ conn *websocket.Conn }

func (c *socket) read() ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, b, err := c.conn.Read(ctx)
	return b, err
}

func (c *socket) write(frame []byte, piece int) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w, err := c.conn.Writer(ctx, websocket.MessageBinary)
	if err != nil {
		return err
	}
	if err := pieces(w, frame, piece); err != nil {
		return err
	}
	return w.Close()
}

func (c *socket) close() { _ = c.conn.CloseNow() }

// pieces writes b in pieces of a size; 0: at once.
func pieces(w io.Writer, b []byte, size int) error {
	if size <= 0 {
		size = max(len(b), 1)
	}
	for rest := bytes.NewBuffer(b); rest.Len() > 0; {
		if _, err := w.Write(rest.Next(size)); err != nil {
			return err
		}
	}
	return nil
}
