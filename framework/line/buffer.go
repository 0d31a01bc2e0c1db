package line

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
)

// keepBuffer is the largest buffer that is kept for reuse, in bytes.
const keepBuffer = 64 << 10

// A buffer is where a body is encoded before it goes to a line: outside of the line's lock, under which others wait.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func getBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) put() {
	if cap(b.b) <= keepBuffer {
		buffers.Put(b)
	}
}

// marshal replaces the contents with m's.
func (b *buffer) marshal(m proto.Message, limit int) error {
	body, err := wire.MarshalAppend(b.b[:0], m)
	b.b = body
	if err != nil {
		return err
	}
	if len(body) > limit {
		return fault.Errorf(fault.TooLarge, "a %s of %d bytes, the limit is %d", m.ProtoReflect().Descriptor().Name(), len(body), limit)
	}
	return nil
}
