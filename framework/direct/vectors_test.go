package direct

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"loumiao/framework/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A vector is one record of testdata/vectors.json, which authors of clients test against.
type vector struct {
	Name   string `json:"name"`
	Key    string `json:"key"`
	Number uint64 `json:"number"`
	Frame  string `json:"frame"`  // as it is sealed
	Record string `json:"record"` // as it is on the line
}

func vectors() (all []vector) {
	key := func(first byte) (k [KeySize]byte) {
		for i := range k {
			k[i] = first + byte(i)
		}
		return k
	}
	for _, way := range []struct {
		name  string
		key   [KeySize]byte
		names []string
		frame [][]byte
	}{
		{"up", key(0x00), []string{"ping, which opens the line", "send", "send, the same again"}, [][]byte{
			wire.Append(nil, wire.Header{Kind: wire.Ping, Call: 1}, nil),
			wire.Append(nil, wire.Header{Kind: wire.Send, Message: 4003}, []byte{0x08, 0x05, 0x10, 0x64, 0x18, 0x01}),
			wire.Append(nil, wire.Header{Kind: wire.Send, Message: 4003}, []byte{0x08, 0x05, 0x10, 0x64, 0x18, 0x01}),
		}},
		{"down", key(0x80), []string{"pong, which says that it is open", "push"}, [][]byte{
			wire.Append(nil, wire.Header{Kind: wire.Pong, Call: 1}, nil),
			wire.Append(nil, wire.Header{Kind: wire.Push, Message: 4005}, []byte{0x08, 0x05, 0x10, 0x02}),
		}},
	} {
		s := newSealer(way.key)
		for i, frame := range way.frame {
			number := s.next
			record := s.seal(nil, frame)
			all = append(all, vector{way.name + ": " + way.names[i], hex.EncodeToString(way.key[:]), number, hex.EncodeToString(frame), hex.EncodeToString(record)})
		}
	}
	return all
}

// TestVectors holds the records against those that were published, and those against PROTOCOL.md.
func TestVectors(t *testing.T) {
	t.Parallel()
	const path, protocol = "testdata/vectors.json", "../gate/PROTOCOL.md"
	const begin, end = "<!-- direct vectors -->\n", "<!-- end of direct vectors -->"
	text, err := os.ReadFile(protocol)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| record | number | frame | on the line |\n|---|---|---|---|\n")
	for _, v := range vectors() {
		fmt.Fprintf(&table, "| %s | %d | `%s` | `%s` |\n", v.Name, v.Number, v.Frame, v.Record)
	}
	before, rest, found := strings.Cut(string(text), begin)
	old, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the vectors", protocol)
	}
	if *update {
		data, _ := json.MarshalIndent(vectors(), "", "  ")
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(protocol, []byte(before+begin+table.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table.String() {
		t.Error("the vectors in PROTOCOL.md are out of date: run go test -update")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var published []vector
	if err := json.Unmarshal(data, &published); err != nil {
		t.Fatal(err)
	}
	openers := map[string]*opener{}
	for i, want := range vectors() {
		if i >= len(published) || published[i] != want {
			t.Errorf("%s: it has changed, and clients rely on it", want.Name)
			continue
		}
		var key [KeySize]byte
		_, _ = hex.Decode(key[:], []byte(want.Key))
		if openers[want.Key] == nil {
			openers[want.Key] = newOpener(key, MaxFrame)
		}
		record, _ := hex.DecodeString(want.Record)
		frame, err := openers[want.Key].open(bytes.NewReader(record))
		if err != nil || hex.EncodeToString(frame) != want.Frame {
			t.Errorf("%s: read as %x, %v", want.Name, frame, err)
		}
	}
}
