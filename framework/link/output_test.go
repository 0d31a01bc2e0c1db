package link

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// kernel is a connection below an output that has no writer goroutine, as when that was woken and does not come to run.
type kernel struct {
	net.Conn
	taken bytes.Buffer
	room  int // what try takes; negative: everything
}

func (k *kernel) try(b []byte) (int, error) {
	n := len(b)
	if k.room >= 0 {
		n = min(n, k.room)
		k.room -= n
	}
	k.taken.Write(b[:n])
	return n, nil
}

func (k *kernel) Write(b []byte) (int, error)      { return k.taken.Write(b) }
func (k *kernel) SetWriteDeadline(time.Time) error { return nil }

func newKernel() (*kernel, *output) {
	k, o := &kernel{room: -1}, &output{}
	o.init(k, time.Second)
	o.try = k.try
	o.uncork()
	return k, o
}

const testFrame = 100

// enqueue appends the n-th frame as Conn.Write does.
func enqueue(t *testing.T, o *output, n uint32, u urgency) {
	t.Helper()
	claimed, err := o.append(func(b []byte) []byte {
		return append(binary.BigEndian.AppendUint32(b, n), make([]byte, testFrame-4)...)
	}, 1<<20, 8<<20, u)
	if err != nil {
		t.Fatal(err)
	}
	if claimed {
		o.flushClaimed()
	}
}

// inOrder reads frames from the beginning and returns how many there are.
func inOrder(t *testing.T, b []byte) (n uint32) {
	t.Helper()
	s := splitter{max: 1 << 20}
	for r := bytes.NewReader(b); ; {
		got, err := r.Read(s.space())
		if err == io.EOF {
			return n
		}
		s.filled(got)
		for {
			frame, ok, err := s.next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if got := binary.BigEndian.Uint32(frame); got != n {
				t.Fatalf("frame %d is %d", n, got)
			}
			n++
		}
	}
}

// A sender that never pauses carries what has gathered when the writer does not come; nothing grows, and nothing overtakes.
func TestSenderCarriesWhenTheWriterDoesNotCome(t *testing.T) {
	t.Parallel()
	k, o := newKernel()
	const frames = 10 * carryAt / testFrame
	for n := range uint32(frames) {
		enqueue(t, o, n, soon)
		if waiting := o.queued(); waiting > carryAt {
			t.Fatalf("%d bytes wait after %d frames", waiting, n)
		}
	}
	if cap(o.pending) > 4*carryAt || cap(o.spare) > 4*carryAt {
		t.Errorf("buffers grew to %d and %d", cap(o.pending), cap(o.spare))
	}
	o.carry(&pulse{})
	if n := inOrder(t, k.taken.Bytes()); n != frames {
		t.Errorf("%d frames left, want %d", n, frames)
	}
}

// What the kernel did not take is left to the writer, and comes before what is sent later, however much that is.
func TestSenderLeavesTheRestToTheWriter(t *testing.T) {
	t.Parallel()
	k, o := newKernel()
	k.room = carryAt / 2
	const frames = 4 * carryAt / testFrame
	for n := range uint32(frames) {
		enqueue(t, o, n, soon)
		if n == frames/2 {
			k.room = -1 // there is room again, but the rest comes first
		}
	}
	if got := k.taken.Len(); got != carryAt/2 {
		t.Errorf("%d bytes left before the rest did", got-carryAt/2)
	}
	o.carry(&pulse{})
	if n := inOrder(t, k.taken.Bytes()); n != frames {
		t.Errorf("%d frames left, want %d", n, frames)
	}
}
