package proxy

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"testing"
	"testing/iotest"
)

// header is a PROXY header with the given version and command, family, and what follows.
func header(version, family byte, rest ...byte) []byte {
	b := append([]byte(signature), version, family)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(rest))), rest...)
}

var (
	four = []byte{203, 0, 113, 9, 10, 0, 0, 1, 0x1f, 0x90, 0x1b, 0x59}
	six  = slices.Concat(netip.MustParseAddr("2001:db8::9").AsSlice(), make([]byte, 16), []byte{0x1f, 0x90, 0x1b, 0x59})
	// A unique id (type 5) of 3 bytes, and padding (type 4) of none.
	extra = []byte{5, 0, 3, 'a', 'b', 'c', 4, 0, 0}
)

func TestRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header []byte
		want   string // "": no address
	}{
		"over IPv4":                {header(0x21, 0x11, four...), "203.0.113.9:8080"},
		"over IPv6":                {header(0x21, 0x21, six...), "[2001:db8::9]:8080"},
		"with more":                {header(0x21, 0x11, slices.Concat(four, extra)...), "203.0.113.9:8080"},
		"IPv4 written as IPv6":     {header(0x21, 0x21, slices.Concat(netip.MustParseAddr("::ffff:203.0.113.9").AsSlice(), six[16:])...), "203.0.113.9:8080"},
		"the balancer's own":       {header(0x20, 0x00), ""},
		"its own, with an address": {header(0x20, 0x11, four...), ""},
		"its own, with junk":       {header(0x20, 0x11, 1, 2), ""},
		"of an unknown kind":       {header(0x21, 0x00, 1, 2, 3), ""},
		"as long as may be":        {header(0x21, 0x11, slices.Concat(four, []byte{4, 3, 0xf1}, make([]byte, maxSize-15))...), "203.0.113.9:8080"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, reader := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
				rest := bytes.NewReader(append(bytes.Clone(test.header), "frames"...))
				got, err := Read(reader(rest))
				if err != nil {
					t.Fatal(err)
				}
				if got.IsValid() != (test.want != "") || got.IsValid() && got.String() != test.want {
					t.Errorf("the client is at %v, want %q", got, test.want)
				}
				if left, _ := io.ReadAll(rest); string(left) != "frames" {
					t.Errorf("%q is left of what follows", left)
				}
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"nothing":                     nil,
		"version 1":                   []byte("PROXY TCP4 203.0.113.9 10.0.0.1 8080 7001\r\n"),
		"frames":                      make([]byte, 64),
		"a signature that is not one": append([]byte("\r\n\r\n\x00\r\nQUIT\r"), header(0x21, 0x11, four...)[12:]...),
		"another version":             header(0x31, 0x11, four...),
		"another command":             header(0x22, 0x11, four...),
		"UDP":                         header(0x21, 0x12, four...),
		"a Unix socket":               header(0x21, 0x31, make([]byte, 216)...),
		"addresses cut short":         header(0x21, 0x11, four[:11]...),
		"IPv6 with IPv4's length":     header(0x21, 0x21, four...),
		"more that is cut short":      header(0x21, 0x11, slices.Concat(four, extra[:5])...),
		"more that is no list":        header(0x21, 0x11, slices.Concat(four, []byte{1, 2})...),
		"too long":                    header(0x21, 0x11, slices.Concat(four, []byte{4, 3, 0xf2}, make([]byte, maxSize-14))...),
		"an end in between":           header(0x21, 0x11, four...)[:20],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := Read(bytes.NewReader(b)); err == nil || got.IsValid() {
				t.Errorf("read %v and %v", got, err)
			}
		})
	}
}

// FuzzRead checks that a header is read to its end and no further, however it arrives, and that what is accepted is what was meant.
func FuzzRead(f *testing.F) {
	for _, b := range [][]byte{
		header(0x21, 0x11, four...), header(0x21, 0x21, six...), header(0x20, 0x00), header(0x21, 0x11, slices.Concat(four, extra)...),
		header(0x21, 0x00, 1), header(0x21, 0x12, four...), []byte("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, split := bytes.NewReader(b), bytes.NewReader(b)
		got, err := Read(whole)
		again, err2 := Read(iotest.OneByteReader(split))
		if got != again || (err == nil) != (err2 == nil) || whole.Len() != split.Len() {
			t.Fatalf("whole: %v %v, %d left; byte by byte: %v %v, %d left", got, err, whole.Len(), again, err2, split.Len())
		}
		if used := len(b) - whole.Len(); used > fixedSize+maxSize {
			t.Fatalf("%d bytes were read", used)
		}
		if err != nil {
			if got.IsValid() {
				t.Fatalf("%v and %v", got, err)
			}
			return
		}
		size := int(binary.BigEndian.Uint16(b[14:]))
		if used := len(b) - whole.Len(); used != fixedSize+size {
			t.Fatalf("%d bytes were read of a header of %d", used, fixedSize+size)
		}
		if !got.IsValid() {
			return
		}
		family, addresses := byte(familyTCP4), b[16:20]
		if got.Addr().Is6() || b[13] == familyTCP6 {
			family, addresses = familyTCP6, b[16:32]
		}
		ip, _ := netip.AddrFromSlice(addresses)
		if b[12] != versionProxy || b[13] != family || got.Addr() != ip.Unmap() {
			t.Fatalf("%x was read as %v", b, got)
		}
	})
}
