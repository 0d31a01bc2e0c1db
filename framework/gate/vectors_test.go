package gate_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A vector is one frame of testdata/vectors.json or compressed.json, which authors of clients test against.
type vector struct {
	Name    string `json:"name"`
	Hex     string `json:"hex"` // the frame as it is on a TCP connection and in a WebSocket message
	Invalid string `json:"invalid,omitempty"`

	Kind     string          `json:"kind,omitempty"`
	Flags    uint8           `json:"flags,omitempty"`
	Stream   uint8           `json:"stream,omitempty"`
	Message  uint16          `json:"message,omitempty"`
	Call     uint32          `json:"call,omitempty"`
	Sequence uint32          `json:"sequence,omitempty"`
	Body     json.RawMessage `json:"body,omitempty"` // what a control frame's body says, in JSON; null: it has none
	BodyHex  string          `json:"body_hex,omitempty"`

	UnpackedHex string `json:"unpacked_hex,omitempty"` // the body as it was before it was compressed
}

// A vectorFile is vectors that stand in a file and in a table of PROTOCOL.md.
type vectorFile struct {
	path, begin, end string
	vectors          []vector
}

func vectorFiles() []vectorFile {
	return []vectorFile{
		{"testdata/vectors.json", "<!-- vectors -->\n", "<!-- end of vectors -->", vectors()},
		{"testdata/compressed.json", "<!-- compressed vectors -->\n", "<!-- end of compressed vectors -->", compressedVectors()},
	}
}

func valid(name string, h wire.Header, m proto.Message, raw []byte) vector {
	v := vector{
		Name: name, Kind: h.Kind.String(), Flags: uint8(h.Flags), Stream: h.Stream, Message: h.Message, Call: h.Call, Sequence: h.Sequence,
	}
	body := raw
	if m != nil {
		text, err := wire.MarshalJSON(nil, m)
		if err != nil {
			panic(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			panic(err)
		}
		v.Body = compact.Bytes()
		if h.Flags&wire.JSON != 0 {
			body = v.Body
		} else if body, err = (proto.MarshalOptions{Deterministic: true}).Marshal(m); err != nil {
			panic(err)
		}
	}
	v.Hex = hex.EncodeToString(wire.Append(nil, h, body))
	v.BodyHex = hex.EncodeToString(body)
	return v
}

func invalid(name string, code fault.Code, frame []byte) vector {
	return vector{Name: name, Hex: hex.EncodeToString(frame), Invalid: code.String()}
}

func vectors() []vector {
	ping := wire.Append(nil, wire.Header{Kind: wire.Ping}, nil)
	with := func(at int, b ...byte) []byte {
		out := bytes.Clone(ping)
		copy(out[at:], b)
		return out
	}
	return []vector{
		valid("hello, anonymous", wire.Header{Kind: wire.Hello}, &wirepb.Hello{Protocol: 1, Client: "1.2.3"}, nil),
		valid("hello, with a token", wire.Header{Kind: wire.Hello}, &wirepb.Hello{Protocol: 1, Client: "1.2.3", Token: "abc"}, nil),
		valid("hello, for a JSON session", wire.Header{Kind: wire.Hello, Flags: wire.JSON}, &wirepb.Hello{Protocol: 1, Client: "1.2.3", Token: "abc"}, nil),
		valid("hello, to resume", wire.Header{Kind: wire.Hello}, &wirepb.Hello{
			Protocol: 1, Client: "1.2.3", Token: "abc", Resume: []byte{1, 2, 3, 4}, Received: []*wirepb.Mark{{Stream: 1, Sequence: 300}, {Stream: 2, Sequence: 1, Resets: 2}},
		}, nil),
		valid("welcome", wire.Header{Kind: wire.Welcome}, &wirepb.Welcome{
			Protocol: 1, Session: 9007199254740993, HeartbeatMs: 15000, MaxBody: 16384, ServerTimeMs: 1767225600000,
			Streams: []*wirepb.Stream{{Number: 1, Type: "world"}, {Number: 2, Type: "zone"}},
		}, nil),
		valid("welcome, to a session that goes on", wire.Header{Kind: wire.Welcome}, &wirepb.Welcome{
			Protocol: 1, Session: 9007199254740993, Resume: []byte{1, 2, 3, 4}, HeartbeatMs: 15000, MaxBody: 16384, GraceMs: 60000, ServerTimeMs: 1767225600000,
			Streams: []*wirepb.Stream{{Number: 1, Type: "world"}, {Number: 2, Type: "zone"}}, Received: []*wirepb.Mark{{Stream: 1, Sequence: 7}},
		}, nil),
		valid("leave", wire.Header{Kind: wire.Leave}, nil, nil),
		valid("ping", wire.Header{Kind: wire.Ping, Call: 7}, nil, nil),
		valid("ping, with a body", wire.Header{Kind: wire.Ping, Call: 8}, nil, []byte("12:00")),
		valid("pong", wire.Header{Kind: wire.Pong, Call: 8}, nil, []byte("12:00")),
		valid("ack", wire.Header{Kind: wire.Ack}, &wirepb.Ack{Received: []*wirepb.Mark{{Stream: 1, Sequence: 64}, {Stream: 2, Sequence: 3}}}, nil),
		valid("kick: replaced", wire.Header{Kind: wire.Kick}, &wirepb.Error{Code: uint32(fault.Replaced), Message: "the player has come in again"}, nil),
		valid("reset", wire.Header{Kind: wire.Reset}, &wirepb.Reset{Stream: 2, Reason: "the node is gone"}, nil),
		valid("request", wire.Header{Kind: wire.Request, Stream: 1, Message: 3101, Call: 1, Sequence: 1}, nil, []byte{0x0a, 4, 's', 'o', 'l', 'o'}),
		valid("send", wire.Header{Kind: wire.Send, Stream: 2, Message: 4003, Sequence: 2}, nil, []byte{8, 5}),
		valid("reply", wire.Header{Kind: wire.Reply, Stream: 1, Message: 3102, Call: 1, Sequence: 1}, nil, []byte{8, 42}),
		valid("error: not found", wire.Header{Kind: wire.Error, Stream: 1, Call: 2, Sequence: 2}, &wirepb.Error{Code: uint32(fault.NotFound), Message: "no such mail"}, nil),
		valid("push, reliable", wire.Header{Kind: wire.Push, Stream: 1, Message: 3105, Sequence: 3}, nil, []byte{8, 1}),
		valid("push, droppable", wire.Header{Kind: wire.Push, Stream: 2, Message: 4005}, nil, []byte{8, 1}),
		valid("an empty body", wire.Header{Kind: wire.Request, Stream: 1, Message: 65535, Call: 4294967295, Sequence: 4294967295}, nil, nil),
		invalid("size below the header", fault.Invalid, with(0, 0, 0, 0, 11)),
		invalid("size of four gigabytes", fault.TooLarge, with(0, 255, 255, 255, 255)),
		invalid("kind 0", fault.Invalid, with(4, 0)),
		invalid("kind 9", fault.Invalid, with(4, 9)),
		invalid("the reserved flag", fault.Invalid, with(4, 0x83)),
		invalid("compressed", fault.Invalid, with(4, 0x43)),
		invalid("JSON after the hello", fault.Invalid, with(4, 0x23)),
		invalid("a message number in a control frame", fault.Invalid, with(6, 0, 1)),
		invalid("a request without a message number", fault.Invalid, with(4, 17)),
	}
}

// compressedVectors are those for clients that compress. The compressed bytes are zlib's; another library may write others for the same body.
func compressedVectors() []vector {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			panic(err)
		}
		return b
	}
	// A field of 64 letters a, in a block with fixed codes, and the same bytes again as they come.
	long := append([]byte{0x0a, 64}, bytes.Repeat([]byte("a"), 64)...)
	packed := unhex("00000042" + "e37248a4100000")
	short := unhex("0a026869")
	stored := unhex("00000004" + "010400fbff" + "0a026869")
	request := wire.Header{Kind: wire.Request, Flags: wire.Compressed, Stream: 1, Message: 3101, Call: 1, Sequence: 1}
	push := wire.Header{Kind: wire.Push, Flags: wire.Compressed, Stream: 2, Message: 4005}
	unpacked := func(v vector, body []byte) vector {
		v.UnpackedHex = hex.EncodeToString(body)
		return v
	}
	frame := func(body string) []byte { return wire.Append(nil, push, unhex(body)) }
	return []vector{
		valid("hello, of a client that can deflate", wire.Header{Kind: wire.Hello}, &wirepb.Hello{
			Protocol: 1, Client: "1.2.3", Token: "abc", Compressions: []string{wire.Deflate},
		}, nil),
		valid("welcome, to a session with compression", wire.Header{Kind: wire.Welcome}, &wirepb.Welcome{
			Protocol: 1, Session: 9007199254740993, HeartbeatMs: 15000, MaxBody: 16384, ServerTimeMs: 1767225600000,
			Streams: []*wirepb.Stream{{Number: 1, Type: "world"}}, Compression: wire.Deflate, CompressFrom: 1024,
		}, nil),
		unpacked(valid("request, compressed", request, nil, packed), long),
		unpacked(valid("push, compressed", push, nil, packed), long),
		unpacked(valid("push, compressed to more than it was", push, nil, stored), short),
		invalid("a compressed error", fault.Invalid, wire.Append(nil, wire.Header{Kind: wire.Error, Flags: wire.Compressed, Stream: 1, Call: 2}, packed)),
		invalid("a body shorter than its size", fault.Invalid, frame("000042")),
		invalid("a body longer than it says", fault.Invalid, frame("00000041"+"e37248a4100000")),
		invalid("a body shorter than it says", fault.Invalid, frame("00000043"+"e37248a4100000")),
		invalid("a body that ends too soon", fault.Invalid, frame("00000042"+"e37248a410")),
		invalid("a body with something behind its end", fault.Invalid, frame("00000042"+"e37248a410000000")),
		invalid("a body that says it was over the limit", fault.TooLarge, frame("00100001"+"e37248a4100000")),
	}
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, f := range vectorFiles() {
		t.Run(f.path, func(t *testing.T) {
			t.Parallel()
			checkVectors(t, f.path, f.vectors)
		})
	}
}

// unpack is the body as it was, within the limit of clients.
func unpack(h wire.Header, body []byte) ([]byte, error) {
	if h.Flags&wire.Compressed == 0 {
		return nil, nil
	}
	return wire.Unpack(nil, body, wire.Limits{MaxBody: 1 << 20})
}

func checkVectors(t *testing.T, path string, all []vector) {
	want, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: run go test -update", path)
	}
	var read []vector
	if err := json.Unmarshal(got, &read); err != nil {
		t.Fatal(err)
	}
	for _, v := range read {
		frame, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		h, body, err := wire.ParseFrame(frame, wire.Limits{})
		var plain []byte
		if err == nil {
			plain, err = unpack(h, body)
		}
		switch {
		case v.Invalid != "":
			if err == nil || fault.CodeOf(err).String() != v.Invalid {
				t.Errorf("%s: %v, want %s", v.Name, err, v.Invalid)
			}
		case err != nil:
			t.Errorf("%s: %v", v.Name, err)
		case h.Kind.String() != v.Kind || uint8(h.Flags) != v.Flags || h.Stream != v.Stream || h.Message != v.Message || h.Call != v.Call ||
			h.Sequence != v.Sequence || hex.EncodeToString(body) != v.BodyHex || hex.EncodeToString(plain) != v.UnpackedHex:
			t.Errorf("%s: read %+v with body %x", v.Name, h, body)
		}
	}
}

func TestProtocolPageHasTheVectors(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(page), "\r\n", "\n")
	want := text
	for _, f := range vectorFiles() {
		head, rest, ok := strings.Cut(want, f.begin)
		_, tail, ok2 := strings.Cut(rest, f.end)
		if !ok || !ok2 {
			t.Fatalf("PROTOCOL.md has no place for %s", f.path)
		}
		var table strings.Builder
		table.WriteString("| frame | hex |\n|---|---|\n")
		for _, v := range f.vectors {
			name := v.Name
			if v.Invalid != "" {
				name += " → " + v.Invalid
			}
			fmt.Fprintf(&table, "| %s | `%s` |\n", name, v.Hex)
		}
		want = head + f.begin + table.String() + f.end + tail
	}
	if *update {
		if err := os.WriteFile("PROTOCOL.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		text = want
	}
	if text != want {
		t.Error("the vectors in PROTOCOL.md are out of date: run go test -update")
	}
	for code := fault.OK + 1; code <= fault.Slow; code++ {
		if row := fmt.Sprintf("| %d | %s |", code, code); !strings.Contains(text, row) {
			t.Errorf("PROTOCOL.md does not explain code %d, %s", code, code)
		}
	}
}
