package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"loumiao/framework/fault"
)

// cut delivers stream to a splitter in pieces of the given sizes, over and over, and returns the frames that come out. Each chunk is overwritten
// after use, as a reader's buffer is.
func cut(stream []byte, sizes []int, limits Limits) (frames [][]byte, pending int, err error) {
	s := NewSplitter(limits)
	for i := 0; len(stream) > 0; i++ {
		n := len(stream)
		if len(sizes) > 0 {
			n = min(n, max(1, sizes[i%len(sizes)]))
		}
		chunk := bytes.Clone(stream[:n])
		stream = stream[n:]
		s.Feed(chunk)
		for {
			h, body, ok, err := s.Next()
			if err != nil {
				return frames, s.Pending(), err
			}
			if !ok {
				break
			}
			frames = append(frames, Append(nil, h, body))
		}
		for j := range chunk {
			chunk[j] = 0xee
		}
	}
	return frames, s.Pending(), nil
}

func TestSplitterFindsFramesHoweverTheyArrive(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var want [][]byte
	for i := range 200 {
		size := rng.IntN(40)
		if i%20 == 0 {
			size = rng.IntN(3000)
		}
		body := make([]byte, size)
		for j := range body {
			body[j] = byte(rng.Uint32())
		}
		frame := Append(nil, Header{Kind: Request, Stream: 1, Message: uint16(i + 1), Call: uint32(i)}, body)
		want = append(want, frame)
		stream = append(stream, frame...)
	}
	for _, sizes := range [][]int{nil, {1}, {2}, {15}, {16}, {17}, {3, 500, 1, 4096}, {100}} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			t.Parallel()
			got, pending, err := cut(stream, sizes, Limits{MaxBody: 4096})
			if err != nil || pending != 0 || len(got) != len(want) {
				t.Fatalf("%d frames, %d bytes left over, %v; want %d frames", len(got), pending, err, len(want))
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("frame %d is %x, want %x", i, got[i], want[i])
				}
			}
		})
	}
}

func TestSplitterRefusesALargeFrameBeforeItHasArrived(t *testing.T) {
	t.Parallel()
	header := AppendHeader(nil, Header{Kind: Send, Stream: 1, Message: 1, Size: 4097})
	for name, sizes := range map[string][]int{"at once": nil, "byte by byte": {1}} {
		_, _, err := cut(header, sizes, Limits{MaxBody: 4096})
		if fault.CodeOf(err) != fault.TooLarge {
			t.Errorf("%s: %v, want too_large", name, err)
		}
	}
}

func TestSplitterHoldsOnlyWhatHasArrived(t *testing.T) {
	t.Parallel()
	s := NewSplitter(Limits{MaxBody: 1 << 20})
	s.Feed(AppendHeader(nil, Header{Kind: Send, Stream: 1, Message: 1, Size: 1 << 20}))
	if _, _, ok, err := s.Next(); ok || err != nil {
		t.Fatal(ok, err)
	}
	if s.Pending() != HeaderSize || cap(s.buf) > 64 {
		t.Errorf("a header that claims a megabyte takes %d bytes, %d of them used", cap(s.buf), s.Pending())
	}
}

func TestSplitterStaysBroken(t *testing.T) {
	t.Parallel()
	s := NewSplitter(Limits{})
	s.Feed(make([]byte, HeaderSize))
	_, _, _, first := s.Next()
	s.Feed(Append(nil, Header{Kind: Ping}, nil))
	_, _, ok, second := s.Next()
	if first == nil || ok || second != first {
		t.Errorf("first %v, then %v %v", first, ok, second)
	}
}

func FuzzSplitter(f *testing.F) {
	two := Append(nil, Header{Kind: Ping}, nil)
	two = Append(two, Header{Kind: Send, Stream: 1, Message: 7}, bytes.Repeat([]byte("x"), 60))
	f.Add(two, []byte{1})
	f.Add(two, []byte{20, 3})
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), []byte{5})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		pieces := make([]int, len(sizes))
		for i, n := range sizes {
			pieces[i] = int(n)
		}
		limits := Limits{MaxBody: 256}
		whole, restWhole, errWhole := cut(stream, nil, limits)
		split, restSplit, errSplit := cut(stream, pieces, limits)
		if len(whole) != len(split) || fmt.Sprint(errWhole) != fmt.Sprint(errSplit) {
			t.Fatalf("whole: %d frames and %v; split: %d frames and %v", len(whole), errWhole, len(split), errSplit)
		}
		total := 0
		for i := range whole {
			if !bytes.Equal(whole[i], split[i]) {
				t.Fatalf("frame %d differs: %x and %x", i, whole[i], split[i])
			}
			total += len(whole[i])
		}
		if errWhole == nil && (total+restWhole != len(stream) || restWhole != restSplit) {
			t.Fatalf("%d bytes in frames, %d and %d left over, of %d", total, restWhole, restSplit, len(stream))
		}
	})
}

func BenchmarkSplitter(b *testing.B) {
	var chunk []byte
	for range 32 {
		chunk = Append(chunk, Header{Kind: Send, Stream: 1, Message: 1}, make([]byte, 64))
	}
	for name, size := range map[string]int{"whole": len(chunk), "cut": 1000} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			s := NewSplitter(Limits{MaxBody: 1 << 14})
			frames := 0
			for b.Loop() {
				for rest := chunk; len(rest) > 0; {
					n := min(size, len(rest))
					s.Feed(rest[:n])
					rest = rest[n:]
					for {
						_, _, ok, err := s.Next()
						if err != nil {
							b.Fatal(err)
						}
						if !ok {
							break
						}
						frames++
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
		})
	}
}
