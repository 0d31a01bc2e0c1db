package ws

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/gobwas/ws"

	"loumiao/framework/wire"
)

// told is what a receiver was told, printed.
type told struct {
	calls []string
	err   error // its answer to Control
}

func (r *told) Frame(h wire.Header, body []byte) error {
	r.calls = append(r.calls, fmt.Sprintf("%s of %d", h.Kind, len(body)))
	return nil
}

func (r *told) Control(size int, answer []byte) error {
	r.calls = append(r.calls, fmt.Sprintf("%d bytes, answered by %d", size, len(answer)))
	return r.err
}

func (r *told) Announce(h wire.Header) { r.calls = append(r.calls, fmt.Sprintf("a %s comes", h.Kind)) }

func (r *told) Flush() {}

func newTestConn() *conn { return newConn(nil, wire.Limits{MaxBody: limit}) }

// TestEachFrameCountsOnce sends one of each: what is a message by itself is told as such and nothing else, and no other passes untold.
func TestEachFrameCountsOnce(t *testing.T) {
	t.Parallel()
	ping := wire.Append(nil, wire.Header{Kind: wire.Ping}, make([]byte, 200))
	for name, test := range map[string]struct {
		frames []ws.Frame
		want   []string
		err    error
	}{
		"a message":         {[]ws.Frame{ws.NewBinaryFrame(ping)}, []string{"ping of 200"}, nil},
		"a ping":            {[]ws.Frame{ws.NewPingFrame([]byte("abc"))}, []string{"9 bytes, answered by 5"}, nil},
		"an unasked pong":   {[]ws.Frame{ws.NewPongFrame([]byte("abc"))}, []string{"9 bytes, answered by 0"}, nil},
		"the close":         {[]ws.Frame{ws.NewCloseFrame(nil)}, []string{"6 bytes, answered by 4"}, io.EOF},
		"an unfinished one": {[]ws.Frame{ws.NewFrame(ws.OpBinary, false, nil), ws.NewFrame(ws.OpContinuation, false, nil)}, []string{"6 bytes, answered by 0", "6 bytes, answered by 0"}, nil},
		"parts": {
			[]ws.Frame{ws.NewFrame(ws.OpBinary, false, ping[:150]), ws.NewFrame(ws.OpContinuation, false, ping[150:]), ws.NewFrame(ws.OpContinuation, true, nil)},
			[]string{"8 bytes, answered by 0", "6 bytes, answered by 0", "ping of 200"}, nil,
		},
	} {
		for _, piece := range []int{1, 7, 1000} {
			t.Run(fmt.Sprintf("%s in pieces of %d", name, piece), func(t *testing.T) {
				t.Parallel()
				var stream []byte
				for _, f := range test.frames {
					stream = append(stream, masked(f)...)
				}
				c, r, err := newTestConn(), &told{}, error(nil)
				for chunk := range slices.Chunk(stream, piece) {
					if err = c.dispatch(chunk, r); err != nil {
						break
					}
				}
				if !slices.Equal(r.calls, test.want) || !errors.Is(err, test.err) {
					t.Errorf("got %q and %v, want %q and %v", r.calls, err, test.want, test.err)
				}
			})
		}
	}
}

// TestAReceiverThatHasEnoughEndsTheReading has more frames in one read than the receiver wants.
func TestAReceiverThatHasEnoughEndsTheReading(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	for name, f := range map[string]ws.Frame{
		"pings": ws.NewPingFrame(nil), "pongs": ws.NewPongFrame(nil), "parts": ws.NewFrame(ws.OpBinary, false, nil), "closes": ws.NewCloseFrame(nil),
	} {
		r := &told{err: enough}
		if err := newTestConn().dispatch(append(masked(f), masked(f)...), r); !errors.Is(err, enough) || len(r.calls) != 1 {
			t.Errorf("%s: %v after %q", name, err, r.calls)
		}
	}
}
