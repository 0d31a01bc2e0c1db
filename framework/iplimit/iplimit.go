// Package iplimit bounds how often clients of one network address may ask for something, whatever they speak.
//
//	limit := iplimit.New(50, 200, nil) // 50 a second for long, 200 at once
//	if wait, ok := limit.Allow(addr); !ok { ... }
//
// It remembers a bounded number of addresses in this process and asks nobody else.
package iplimit

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxAddresses bounds how many addresses are remembered at once, in each of two generations.
const maxAddresses = 50_000

// A Limit is a token bucket an address; an IPv6 network of 64 bits, which is what one customer gets, counts as one. It is safe for concurrent use.
// Addresses that were quiet for long enough to have a full bucket are forgotten; under a flood from more addresses than are remembered the oldest
// are, which forgives them a little.
type Limit struct {
	rate  rate.Limit
	burst int
	now   func() time.Time
	keep  time.Duration // how long an empty bucket takes to fill

	mu          sync.Mutex
	young, aged map[netip.Prefix]*rate.Limiter
	turn        time.Time // when young becomes aged
}

// New lets each address ask perSecond times a second, and burst times at once. A nil now is time.Now.
func New(perSecond float64, burst int, now func() time.Time) *Limit {
	if now == nil {
		now = time.Now
	}
	return &Limit{
		rate:  rate.Limit(perSecond),
		burst: burst,
		now:   now,
		keep:  max(time.Second, time.Duration(float64(burst)/perSecond*float64(time.Second))),
		young: map[netip.Prefix]*rate.Limiter{},
	}
}

// Allow takes one token of the address, or says when there will be one.
func (l *Limit) Allow(addr netip.Addr) (wait time.Duration, ok bool) {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64 // what one customer gets
	}
	who, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		who = netip.Prefix{} // no address: all of those share one bucket
	}
	now := l.now()

	l.mu.Lock()
	defer l.mu.Unlock()
	if !now.Before(l.turn) || len(l.young) >= maxAddresses {
		l.aged, l.young = l.young, map[netip.Prefix]*rate.Limiter{}
		l.turn = now.Add(l.keep)
	}
	bucket := l.young[who]
	if bucket == nil {
		if bucket = l.aged[who]; bucket == nil {
			bucket = rate.NewLimiter(l.rate, l.burst)
		}
		l.young[who] = bucket
	}
	r := bucket.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait, false
	}
	return 0, true
}
