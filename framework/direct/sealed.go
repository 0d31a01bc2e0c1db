package direct

import (
	"crypto/cipher"
	"encoding/binary"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"loumiao/framework/fault"
)

const (
	// KeySize is the size of a key, in bytes.
	KeySize = chacha20poly1305.KeySize
	// MaxFrame is the largest frame that a line carries, header included, in bytes.
	MaxFrame = 1<<16 - 1 - chacha20poly1305.Overhead

	lengthSize = 2
)

// errSeal says that what came is not what the other side has sent.
var errSeal = fault.New(fault.Invalid, "a frame that is forged, repeated or out of place")

// A sealer makes records of frames, one after another.
//
//	| length of what follows, u16 | sealed frame, and 16 bytes that prove it |
//
// The nonce is 4 bytes of 0 and the record's number, u64, from 0. The length is authenticated too.
type sealer struct {
	aead cipher.AEAD
	next uint64
}

func newSealer(key [KeySize]byte) *sealer {
	aead, _ := chacha20poly1305.New(key[:]) // fails only for keys of another size
	return &sealer{aead: aead}
}

// seal appends a frame's record. The frame must not be over [MaxFrame].
func (s *sealer) seal(dst, frame []byte) []byte {
	at := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(frame)+s.aead.Overhead()))
	dst = s.aead.Seal(dst, nonce(s.next), frame, dst[at:at+lengthSize:at+lengthSize])
	s.next++
	return dst
}

// An opener reads records, one after another.
type opener struct {
	aead  cipher.AEAD
	next  uint64
	limit int    // of a frame, in bytes
	buf   []byte // of the record in hand
}

func newOpener(key [KeySize]byte, limit int) *opener {
	aead, _ := chacha20poly1305.New(key[:]) // fails only for keys of another size
	return &opener{aead: aead, limit: min(limit, MaxFrame)}
}

// open reads the next frame, which is valid until the one after it. After an error there is no next one.
func (o *opener) open(r io.Reader) ([]byte, error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(length[:]))
	switch {
	case size < o.aead.Overhead():
		return nil, errSeal
	case size > o.limit+o.aead.Overhead():
		return nil, fault.Errorf(fault.TooLarge, "a frame of %d bytes, and %d may be", size-o.aead.Overhead(), o.limit)
	}
	if cap(o.buf) < size {
		o.buf = make([]byte, size)
	}
	o.buf = o.buf[:size]
	if _, err := io.ReadFull(r, o.buf); err != nil {
		return nil, err
	}
	frame, err := o.aead.Open(o.buf[:0], nonce(o.next), o.buf, length[:])
	if err != nil {
		return nil, errSeal
	}
	o.next++
	return frame, nil
}

func nonce(n uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, chacha20poly1305.NonceSize-8, chacha20poly1305.NonceSize), n)
}
