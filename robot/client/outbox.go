package client

import (
	"sync"

	"loumiao/framework/fault"
	"loumiao/framework/wire/wirepb"
)

// Limits of each stream.
const (
	maxKept         = 512       // frames that went out and are kept for another connection
	maxKeptBytes    = 256 << 10 // the same, in bytes
	maxWaiting      = 64        // frames that wait for a connection
	maxWaitingBytes = 64 << 10
)

// An outbox numbers what a session sends, and keeps what its backends are not known to have taken: it goes out again over the next connection. It is
// safe for concurrent use; the numbers belong to whoever has the session's lock sending.
//
//	forgotten │ kept: went out over this connection │ kept: waiting to │ due
type outbox struct {
	mu      sync.Mutex
	streams map[uint8]*outgoing
}

// An outgoing is what goes out on one stream.
type outgoing struct {
	last      uint32 // number given out
	forgotten uint32 // the highest number of those that made room for others
	kept      []kept
	out       int  // how many of kept went out over this connection
	used      bool // one has, over any
	outBytes  int  // of kept[:out]
	waitBytes int  // of the rest
}

type kept struct {
	sequence uint32
	frame    []byte
}

// of is a stream's part of the outbox. It is called with the lock.
func (o *outbox) of(stream uint8) *outgoing {
	g := o.streams[stream]
	if g == nil {
		if o.streams == nil {
			o.streams = map[uint8]*outgoing{}
		}
		g = &outgoing{}
		o.streams[stream] = g
	}
	return g
}

// due is the next number of a stream.
func (o *outbox) due(stream uint8) uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.of(stream).last + 1
}

// pass uses the due number up for a frame that is not kept.
func (o *outbox) pass(stream uint8) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of(stream).last++
}

// keep uses it up for a frame that is: one that goes out now, and makes older ones forgotten if it must, or one that has to wait.
func (o *outbox) keep(stream uint8, frame []byte, now bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.of(stream)
	if !now && (len(g.kept)-g.out >= maxWaiting || g.waitBytes+len(frame) > maxWaitingBytes) {
		return fault.New(fault.Overloaded, "there is no connection, and too much waits for one")
	}
	g.last++
	g.kept = append(g.kept, kept{g.last, frame})
	g.waitBytes += len(frame)
	if now {
		g.goesOut()
		for g.out > maxKept || g.outBytes > maxKeptBytes {
			g.forgotten = g.kept[0].sequence
			g.remove(0)
		}
	}
	return nil
}

// next is what goes out now of what waits, up to so many frames and bytes, but one at least. Frames of one stream are in order.
func (o *outbox) next(frames, bytes int) (out [][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, g := range o.streams {
		for g.out < len(g.kept) {
			frame := g.kept[g.out].frame
			if frames--; frames < 0 || len(frame) > bytes && len(out) > 0 {
				return out
			}
			bytes -= len(frame)
			out = append(out, frame)
			g.goesOut()
		}
	}
	return out
}

// waits reports whether there is anything left to go out.
func (o *outbox) waits() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, g := range o.streams {
		if g.out < len(g.kept) {
			return true
		}
	}
	return false
}

// answered lets go of what an answer shows to be settled: a backend has taken everything up to the request, or the gate has refused it, and it alone.
func (o *outbox) answered(stream uint8, sequence uint32, byBackend bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.of(stream)
	if byBackend {
		g.taken(sequence)
		return
	}
	for i := range g.kept {
		if g.kept[i].sequence == sequence {
			g.remove(i)
			return
		}
	}
}

// startOver counts a stream from 1 again.
func (o *outbox) startOver(stream uint8) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.streams, stream)
}

// used are the streams on which something has gone out.
func (o *outbox) used() (streams []uint8) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for stream, g := range o.streams {
		if g.used {
			streams = append(streams, stream)
		}
	}
	return streams
}

// reopen has go out again, over a new connection, what the backends have not taken: taken is from Welcome. A stream that was marked in Hello and is not in it
// starts over in a moment; nothing goes out there until then.
func (o *outbox) reopen(marked, taken []*wirepb.Mark) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	gone := map[uint8]bool{}
	for _, m := range marked {
		gone[uint8(m.GetStream())] = true
	}
	for _, m := range taken {
		stream := uint8(m.GetStream())
		g := o.of(stream)
		if m.GetSequence() > g.last {
			return violation("it has frame %d of stream %d, of which %d were sent", m.GetSequence(), stream, g.last)
		}
		if m.GetSequence() < g.forgotten {
			return fault.Errorf(fault.Lost, "stream %d goes on at frame %d, and this client has kept none before %d", stream, m.GetSequence()+1, g.forgotten+1)
		}
		g.taken(m.GetSequence())
		delete(gone, stream)
	}
	for stream, g := range o.streams {
		g.out, g.outBytes, g.waitBytes = 0, 0, 0
		for i := range g.kept {
			g.waitBytes += len(g.kept[i].frame)
		}
		for gone[stream] && g.out < len(g.kept) {
			g.goesOut()
		}
	}
	return nil
}

// goesOut moves the first frame that waits to those that went out.
func (g *outgoing) goesOut() {
	size := len(g.kept[g.out].frame)
	g.out++
	g.used = true
	g.outBytes += size
	g.waitBytes -= size
}

func (g *outgoing) taken(sequence uint32) {
	for len(g.kept) > 0 && g.kept[0].sequence <= sequence {
		g.remove(0)
	}
}

// remove lets go of a frame.
func (g *outgoing) remove(i int) {
	size := len(g.kept[i].frame)
	if i < g.out {
		g.out--
		g.outBytes -= size
	} else {
		g.waitBytes -= size
	}
	if i == 0 {
		g.kept[0] = kept{}
		g.kept = g.kept[1:]
		return
	}
	g.kept = append(g.kept[:i], g.kept[i+1:]...)
}
