package wire

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"loumiao/framework/fault"
)

// packed is a compressed body made by hand: what it says that it was, and deflated bytes.
func packed(says uint32, deflated []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, says), deflated...)
}

func deflated(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestPackAndUnpack(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for size := 1; size < 70_000; size = size*2 + 1 {
		noise, text := make([]byte, size), []byte(strings.Repeat(`{"x":12,"y":-7},`, size/16+1)[:size])
		for i := range noise {
			noise[i] = byte(rng.Uint32())
		}
		before := []byte("before")
		if got, ok := Pack(before, noise); ok || string(got) != "before" {
			t.Fatalf("%d bytes of noise were packed into %d", size, len(got)-len(before))
		}
		got, ok := Pack(before, text)
		if !ok {
			if size > 100 || string(got) != "before" {
				t.Fatalf("%d bytes of text were not packed", size)
			}
			continue
		}
		if len(got)-len(before) >= size || string(got[:len(before)]) != "before" {
			t.Fatalf("%d bytes of text were packed into %d, behind %q", size, len(got)-len(before), got[:len(before)])
		}
		back, err := Unpack(before, got[len(before):], Limits{MaxBody: size})
		if err != nil || string(back) != "before"+string(text) {
			t.Fatalf("%d bytes came back as %d with %v", size, len(back)-len(before), err)
		}
		if _, err := Unpack(nil, got[len(before):], Limits{MaxBody: size - 1}); fault.CodeOf(err) != fault.TooLarge {
			t.Fatalf("a body of %d bytes with a limit of one less: %v", size, err)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	good := deflated(t, []byte("0123456789"))
	bomb := deflated(t, make([]byte, 1<<20))
	for name, test := range map[string]struct {
		body []byte
		code fault.Code
	}{
		"nothing":                      {nil, fault.Invalid},
		"a size cut short":             {[]byte{0, 0, 0}, fault.Invalid},
		"no data":                      {packed(10, nil), fault.Invalid},
		"data cut short":               {packed(10, good[:len(good)-1]), fault.Invalid},
		"less than it says":            {packed(11, good), fault.Invalid},
		"more than it says":            {packed(9, good), fault.Invalid},
		"something behind the end":     {packed(10, append(bytes.Clone(good), 0)), fault.Invalid},
		"what is not deflated":         {packed(10, []byte("\xff\xff\xff\xff")), fault.Invalid},
		"a bomb":                       {packed(1<<20, bomb), fault.TooLarge},
		"a bomb that says it is small": {packed(1024, bomb), fault.Invalid},
		"four gigabytes":               {packed(1<<32-1, good), fault.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Unpack([]byte("before"), test.body, Limits{MaxBody: 1024})
			if fault.CodeOf(err) != test.code || string(got) != "before" {
				t.Errorf("got %q and %v, want %s", got, err, test.code)
			}
		})
	}
}

// TestABombTakesNoMemory is not parallel: it looks at what the whole process allocates.
func TestABombTakesNoMemory(t *testing.T) {
	bomb := packed(MaxBody, deflated(t, make([]byte, 1<<20))) // which it does not even have to keep
	liar := append(binary.BigEndian.AppendUint32(nil, 1024), bomb[4:]...)
	_, _ = Unpack(nil, liar, Limits{MaxBody: 1024}) // so that the pool is filled
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 16 {
		for _, b := range [][]byte{bomb, liar} {
			if _, err := Unpack(nil, b, Limits{MaxBody: 1024}); err == nil {
				t.Fatal("a bomb was unpacked")
			}
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("32 bombs of 16 MiB took %d bytes", took)
	}
}

func FuzzUnpack(f *testing.F) {
	body, _ := Pack(nil, bytes.Repeat([]byte("abc"), 100))
	f.Add(body)
	f.Add(packed(10, deflated(f, []byte("0123456789"))))
	f.Add(packed(4, []byte{1, 4, 0, 0xfb, 0xff, 1, 2, 3, 4}))
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 4096
		got, err := Unpack([]byte{42}, b, Limits{MaxBody: limit})
		if got[0] != 42 {
			t.Fatal("what was there is gone")
		}
		if err != nil {
			if c := fault.CodeOf(err); c != fault.Invalid && c != fault.TooLarge || len(got) != 1 {
				t.Fatalf("%d bytes and %v", len(got), err)
			}
			return
		}
		got = got[1:]
		if says := binary.BigEndian.Uint32(b); len(got) > limit || uint32(len(got)) != says {
			t.Fatalf("%d bytes of a body that says %d, with a limit of %d", len(got), says, limit)
		}
		want, err := io.ReadAll(flate.NewReader(bytes.NewReader(b[4:])))
		if err != nil || !bytes.Equal(want, got) {
			t.Fatalf("got %x, want %x, %v", got, want, err)
		}
	})
}

func BenchmarkPack(b *testing.B) {
	body := []byte(strings.Repeat(`{"x":12,"y":-7},`, 256))
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		var buf []byte
		for b.Loop() {
			buf, _ = Pack(buf[:0], body)
		}
	})
	b.Run("unpack", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		packed, _ := Pack(nil, body)
		var buf []byte
		for b.Loop() {
			var err error
			if buf, err = Unpack(buf[:0], packed, Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
