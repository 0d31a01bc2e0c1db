package link

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
)

const (
	// A buffer that grew beyond is not kept for reuse.
	keepOutput = 1 << 20
	// Whoever flushes gives up after so many writes in a row, for others keep appending, and leaves the rest to the writer.
	flushRounds = 4
	// So many heartbeats without a sign of life are the end.
	silentBeats = 3
)

// An output is the sending half of a connection: two buffers that swap, and the rule that one goroutine at a time carries one of them to the
// kernel. That is whoever calls flush, as long as the kernel takes everything at once; what it does not take, what schedule was called for, and
// heartbeats are carried by the output's own writer goroutine, the only one that ever waits for the peer.
type output struct {
	nc   net.Conn
	try  func(b []byte) (int, error) // writes without waiting, as much as fits
	beat time.Duration

	mu       sync.Mutex
	pending  []byte // frames that nobody carries yet
	spare    []byte // emptied buffer, to swap with pending
	rest     []byte // what a flush could not get rid of; comes before pending. The writer's as long as carrying holds
	carrying bool   // somebody carries: a flush, or the writer
	corked   bool   // the reader dispatches and will flush when it is done
	closing  bool   // finish was called: nothing more may be appended
	failed   error  // why the connection ended
	carried  int    // bytes in the hands of whoever carries

	wake  chan struct{} // capacity 1: something for the writer
	dying chan struct{} // closed when failed is set
}

func (o *output) init(nc net.Conn, beat time.Duration) {
	o.nc, o.beat = nc, beat
	o.try = writeNow(nc)
	o.corked = true // until the connection has started
	o.wake = make(chan struct{}, 1)
	o.dying = make(chan struct{})
}

var errClosing = fault.New(fault.Lost, "the link was closed here")

// append adds one frame. A panic in fill leaves the buffer as it was.
func (o *output) append(fill func([]byte) []byte, maxFrame, maxQueue int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return o.failed
	}
	if o.closing {
		return errClosing
	}
	start := len(o.pending)
	if waiting := start + o.carried; waiting >= maxQueue {
		return fault.Errorf(fault.Overloaded, "%d bytes wait to be sent on this link", waiting)
	}
	b := fill(append(o.pending, 0, 0, 0, 0))
	size := len(b) - start - sizeLen
	switch {
	case size <= 0:
		return nil
	case size > maxFrame:
		return fault.Errorf(fault.TooLarge, "a frame of %d bytes, the limit is %d", size, maxFrame)
	case start+o.carried > 0 && len(b)+o.carried > maxQueue:
		return fault.Errorf(fault.Overloaded, "%d bytes wait to be sent on this link", start+o.carried)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(size))
	o.pending = b
	return nil
}

// schedule sees to it that what is pending leaves soon.
func (o *output) schedule() {
	o.mu.Lock()
	idle := !o.carrying && !o.corked
	o.mu.Unlock()
	if idle {
		o.signal()
	}
}

func (o *output) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// flush carries what is pending, unless somebody else is at it.
func (o *output) flush() {
	o.mu.Lock()
	if o.carrying || o.corked || o.failed != nil || len(o.pending) == 0 {
		o.mu.Unlock()
		return
	}
	o.carrying = true
	for round := 0; ; round++ {
		if len(o.pending) == 0 {
			o.carrying = false
			o.mu.Unlock()
			return
		}
		if round == flushRounds {
			o.mu.Unlock()
			o.signal() // the writer is the one who carries now
			return
		}
		b := o.take()
		o.mu.Unlock()
		n, err := o.try(b)
		if err != nil {
			o.fail(broken(err))
			return
		}
		o.mu.Lock()
		if n < len(b) {
			o.rest, o.carried = b[n:], len(b)-n
			o.mu.Unlock()
			o.signal()
			return
		}
		o.recycle(b)
	}
}

// take swaps the buffers and returns what is to be carried. With the lock held.
func (o *output) take() []byte {
	b := o.pending
	o.pending, o.spare = o.spare[:0], nil
	o.carried = len(b)
	return b
}

// recycle takes an emptied buffer back. With the lock held.
func (o *output) recycle(b []byte) {
	o.carried = 0
	if cap(b) <= keepOutput {
		o.spare = b[:0]
	}
}

// run is the writer goroutine. It ends when the output has failed, which is also how finish ends.
func (o *output) run(reads *atomic.Uint32) {
	defer o.nc.Close()
	ticker := time.NewTicker(o.beat)
	defer ticker.Stop()
	p := pulse{reads: reads}
	for {
		select {
		case <-o.wake:
			o.carry(&p)
		case <-ticker.C:
			o.mu.Lock()
			closing := o.closing
			o.mu.Unlock()
			if closing {
				o.fail(errClosing) // the peer had its time to take what was queued
				return
			}
			if o.silent(&p) {
				return
			}
			o.heartbeat()
			o.carry(&p)
		case <-o.dying:
			return
		}
	}
}

// carry writes all that is pending, waiting for the peer as long as it shows signs of life.
func (o *output) carry(p *pulse) {
	o.mu.Lock()
	if o.carrying && o.rest == nil && o.carried > 0 { // a flush is at it right now
		o.mu.Unlock()
		return
	}
	o.carrying = true
	for o.failed == nil && (o.rest != nil || len(o.pending) > 0) {
		b := o.rest
		o.rest = nil
		if b == nil {
			b = o.take()
		}
		o.mu.Unlock()
		if !o.write(b, p) {
			return
		}
		o.mu.Lock()
		o.recycle(b)
	}
	o.carrying = false
	over := o.closing && o.failed == nil
	o.mu.Unlock()
	if !over {
		return
	}
	// Everything is in the kernel. A close while unread bytes wait here would reset the connection and take that away from the peer, so end
	// only this direction, and let the peer end the other.
	if half, ok := o.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		return
	}
	o.fail(errClosing)
}

func (o *output) write(b []byte, p *pulse) bool {
	for len(b) > 0 {
		_ = o.nc.SetWriteDeadline(time.Now().Add(o.beat))
		n, err := o.nc.Write(b)
		b = b[n:]
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			o.fail(broken(err))
			return false
		}
		o.mu.Lock()
		closing := o.closing
		o.mu.Unlock()
		if closing {
			o.fail(errClosing)
			return false
		}
		if o.silent(p) {
			return false
		}
	}
	return true
}

// heartbeat appends an empty frame, unless something waits to be sent anyway.
func (o *output) heartbeat() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.pending) == 0 && o.carried == 0 {
		o.pending = append(o.pending, 0, 0, 0, 0)
	}
}

// A pulse counts the heartbeats since the peer was last heard.
type pulse struct {
	reads *atomic.Uint32
	last  uint32
	beats int
}

// silent is called once a heartbeat; it gives the peer up when it was silent for too long. A reader that is busy dispatching does not count: it
// cannot hear.
func (o *output) silent(p *pulse) bool {
	o.mu.Lock()
	busy := o.corked
	o.mu.Unlock()
	if now := p.reads.Load(); busy || now != p.last {
		p.last, p.beats = now, 0
		return false
	}
	if p.beats++; p.beats < silentBeats {
		return false
	}
	o.fail(fault.Errorf(fault.Lost, "the peer was silent for %v", silentBeats*o.beat))
	return true
}

func (o *output) cork() {
	o.mu.Lock()
	o.corked = true
	o.mu.Unlock()
}

func (o *output) uncork() {
	o.mu.Lock()
	o.corked = false
	o.mu.Unlock()
	o.flush()
}

// finish lets what is queued leave, then ends the connection.
func (o *output) finish() {
	o.mu.Lock()
	first := !o.closing && o.failed == nil
	o.closing = true
	o.mu.Unlock()
	if first {
		o.signal()
	}
}

// fail ends the connection at once. The first reason stays.
func (o *output) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return
	}
	if o.closing {
		err = errClosing
	}
	o.failed = err
	o.pending, o.spare, o.rest = nil, nil, nil
	close(o.dying)
	_ = o.nc.Close()
}

func (o *output) reason() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

func (o *output) queued() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pending) + o.carried
}

func broken(err error) error { return fault.Wrap(err, fault.Lost, "the link broke") }

// leaveToWriter takes nothing: it stands in for a write that does not wait, for connections that have none.
func leaveToWriter([]byte) (int, error) { return 0, nil }
