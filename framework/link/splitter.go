package link

import (
	"encoding/binary"

	"loumiao/framework/fault"
)

const (
	sizeLen     = 4        // bytes of a frame's size
	readBuffer  = 64 << 10 // what one read may bring
	keepBuffer  = 1 << 20  // a buffer that grew beyond is let go when it has been emptied
	leastToRead = 4 << 10  // the least room to read into before what is left over is moved to the front
)

// A splitter finds frames in a stream of bytes: read into space, say how much was filled, take frames with next until there is none.
// Frames point into its buffer and are valid until the next call of space. The buffer grows with what has arrived, never by what a size promises.
type splitter struct {
	max   int // largest frame
	buf   []byte
	begin int // buf[begin:end] has arrived and was not taken
	end   int
}

// space is where to read the next bytes into; never empty.
func (s *splitter) space() []byte {
	left := s.end - s.begin
	switch {
	case s.buf == nil || left == 0 && len(s.buf) > keepBuffer:
		s.buf, s.begin, s.end = make([]byte, readBuffer), 0, 0
	case left == 0:
		s.begin, s.end = 0, 0
	case len(s.buf)-s.end < leastToRead && s.begin > 0:
		s.end, s.begin = copy(s.buf, s.buf[s.begin:s.end]), 0
	}
	if s.end == len(s.buf) { // one frame, not complete yet, fills it
		grown := make([]byte, min(2*len(s.buf), sizeLen+s.max))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	return s.buf[s.end:]
}

func (s *splitter) filled(n int) { s.end += n }

// next is the next complete frame, if it is there. An error is final.
func (s *splitter) next() (frame []byte, ok bool, err error) {
	got := s.buf[s.begin:s.end]
	if len(got) < sizeLen {
		return nil, false, nil
	}
	size := binary.BigEndian.Uint32(got)
	if uint64(size) > uint64(s.max) {
		return nil, false, fault.Errorf(fault.TooLarge, "a frame of %d bytes, the limit is %d", size, s.max)
	}
	if len(got) < sizeLen+int(size) {
		return nil, false, nil
	}
	s.begin += sizeLen + int(size)
	return got[sizeLen : sizeLen+int(size) : sizeLen+int(size)], true, nil
}
