package line

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// keptFrame is one in the oracle: a plain slice of all that was ever sent.
type keptFrame struct{ head, body []byte }

func TestStreamAgainstOracle(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		limits replayLimits
		body   int // largest
	}{
		"defaults, small":     {replayLimits{256, 256 << 10}, 80},
		"defaults, large":     {replayLimits{256, 256 << 10}, 20_000},
		"few frames":          {replayLimits{3, 256 << 10}, 200},
		"one frame":           {replayLimits{1, 256 << 10}, 200},
		"few bytes":           {replayLimits{256, 2 * chunkSize}, 300},
		"one chunk":           {replayLimits{256, chunkSize}, 300},
		"over the limit":      {replayLimits{256, 4 * chunkSize}, 8 * chunkSize},
		"less than one chunk": {replayLimits{256, 10}, 300},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, uint64(len(name))))
			for range 20 {
				testStream(t, rng, tt.limits, tt.body)
			}
		})
	}
}

func testStream(t *testing.T, rng *rand.Rand, limits replayLimits, largest int) {
	var (
		s     stream
		all   []keptFrame
		acked int
	)
	for range 600 {
		switch op := rng.IntN(10); {
		case op < 7:
			f := keptFrame{head: make([]byte, headSize), body: make([]byte, rng.IntN(largest+1))}
			for i := range f.head {
				f.head[i] = byte(rng.Uint32())
			}
			for i := range f.body {
				f.body[i] = byte(len(all) + i)
			}
			all = append(all, f)
			s.keep(f.head, f.body, limits)
		case op == 7:
			n := acked + rng.IntN(len(all)-acked+1)
			s.ack(uint32(n))
			acked = n
		case op == 8: // neither an old acknowledgement nor one of the future means anything
			s.ack(uint32(len(all) + 1 + rng.IntN(5)))
			s.ack(uint32(rng.IntN(acked + 1)))
		default:
			from := rng.IntN(len(all) + 1)
			checkSince(t, &s, all, from)
		}
		if s.replay.frames > limits.frames || s.replay.bytes > limits.bytes {
			t.Fatalf("%d frames in %d bytes, the limits are %+v", s.replay.frames, s.replay.bytes, limits)
		}
		if kept := len(all) - s.replay.frames; kept < acked {
			t.Fatalf("frame %d is kept, and up to %d all were acknowledged", kept+1, acked)
		}
	}
	checkSince(t, &s, all, len(all)-s.replay.frames)
	s.ack(uint32(len(all)))
	if s.replay.frames != 0 || s.replay.bytes != 0 || s.replay.head != nil || s.replay.tail != nil {
		t.Fatalf("after all was acknowledged %d frames in %d bytes are kept", s.replay.frames, s.replay.bytes)
	}
}

// checkSince asks for everything after the first n frames.
func checkSince(t *testing.T, s *stream, all []keptFrame, n int) {
	t.Helper()
	var got []keptFrame
	ok := s.since(uint32(n), func(head, body []byte) { got = append(got, keptFrame{slices.Clone(head), slices.Clone(body)}) })
	if missing := len(all) - s.replay.frames; ok != (n >= missing) {
		t.Fatalf("since %d says %v; of %d frames the last %d are kept", n, ok, len(all), s.replay.frames)
	}
	if !ok {
		return
	}
	if !slices.EqualFunc(got, all[n:], func(a, b keptFrame) bool { return bytes.Equal(a.head, b.head) && bytes.Equal(a.body, b.body) }) {
		t.Fatalf("since %d of %d gives %d other frames", n, len(all), len(got))
	}
}

// The limits must be of use: what fits is kept.
func TestReplayKeepsWhatFits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		limits replayLimits
		body   int
		send   int
		keep   int // at least
	}{
		"all":              {replayLimits{256, 256 << 10}, 64, 256, 256},
		"bounded by count": {replayLimits{256, 256 << 10}, 64, 1000, 256},
		"bounded by bytes": {replayLimits{256, 64 << 10}, 1000 - recordSize - headSize, 1000, 64},
		"one large":        {replayLimits{256, 256 << 10}, 200 << 10, 5, 1},
		"too large":        {replayLimits{256, 256 << 10}, 300 << 10, 5, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s stream
			for range tt.send {
				s.keep(make([]byte, headSize), make([]byte, tt.body), tt.limits)
			}
			if s.replay.frames < tt.keep {
				t.Fatalf("%d frames kept, %d fit", s.replay.frames, tt.keep)
			}
		})
	}
}

func TestReceivedOnce(t *testing.T) {
	t.Parallel()
	var s stream
	for i, step := range []struct {
		number uint32
		accept bool
	}{{0, true}, {1, true}, {1, false}, {2, true}, {0, true}, {1, false}, {5, true}, {4, false}, {5, false}, {6, true}} {
		if got := s.accept(step.number); got != step.accept {
			t.Errorf("step %d: number %d accepted: %v", i, step.number, got)
		}
	}
}

func TestSinceMoreThanWasSent(t *testing.T) {
	t.Parallel()
	var s stream
	s.keep(make([]byte, headSize), nil, replayLimits{256, 256 << 10})
	if s.since(2, func(_, _ []byte) {}) {
		t.Error("a client that claims to have what was never sent is not told to start over")
	}
	if s.since(^uint32(0), func(_, _ []byte) { t.Error("a frame was replayed") }) {
		t.Error("the same for the largest number")
	}
}

func BenchmarkStreamKeepAck(b *testing.B) {
	b.ReportAllocs()
	var s stream
	head, body := make([]byte, headSize), make([]byte, 64)
	limits := replayLimits{256, 256 << 10}
	for b.Loop() {
		s.keep(head, body, limits)
		if s.sent%64 == 0 {
			s.ack(s.sent)
		}
	}
}
