package link

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// split gives stream to a splitter in chunks of random size, and returns the frames that came out.
func split(stream []byte, maxFrame int, rng *rand.Rand) (frames [][]byte, err error) {
	s := splitter{max: maxFrame}
	for len(stream) > 0 {
		space := s.space()
		n := copy(space[:min(len(space), 1+rng.IntN(100))], stream)
		stream = stream[n:]
		s.filled(n)
		for {
			frame, ok, err := s.next()
			if err != nil {
				return frames, err
			}
			if !ok {
				break
			}
			frames = append(frames, bytes.Clone(frame))
		}
	}
	return frames, nil
}

// oracle is split the simple way.
func oracle(stream []byte, maxFrame int) (frames [][]byte, tooLarge bool) {
	for len(stream) >= sizeLen {
		size := binary.BigEndian.Uint32(stream)
		if uint64(size) > uint64(maxFrame) {
			return frames, true
		}
		if len(stream) < sizeLen+int(size) {
			break
		}
		frames = append(frames, stream[sizeLen:sizeLen+int(size)])
		stream = stream[sizeLen+int(size):]
	}
	return frames, false
}

func FuzzSplitter(f *testing.F) {
	frame := func(n int) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(n)), make([]byte, n)...)
	}
	f.Add(frame(0), uint64(1))
	f.Add(append(frame(3), frame(5)...), uint64(2))
	f.Add(bytes.Repeat(frame(200), 500), uint64(3))
	f.Add([]byte{255, 255, 255, 255, 1}, uint64(4))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		const limit = 1000
		got, err := split(stream, limit, rand.New(rand.NewPCG(seed, 0)))
		want, tooLarge := oracle(stream, limit)
		if tooLarge != (fault.CodeOf(err) == fault.TooLarge) || len(got) != len(want) {
			t.Fatalf("%d frames, %v; want %d, too large: %v", len(got), err, len(want), tooLarge)
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("frame %d is %x, want %x", i, got[i], want[i])
			}
		}
	})
}

// A size is a promise only: memory is taken for what has arrived.
func TestSplitterTakesNoMemoryForPromises(t *testing.T) {
	t.Parallel()
	s := splitter{max: 1 << 30}
	n := copy(s.space(), []byte{0x3f, 0xff, 0xff, 0xff, 1, 2, 3})
	s.filled(n)
	if _, ok, err := s.next(); ok || err != nil {
		t.Fatal(ok, err)
	}
	if got := len(s.space()) + n; got > readBuffer {
		t.Errorf("%d bytes taken for %d that arrived", got, n)
	}
}

// A buffer that one large frame has grown is let go.
func TestSplitterShrinks(t *testing.T) {
	t.Parallel()
	s := splitter{max: 4 << 20}
	stream := append(binary.BigEndian.AppendUint32(nil, 4<<20), make([]byte, 4<<20)...)
	for len(stream) > 0 {
		n := copy(s.space(), stream)
		stream = stream[n:]
		s.filled(n)
	}
	if f, ok, _ := s.next(); !ok || len(f) != 4<<20 {
		t.Fatalf("frame of %d bytes, %v", len(f), ok)
	}
	if s.space(); len(s.buf) != readBuffer {
		t.Errorf("the buffer stays at %d bytes", len(s.buf))
	}
}

func FuzzHello(f *testing.F) {
	f.Add(newHello(RPC, Peer{Node: 1, Boot: 2, Type: "world"}).append(nil))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHello(b)
		if err != nil {
			return
		}
		if again, err := parseHello(h.append(nil)); err != nil || again != h {
			t.Errorf("%+v became %+v, %v", h, again, err)
		}
		if h.peer.Node == id.Node(0) {
			t.Error("node 0 was accepted")
		}
	})
}
