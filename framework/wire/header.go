package wire

import (
	"encoding/binary"

	"loumiao/framework/fault"
)

const (
	// Version is the version of the protocol that this package speaks.
	Version = 1
	// HeaderSize is the size of a frame's header, in bytes.
	HeaderSize = 16
	// MaxBody is the largest body that any frame may have, in bytes, whatever the configured limits.
	MaxBody = 16 << 20

	sizeSize = 4 // of the size field, which does not count itself
)

// A Header is what stands before a frame's body. It is a plain value.
type Header struct {
	// Size is the length of the body, in bytes. [ParseHeader] sets it; [Append] ignores it and goes by the body.
	Size int
	// Kind says what the frame is for.
	Kind Kind
	// Flags change how the frame is read.
	Flags Flags
	// Stream is who is at the other end: 0 is the gate itself, any other the number that Welcome gave to a type of node.
	Stream uint8
	// Message is the number that the message has in its .proto. 0 in control frames and in Error.
	Message uint16
	// Call joins an answer with its request. The client chooses it; 0 is none.
	Call uint32
	// Sequence numbers the reliable frames of one session, stream and direction from 1. 0: a droppable or a control frame.
	Sequence uint32
}

// Append appends a frame, header and body, to dst. A body over [MaxBody] is a bug of the caller: the frame could not be read.
func Append(dst []byte, h Header, body []byte) []byte {
	h.Size = len(body)
	return append(AppendHeader(dst, h), body...)
}

// AppendHeader appends only the header, for a body of h.Size bytes that follows it.
func AppendHeader(dst []byte, h Header) []byte {
	var b [HeaderSize]byte
	PutHeader(b[:], h)
	return append(dst, b[:]...)
}

// PutHeader writes the header into the first [HeaderSize] bytes of b, for a body of h.Size bytes.
func PutHeader(b []byte, h Header) {
	_ = b[HeaderSize-1]
	binary.BigEndian.PutUint32(b, uint32(HeaderSize-sizeSize+h.Size))
	b[4] = byte(h.Kind)&kindMask | byte(h.Flags)
	b[5] = h.Stream
	binary.BigEndian.PutUint16(b[6:], h.Message)
	binary.BigEndian.PutUint32(b[8:], h.Call)
	binary.BigEndian.PutUint32(b[12:], h.Sequence)
}

// ParseHeader reads the header at the beginning of b, and says [fault.Invalid] about one that no version 1 peer sends. It does not look at the
// body, nor at whether this kind may come from whoever sent it. With [fault.TooLarge] the header is what was read: it tells whose frame that was.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, errShort
	}
	size := binary.BigEndian.Uint32(b)
	h := Header{
		Size:     int(size) - (HeaderSize - sizeSize),
		Kind:     Kind(b[4] & kindMask),
		Flags:    Flags(b[4] &^ kindMask),
		Stream:   b[5],
		Message:  binary.BigEndian.Uint16(b[6:]),
		Call:     binary.BigEndian.Uint32(b[8:]),
		Sequence: binary.BigEndian.Uint32(b[12:]),
	}
	switch {
	case size < HeaderSize-sizeSize:
		return Header{}, errShort
	case size > HeaderSize-sizeSize+MaxBody:
		return h, fault.Errorf(fault.TooLarge, "a frame of %d bytes is larger than any may be", size)
	case !h.Kind.Known():
		return Header{}, fault.Errorf(fault.Invalid, "no frame is of kind %d", h.Kind)
	case h.Flags&reservedFlag != 0:
		return Header{}, fault.Errorf(fault.Invalid, "flags %#02x are reserved", uint8(h.Flags))
	case h.Flags&Compressed != 0 && !h.Kind.Carries():
		return Header{}, fault.Errorf(fault.Invalid, "a %s frame is never compressed", h.Kind)
	case h.Flags&JSON != 0 && h.Kind != Hello:
		return Header{}, fault.Errorf(fault.Invalid, "a %s frame cannot ask for JSON", h.Kind)
	case h.Kind.Carries() == (h.Message == 0):
		return Header{}, fault.Errorf(fault.Invalid, "a %s frame with message number %d", h.Kind, h.Message)
	}
	return h, nil
}

// Limits bound what a reader of frames accepts.
type Limits struct {
	// MaxBody is the largest body, in bytes. 0 is [MaxBody].
	MaxBody int
}

// Check says [fault.TooLarge] about a header whose body is over the limit.
func (l Limits) Check(h Header) error {
	limit := l.MaxBody
	if limit == 0 {
		limit = MaxBody
	}
	if h.Size > limit {
		return fault.Errorf(fault.TooLarge, "a body of %d bytes is over the limit of %d", h.Size, limit)
	}
	return nil
}

// ParseFrame reads b as exactly one frame. The body is a part of b. Errors are [fault.Invalid] and [fault.TooLarge]; with those, the header is what was read of
// it, if anything.
func ParseFrame(b []byte, limits Limits) (Header, []byte, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return h, nil, err
	}
	if err := limits.Check(h); err != nil {
		return h, nil, err
	}
	if body := b[HeaderSize:]; len(body) == h.Size {
		return h, body, nil
	}
	return h, nil, fault.Errorf(fault.Invalid, "a frame of %d bytes says that it has %d", len(b), HeaderSize+h.Size)
}

var errShort = fault.New(fault.Invalid, "a frame is shorter than its header")
