package queue

import (
	"math"
	"time"
)

// paceMemory is how far back a pace looks: what is older than this counts for less than 1/e.
const paceMemory = 30 * time.Second

// A pace is how many players a second are let in: an exponentially weighted mean. It is not safe for concurrent use. The zero pace has seen nobody.
type pace struct {
	weight float64 // of all admissions, as of last
	began  time.Time
	last   time.Time
}

// add counts n admissions.
func (p *pace) add(n int, now time.Time) {
	if n == 0 {
		return
	}
	if p.began.IsZero() {
		p.began, p.last = now, now
	}
	p.weight = p.weight*decay(now.Sub(p.last)) + float64(n)
	p.last = now
}

// eta is how long position admissions take at this pace; 0 when none have been seen.
func (p *pace) eta(position int, now time.Time) time.Duration {
	if p.began.IsZero() {
		return 0
	}
	perSecond := p.perSecond(now)
	const farthest = 24 * time.Hour
	seconds := float64(position) / perSecond
	if perSecond <= 0 || seconds > farthest.Seconds() {
		return farthest
	}
	return time.Duration(seconds * float64(time.Second))
}

// perSecond is the pace; 0 when nobody has been seen.
func (p *pace) perSecond(now time.Time) float64 {
	if p.began.IsZero() {
		return 0
	}
	// What was seen since it began is all there is: without this a young pace would be too slow.
	age := max(now.Sub(p.began), time.Second)
	return p.weight * decay(now.Sub(p.last)) / (paceMemory.Seconds() * (1 - decay(age)))
}

func decay(d time.Duration) float64 { return math.Exp(-d.Seconds() / paceMemory.Seconds()) }
