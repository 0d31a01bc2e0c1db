package rpc

import (
	"sync/atomic"
	"time"

	"loumiao/framework/fault"
)

const (
	sweepEvery = 10 * time.Millisecond
	sweepRest  = 100 // ticks without a call after which the sweeper rests
)

// A sweeper ends calls that have only [Config.CallTimeout] for a deadline. One goroutine looks through the tables every few milliseconds, which costs a call nothing, where a
// timer would cost more than the rest of it. While no call waits, it rests.
type sweeper struct {
	tick   atomic.Uint32 // stands still while the sweeper rests
	active atomic.Bool
	wake   chan struct{} // capacity 1
	begun  atomic.Bool
	peers  []*peer
	tables []*table // both are the sweeper goroutine's, kept for reuse
}

// expiry is the tick at which a call that begins now has had its time; never 0.
func (s *sweeper) expiry(timeout time.Duration) uint32 {
	return max(1, s.tick.Load()+2+uint32(timeout/sweepEvery))
}

// ensure makes sure that the sweeper is up. It is called after the call is in its table: either the sweeper sees the call, or the caller sees that it rests.
func (s *sweeper) ensure(r *RPC) {
	if s.active.Load() {
		return
	}
	if s.begun.CompareAndSwap(false, true) && !r.start(func() { s.run(r) }) {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

var errTimeout = fault.New(fault.Deadline, "no answer in time")

func (s *sweeper) run(r *RPC) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	s.active.Store(true)
	for empty := 0; ; {
		select {
		case <-ticker.C:
		case <-r.ctx.Done():
			return
		}
		tick := s.tick.Add(1)
		if s.pass(r, tick) > 0 {
			empty = 0
			continue
		}
		if empty++; empty < sweepRest {
			continue
		}
		s.active.Store(false)
		if r.InFlight() == 0 {
			ticker.Stop()
			select {
			case <-s.wake:
			case <-r.ctx.Done():
				return
			}
			ticker.Reset(sweepEvery)
		}
		s.active.Store(true)
		empty = 0
	}
}

// pass ends what is over its time and returns how many calls wait.
func (s *sweeper) pass(r *RPC, tick uint32) int {
	s.peers = r.everyPeer(s.peers[:0])
	tables := r.own.tables(s.tables[:0])
	for _, p := range s.peers {
		p.sweepRetired()
		tables = p.tables(tables)
	}
	s.tables = tables
	waiting := 0
	for _, t := range tables {
		if n := int(t.used.Load()); n > 0 {
			waiting += n
			t.expired(tick, errTimeout)
		}
	}
	return waiting
}
