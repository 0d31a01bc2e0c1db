package trace

import "encoding/hex"

// A Ref names a span and its trace, as the W3C's Trace Context has them. The zero Ref is none. One that is not zero is of a trace that is recorded.
type Ref struct {
	Trace [16]byte
	Span  [8]byte
}

// RefSize is the bytes of an encoded Ref.
const RefSize = 16 + 8

// IsZero reports whether there is no trace. Half a Ref is none either.
func (r Ref) IsZero() bool { return r.Trace == [16]byte{} || r.Span == [8]byte{} }

// Append encodes r.
func (r Ref) Append(b []byte) []byte { return append(append(b, r.Trace[:]...), r.Span[:]...) }

// ParseRef decodes the first [RefSize] bytes of b; anything shorter or with zeros for an id is the zero Ref.
func ParseRef(b []byte) Ref {
	var r Ref
	if len(b) < RefSize {
		return r
	}
	copy(r.Trace[:], b)
	copy(r.Span[:], b[16:])
	if r.IsZero() {
		return Ref{}
	}
	return r
}

// String is the trace's id in hexadecimal, as tools show it; "" for none.
func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return hex.EncodeToString(r.Trace[:])
}
