package keypoint

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzBatch: whatever a client sends, what is taken of it is within its bounds and can be stored.
func FuzzBatch(f *testing.F) {
	now := time.UnixMilli(1_700_000_000_000)
	text := batchOf(one("event-0001", "match_start", "p", now))
	f.Add("", text)
	f.Add("", bytes.Replace(text, []byte("duel"), []byte("d\xffel"), 1))
	f.Add("gzip", zipped(f, text))
	f.Add("gzip", zipped(f, make([]byte, 100<<10)))
	schemas := declaredEvents(f)
	const limit, most = 64 << 10, 100
	f.Fuzz(func(t *testing.T, encoding string, body []byte) {
		text, err := unpack(encoding, body, limit)
		if err != nil {
			return
		}
		if len(text) > limit {
			t.Fatalf("unpacked to %d bytes", len(text))
		}
		var b batch
		if b.parse(text, most) != nil {
			return
		}
		for _, raw := range b.Events {
			if kept := cut(raw); !utf8.ValidString(kept) {
				t.Fatalf("%q is no UTF-8", kept)
			}
			e, err := schemas.check(raw, now, skewOf(b.Sent, now))
			if err != nil {
				continue
			}
			if !json.Valid([]byte(e.Fields)) || !utf8.ValidString(e.Fields) || e.At.After(now) || e.At.Before(now.Add(-maxAge)) || !schemas.Has(e.Name) {
				t.Fatalf("took %+v", e)
			}
		}
	})
}
