package wire

// A Splitter finds the frames in a stream of bytes that arrives in chunks of any size. The zero Splitter has the limit [MaxBody]. It is not safe
// for concurrent use.
//
//	s.Feed(chunk)
//	for {
//		h, body, ok, err := s.Next()
//		if err != nil || !ok {
//			return err // the stream cannot be read on; or feed the next chunk
//		}
//		...
//	}
//
// A frame that is whole in its chunk is not copied. One that is not is gathered in a buffer of the splitter's own, which grows with the bytes that
// have arrived and never with the size that a header claims.
type Splitter struct {
	limits Limits
	chunk  []byte // what is left of it
	buf    []byte // the beginning of a frame whose rest has not arrived; nil or empty if there is none
	taken  bool   // buf was returned by Next: its contents are used up
	err    error
}

const (
	keepBuffer = 512 // a used up buffer that is not larger stays with the splitter, in bytes
)

// NewSplitter is a splitter with limits.
func NewSplitter(limits Limits) *Splitter { return &Splitter{limits: limits} }

// Feed gives the splitter the next chunk of the stream. The splitter refers to chunk until [Splitter.Next] has said that there is no frame left in
// it. Feed must not be called before that.
func (s *Splitter) Feed(chunk []byte) { s.chunk = chunk }

// Next is the next frame, or false when the stream has no whole one yet. The body is valid until the next call of Next or, if it is part of the
// chunk, as long as that. After an error the stream cannot be read on, and every further call says the same error. Without a whole frame, the header is the one
// that was read of it, if it has come, and is of no kind otherwise.
func (s *Splitter) Next() (h Header, body []byte, ok bool, err error) {
	if s.err != nil {
		return Header{}, nil, false, s.err
	}
	if s.taken {
		s.release()
	}
	if len(s.buf) > 0 {
		return s.gather()
	}
	if len(s.chunk) < HeaderSize {
		s.keep()
		return Header{}, nil, false, nil
	}
	if h, err = s.parse(s.chunk); err != nil {
		return h, nil, false, err
	}
	end := HeaderSize + h.Size
	if len(s.chunk) < end {
		s.keep()
		return h, nil, false, nil
	}
	body = s.chunk[HeaderSize:end:end]
	s.chunk = s.chunk[end:]
	return h, body, true, nil
}

// Pending is how many bytes of an incomplete frame the splitter holds.
func (s *Splitter) Pending() int {
	if s.taken {
		return 0
	}
	return len(s.buf)
}

// gather continues the frame that buf begins with from the chunk.
func (s *Splitter) gather() (h Header, body []byte, ok bool, err error) {
	if !s.fill(HeaderSize) {
		return Header{}, nil, false, nil
	}
	if h, err = s.parse(s.buf); err != nil {
		return h, nil, false, err
	}
	if !s.fill(HeaderSize + h.Size) {
		return h, nil, false, nil
	}
	s.taken = true
	return h, s.buf[HeaderSize:], true, nil
}

// fill moves bytes from the chunk to buf until it has size, and reports whether it does.
func (s *Splitter) fill(size int) bool {
	if missing := size - len(s.buf); missing > 0 {
		n := min(missing, len(s.chunk))
		s.buf = append(s.buf, s.chunk[:n]...)
		s.chunk = s.chunk[n:]
	}
	return len(s.buf) >= size
}

// keep saves what is left of the chunk, which its owner is about to use again.
func (s *Splitter) keep() {
	s.buf = append(s.buf, s.chunk...)
	s.chunk = nil
}

func (s *Splitter) release() {
	s.taken = false
	s.buf = s.buf[:0]
	if cap(s.buf) > keepBuffer {
		s.buf = nil
	}
}

func (s *Splitter) parse(b []byte) (Header, error) {
	h, err := ParseHeader(b)
	if err == nil {
		err = s.limits.Check(h)
	}
	s.err = err
	return h, err
}
