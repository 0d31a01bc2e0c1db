package ws

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const limit = 1000

// parse delivers a stream in pieces and returns the frames that come out, printed.
func parse(stream []byte, sizes []byte) (frames []string, err error) {
	p := parser{max: limit}
	for i := 0; len(stream) > 0; i++ {
		n := len(stream)
		if len(sizes) > 0 {
			n = min(n, int(sizes[i%len(sizes)])+1)
		}
		p.chunk = bytes.Clone(stream[:n])
		stream = stream[n:]
		for {
			f, ok, err := p.next()
			if err != nil {
				return frames, err
			}
			if !ok {
				break
			}
			frames = append(frames, fmt.Sprintf("%d %t %x", f.op, f.fin, f.payload))
		}
	}
	return frames, nil
}

// reference reads a stream with the library's reader, as far as that is whole and a client may send it.
func reference(stream []byte) (frames []string) {
	r := bytes.NewReader(stream)
	for {
		at := len(stream) - r.Len()
		h, err := ws.ReadHeader(r)
		if err == nil && h.OpCode.IsControl() && stream[at+1]&0x7f > ws.MaxControlFramePayloadSize {
			return frames // the library minds only what the length says, and not that more bytes say it than a control frame has
		}
		if err != nil || ws.CheckHeader(h, ws.StateServerSide|ws.StateFragmented) != nil && ws.CheckHeader(h, ws.StateServerSide) != nil ||
			h.OpCode == ws.OpText || h.Length > limit || int64(r.Len()) < h.Length {
			return frames
		}
		payload := make([]byte, h.Length)
		_, _ = r.Read(payload)
		ws.Cipher(payload, h.Mask, 0)
		frames = append(frames, fmt.Sprintf("%d %t %x", h.OpCode, h.Fin, payload))
	}
}

func masked(f ws.Frame) []byte {
	return ws.MustCompileFrame(ws.MaskFrameWith(f, [4]byte{1, 2, 3, 4}))
}

func stream() (all []byte) {
	for _, size := range []int{0, 1, 125, 126, 127, 300, limit} {
		all = append(all, masked(ws.NewBinaryFrame(bytes.Repeat([]byte{byte(size)}, size)))...)
		all = append(all, masked(ws.NewPingFrame([]byte("ping")))...)
	}
	return all
}

func TestFramesAreFoundHoweverTheyArrive(t *testing.T) {
	t.Parallel()
	want := reference(stream())
	if len(want) != 14 {
		t.Fatalf("the reference finds %d frames, want 14", len(want))
	}
	for _, sizes := range [][]byte{nil, {0}, {1}, {4}, {13}, {100, 2}, {255}} {
		got, err := parse(stream(), sizes)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("in pieces of %v: %d frames, %v", sizes, len(got), err)
		}
	}
}

func TestAClaimTakesNoMemory(t *testing.T) {
	t.Parallel()
	p := parser{max: 1 << 20}
	p.chunk = []byte{0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0, 0, 1, 2, 3, 4, 5}
	if _, ok, err := p.next(); ok || err != nil {
		t.Fatal(ok, err)
	}
	if cap(p.buf) > 64 {
		t.Errorf("15 bytes take %d", cap(p.buf))
	}
}

func FuzzParser(f *testing.F) {
	f.Add(stream(), []byte{3})
	f.Add([]byte{0x82, 0xfe, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8}, []byte{0})
	f.Add([]byte("GET / HTTP/1.1"), []byte{})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		whole, errWhole := parse(stream, nil)
		split, errSplit := parse(stream, sizes)
		if fmt.Sprint(whole) != fmt.Sprint(split) || fmt.Sprint(errWhole) != fmt.Sprint(errSplit) {
			t.Fatalf("whole: %v %v\nsplit: %v %v", whole, errWhole, split, errSplit)
		}
		var p *protocolError
		if errWhole != nil && !errors.As(errWhole, &p) {
			t.Fatalf("an error without a status: %v", errWhole)
		}
		if want := reference(stream); fmt.Sprint(whole) != fmt.Sprint(want) {
			t.Fatalf("got  %v %v\nwant %v", whole, errWhole, want)
		}
	})
}
