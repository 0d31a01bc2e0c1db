package link

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
)

const (
	// A buffer that grew beyond is not kept for reuse.
	keepOutput = 1 << 20
	// When so much waits for a writer that was asked and has not come yet, whoever appends carries it: senders that never pause would only grow the buffer.
	carryAt = 64 << 10
	// Whenever so much more waits for somebody who is at it, whoever appends steps aside to let that one run.
	yieldEvery = 128 << 10
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

	mu      sync.Mutex
	pending []byte  // frames that nobody carries yet
	spare   []byte  // emptied buffer, to swap with pending
	rest    []byte  // what a flush could not get rid of, for the writer; comes before pending
	carried int     // bytes that somebody carries or that are in rest
	carrier carrier // who carries, or was asked to
	corked  bool    // the reader dispatches and will flush when it is done
	closing bool    // finish was called: nothing more may be appended
	failed  error   // why the connection ended

	wake  chan struct{} // capacity 1: something for the writer
	dying chan struct{} // closed when failed is set
}

// A carrier is who takes pending to the kernel. Nobody else touches rest, or writes to the connection.
type carrier uint8

const (
	nobody  carrier = iota
	flusher         // some goroutine in flush
	asked           // the writer goroutine, which has been woken and has not begun
	writer          // the writer goroutine
)

func (o *output) init(nc net.Conn, beat time.Duration) {
	o.nc, o.beat = nc, beat
	o.try = writeNow(nc)
	o.corked = true // until the connection has started
	o.wake = make(chan struct{}, 1)
	o.dying = make(chan struct{})
}

var errClosing = fault.New(fault.Lost, "the link was closed here")

// An urgency says who sees to it that an appended frame leaves.
type urgency uint8

const (
	later urgency = iota // somebody else
	soon                 // the writer
	now                  // whoever appends it
)

// append adds one frame, and reports whether the caller must now call flushClaimed. A panic in fill leaves the buffer as it was.
func (o *output) append(fill func([]byte) []byte, maxFrame, maxQueue int, u urgency) (claimed bool, err error) {
	full, claimed, err := o.add(fill, maxFrame, maxQueue, u)
	if full {
		runtime.Gosched()
	}
	return claimed, err
}

func (o *output) add(fill func([]byte) []byte, maxFrame, maxQueue int, u urgency) (full, claimed bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return false, false, o.failed
	}
	if o.closing {
		return false, false, errClosing
	}
	start := len(o.pending)
	if waiting := start + o.carried; waiting >= maxQueue {
		return false, false, fault.Errorf(fault.Overloaded, "%d bytes wait to be sent on this link", waiting)
	}
	b := fill(append(o.pending, 0, 0, 0, 0))
	size := len(b) - start - sizeLen
	switch {
	case size <= 0:
		return false, false, nil
	case size > maxFrame:
		return false, false, fault.Errorf(fault.TooLarge, "a frame of %d bytes, the limit is %d", size, maxFrame)
	case start+o.carried > 0 && len(b)+o.carried > maxQueue:
		return false, false, fault.Errorf(fault.Overloaded, "%d bytes wait to be sent on this link", start+o.carried)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(size))
	o.pending = b
	switch {
	case o.corked || u == later:
	case o.carrier == nobody && u == soon:
		o.handOver()
	case o.carrier == nobody, o.carrier == asked && o.rest == nil && len(b) >= carryAt:
		o.carrier = flusher
		return false, true, nil
	}
	return u == soon && start/yieldEvery != len(b)/yieldEvery, false, nil
}

// handOver makes the writer the one who carries. With the lock held.
func (o *output) handOver() {
	o.carrier = asked
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// flush carries what is pending, unless somebody else is at it.
func (o *output) flush() {
	o.mu.Lock()
	if o.carrier != nobody || o.corked || o.failed != nil || len(o.pending) == 0 {
		o.mu.Unlock()
		return
	}
	o.carrier = flusher
	o.mu.Unlock()
	o.flushClaimed()
}

// flushClaimed is flush for whoever is the carrier already.
func (o *output) flushClaimed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for round := 0; o.failed == nil && (len(o.pending) > 0 || o.closing); round++ {
		if round == flushRounds || o.closing {
			o.handOver()
			return
		}
		b := o.take()
		o.mu.Unlock()
		n, err := o.try(b)
		o.mu.Lock()
		if err != nil {
			o.end(broken(err))
			return
		}
		if n < len(b) {
			o.rest, o.carried = b[n:], len(b)-n
			o.handOver()
			return
		}
		o.recycle(b)
	}
	o.carrier = nobody
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
			if o.isClosing() {
				o.fail(errClosing) // the peer had its time to take what was queued
				return
			}
			if err := o.silent(&p); err != nil {
				o.fail(err)
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
	defer o.mu.Unlock()
	if o.carrier == flusher {
		return // it looks again before it lets go
	}
	o.carrier = writer
	for o.failed == nil && (o.rest != nil || len(o.pending) > 0) {
		b := o.rest
		o.rest = nil
		if b == nil {
			b = o.take()
		}
		o.mu.Unlock()
		err := o.write(b, p)
		o.mu.Lock()
		if err != nil {
			o.end(err)
			return
		}
		o.recycle(b)
	}
	o.carrier = nobody
	if !o.closing || o.failed != nil {
		return
	}
	// Everything is in the kernel. A close while unread bytes wait here would reset the connection and take that away from the peer, so end
	// only this direction, and let the peer end the other.
	if half, ok := o.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		return
	}
	o.end(errClosing)
}

// write is for the writer goroutine only: it waits for the peer.
func (o *output) write(b []byte, p *pulse) error {
	n, err := o.try(b)
	if err != nil {
		return broken(err)
	}
	for b = b[n:]; len(b) > 0; b = b[n:] {
		_ = o.nc.SetWriteDeadline(time.Now().Add(o.beat))
		n, err = o.nc.Write(b)
		_ = o.nc.SetWriteDeadline(time.Time{})
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return broken(err)
		}
		if o.isClosing() {
			return errClosing
		}
		if err := o.silent(p); err != nil {
			return err
		}
	}
	return nil
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

// silent is called once a heartbeat; it says when the peer was silent for too long. A reader that is busy dispatching does not count: it
// cannot hear.
func (o *output) silent(p *pulse) error {
	o.mu.Lock()
	busy := o.corked
	o.mu.Unlock()
	if now := p.reads.Load(); busy || now != p.last {
		p.last, p.beats = now, 0
		return nil
	}
	if p.beats++; p.beats < silentBeats {
		return nil
	}
	return fault.Errorf(fault.Lost, "the peer was silent for %v", silentBeats*o.beat)
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
	defer o.mu.Unlock()
	if o.closing || o.failed != nil {
		return
	}
	o.closing = true
	if o.carrier == nobody {
		o.handOver()
	}
}

// fail ends the connection at once. The first reason stays.
func (o *output) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end(err)
}

// end is fail with the lock held.
func (o *output) end(err error) {
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

func (o *output) isClosing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing
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
