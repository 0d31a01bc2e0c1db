package wire

import (
	"bytes"
	"encoding/hex"
	"testing"

	"loumiao/framework/fault"
)

func TestAppendWritesTheDocumentedBytes(t *testing.T) {
	t.Parallel()
	h := Header{Kind: Request, Stream: 2, Message: 3101, Call: 7, Sequence: 9}
	got := hex.EncodeToString(Append(nil, h, []byte("\x0a\x02hi")))
	want := "00000010" + "11" + "02" + "0c1d" + "00000007" + "00000009" + "0a026869"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestParseHeaderReadsWhatAppendWrites(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]Header{
		"hello":         {Kind: Hello},
		"hello in json": {Kind: Hello, Flags: JSON},
		"ping":          {Kind: Ping, Call: 1<<32 - 1},
		"request":       {Kind: Request, Stream: 255, Message: 65535, Call: 1, Sequence: 1<<32 - 1},
		"error":         {Kind: Error, Stream: 1, Call: 5, Sequence: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := []byte("body")
			frame := Append([]byte("before"), h, body)[len("before"):]
			got, gotBody, err := ParseFrame(frame, Limits{})
			h.Size = len(body)
			if err != nil || got != h || !bytes.Equal(gotBody, body) {
				t.Errorf("got %+v %q %v, want %+v %q", got, gotBody, err, h, body)
			}
		})
	}
}

func TestParseFrameRefuses(t *testing.T) {
	t.Parallel()
	good := Append(nil, Header{Kind: Send, Stream: 1, Message: 1}, []byte("1234"))
	with := func(at int, b ...byte) []byte {
		out := bytes.Clone(good)
		copy(out[at:], b)
		return out
	}
	for name, test := range map[string]struct {
		frame []byte
		code  fault.Code
	}{
		"nothing":               {nil, fault.Invalid},
		"half a header":         {good[:10], fault.Invalid},
		"a body cut short":      {good[:18], fault.Invalid},
		"bytes after the frame": {append(bytes.Clone(good), 0), fault.Invalid},
		"size below the header": {with(0, 0, 0, 0, 11), fault.Invalid},
		"size over the limit":   {with(0, 0, 0, 0, 12+9), fault.TooLarge},
		"size of four gigabyte": {with(0, 255, 255, 255, 255), fault.TooLarge},
		"kind 0":                {with(4, 0), fault.Invalid},
		"kind 8":                {with(4, 8), fault.Invalid},
		"kind 31":               {with(4, 31), fault.Invalid},
		"the reserved flag":     {with(4, byte(Send)|0x80), fault.Invalid},
		"a compressed error":    {with(4, byte(Error)|byte(Compressed), 0, 0, 0), fault.Invalid},
		"json after the hello":  {with(4, byte(Send)|byte(JSON)), fault.Invalid},
		"send without message":  {with(6, 0, 0), fault.Invalid},
		"ping with message":     {with(4, byte(Ping)), fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if h, _, err := ParseFrame(test.frame, Limits{MaxBody: 8}); fault.CodeOf(err) != test.code {
				t.Errorf("got %+v and %v, want an error that is %s", h, err, test.code)
			}
		})
	}
}

func TestKindsHaveADirectionAndAName(t *testing.T) {
	t.Parallel()
	fromClient := 0
	for k := range Kind(255) {
		if !k.Known() {
			if k.FromClient() || k.Carries() {
				t.Errorf("%s is unknown and yet allowed", k)
			}
			continue
		}
		if k.FromClient() {
			fromClient++
		}
	}
	if fromClient != 6 {
		t.Errorf("clients send %d kinds, want 6", fromClient)
	}
	if Push.String() != "push" || Kind(30).String() != "kind_30" {
		t.Errorf("names: %s, %s", Push, Kind(30))
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add(Append(nil, Header{Kind: Request, Stream: 1, Message: 1, Call: 2, Sequence: 3}, []byte("body")))
	f.Add(Append(nil, Header{Kind: Hello, Flags: JSON}, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, body, err := ParseFrame(b, Limits{MaxBody: 1024})
		if err != nil {
			if c := fault.CodeOf(err); c != fault.Invalid && c != fault.TooLarge {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		if len(body) > 1024 {
			t.Fatalf("a body of %d bytes passed a limit of 1024", len(body))
		}
		if again := Append(nil, h, body); !bytes.Equal(again, b) {
			t.Fatalf("read %x, which is written %x", b, again)
		}
	})
}

func BenchmarkHeader(b *testing.B) {
	b.ReportAllocs()
	body := make([]byte, 64)
	buf := make([]byte, 0, 128)
	for b.Loop() {
		buf = Append(buf[:0], Header{Kind: Send, Stream: 1, Message: 9}, body)
		if _, _, err := ParseFrame(buf, Limits{MaxBody: 1 << 14}); err != nil {
			b.Fatal(err)
		}
	}
}
