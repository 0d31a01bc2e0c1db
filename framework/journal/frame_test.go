package journal

import (
	"bytes"
	"testing"
)

// FuzzFrames takes any bytes for a file: what is read as frames is exactly what these bytes are, and no more than there is.
func FuzzFrames(f *testing.F) {
	good := appendFrame(appendFrame(nil, []byte("one")), []byte{2})
	f.Add(good, 100)
	f.Add(good[:len(good)-1], 1)
	f.Add(append(good[:len(good):len(good)], make([]byte, 16)...), 100)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1}, 10)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		n := whole(data)
		var again []byte
		for rest := data[:n]; len(rest) > 0; {
			records, size := batch(rest, limit)
			if size == 0 || size > len(rest) || len(records) > maxRecords || len(records) > 1 && size > limit {
				t.Fatalf("batch of %d records, %d bytes of %d", len(records), size, len(rest))
			}
			for _, r := range records {
				again = appendFrame(again, r)
			}
			rest = rest[size:]
		}
		if !bytes.Equal(again, data[:n]) {
			t.Fatal("the frames are not the bytes")
		}
		if _, _, ok := nextFrame(data[n:]); ok {
			t.Fatal("a whole frame was left")
		}
	})
}
