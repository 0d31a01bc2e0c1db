package client

import (
	"slices"

	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// agrees says what is wrong with the compression that Welcome names.
func agrees(hello *wirepb.Hello, welcome *wirepb.Welcome) error {
	name := welcome.GetCompression()
	if name != "" && (name != wire.Deflate || !slices.Contains(hello.GetCompressions(), name)) {
		return violation("Welcome wants compression %q, which was not offered", name)
	}
	return nil
}

// compressed is the frame with its body compressed, if the connection does that and it helps; else as it is. It is called with the lock sending.
func (k *connection) compressed(frame []byte) []byte {
	h, err := wire.ParseHeader(frame)
	if err != nil || k.welcome.GetCompression() == "" || !h.Kind.Carries() || uint32(h.Size) < k.welcome.GetCompressFrom() {
		return frame
	}
	packed, ok := wire.Pack(wire.AppendHeader(k.packed[:0], h), frame[wire.HeaderSize:])
	k.packed = packed
	if !ok {
		return frame
	}
	h.Flags |= wire.Compressed
	h.Size = len(packed) - wire.HeaderSize
	wire.PutHeader(packed, h)
	return packed
}

// decompressed is a frame's body as it was; valid until the next.
func (k *connection) decompressed(h wire.Header, body []byte) ([]byte, error) {
	if h.Flags&wire.Compressed == 0 {
		return body, nil
	}
	if k.welcome.GetCompression() == "" {
		return nil, violation("it compresses, and that was not agreed on")
	}
	var err error
	if k.unpacked, err = wire.Unpack(k.unpacked[:0], body, wire.Limits{MaxBody: maxBody}); err != nil {
		return nil, violation("%v", err)
	}
	return k.unpacked, nil
}
