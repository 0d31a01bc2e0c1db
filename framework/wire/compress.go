package wire

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"

	"loumiao/framework/fault"
)

// Deflate is the name in Hello and Welcome of the one compression that there is.
const Deflate = "deflate"

// unpackedSize is the size of what a compressed body begins with: the length of the body that it was, in bytes.
const unpackedSize = 4

// Pack appends the compressed form of a body to dst: its length, four bytes, and then its bytes in raw DEFLATE (RFC 1951). It reports false, and leaves dst
// as it was, when that would be no shorter than the body.
func Pack(dst, body []byte) (packed []byte, ok bool) {
	if len(body) <= unpackedSize {
		return dst, false
	}
	p := packers.Get().(*packer)
	defer packers.Put(p)
	p.out.b = binary.BigEndian.AppendUint32(dst, uint32(len(body)))
	p.out.max = len(dst) + len(body) - 1
	p.deflate.Reset(&p.out)
	_, err := p.deflate.Write(body)
	err = errors.Join(err, p.deflate.Close())
	packed = p.out.b
	p.out.b = nil // the caller's
	if err != nil {
		return packed[:len(dst)], false
	}
	return packed, true
}

// UnpackedSize is how long a compressed body says that it was. It says [fault.TooLarge] of one that was over the limit.
func UnpackedSize(body []byte, limits Limits) (int, error) {
	if len(body) < unpackedSize {
		return 0, errPacked
	}
	size := binary.BigEndian.Uint32(body)
	if size > MaxBody {
		return 0, fault.Errorf(fault.TooLarge, "a compressed body says that it was one of %d bytes, and none is", size)
	}
	return int(size), limits.Check(Header{Size: int(size)})
}

// Unpack appends to dst the body that a compressed one was. It takes memory for what the body says that it was, after it has seen that this is within the
// limits, and for no more. Errors are [fault.TooLarge] and [fault.Invalid]: the latter also of a body that was longer or shorter than it says, and of one with
// anything behind its end.
func Unpack(dst, body []byte, limits Limits) ([]byte, error) {
	size, err := UnpackedSize(body, limits)
	if err != nil {
		return dst, err
	}
	u := unpackers.Get().(*unpacker)
	defer u.release()
	u.in.Reset(body[unpackedSize:])
	if err := u.inflate.(flate.Resetter).Reset(&u.in, nil); err != nil {
		return dst, fault.Wrap(err, fault.Internal, "a body cannot be decompressed")
	}
	out := slices.Grow(dst, size)[:len(dst)+size]
	if _, err := io.ReadFull(u.inflate, out[len(dst):]); err != nil {
		return dst, errPacked
	}
	if n, err := u.inflate.Read(u.more[:]); n != 0 || err != io.EOF || u.in.Len() != 0 {
		return dst, errPacked
	}
	return out, nil
}

var errPacked = fault.New(fault.Invalid, "a compressed body is not what it says")

// A packer is what compressing takes: some hundred kilobytes, so there are as many as are at work at once.
type packer struct {
	deflate *flate.Writer
	out     bounded
}

var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // of a level that does not exist
	}
	return &packer{deflate: w}
}}

// bounded takes bytes up to a length.
type bounded struct {
	b   []byte
	max int
}

func (w *bounded) Write(p []byte) (int, error) {
	if len(w.b)+len(p) > w.max {
		return 0, io.ErrShortWrite
	}
	w.b = append(w.b, p...)
	return len(p), nil
}

type unpacker struct {
	inflate io.ReadCloser
	in      bytes.Reader
	more    [1]byte
}

func (u *unpacker) release() {
	u.in.Reset(nil) // the caller's
	unpackers.Put(u)
}

var unpackers = sync.Pool{New: func() any { return &unpacker{inflate: flate.NewReader(nil)} }}
