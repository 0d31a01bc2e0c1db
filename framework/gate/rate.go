package gate

import "time"

// A rate is a limit that allows bursts: the generic cell rate algorithm (ITU-T I.371), in which the whole state of one sender is a single time.
// The zero rate allows everything.
type rate struct {
	each  int64 // nanoseconds that one unit takes
	burst int64 // nanoseconds that a sender may be ahead
}

func newRate(perSecond, burst int) rate {
	if perSecond <= 0 {
		return rate{}
	}
	each := int64(time.Second) / int64(perSecond)
	return rate{each: max(1, each), burst: max(1, each) * int64(max(1, burst))}
}

// take takes n units at the time now, both in nanoseconds, for a sender whose state is next. It reports whether that was within the limit; if not,
// nothing is taken.
func (r rate) take(next *int64, now int64, n int) bool {
	if r.each == 0 {
		return true
	}
	at := max(*next, now) + r.each*int64(n)
	if at-now > r.burst {
		return false
	}
	*next = at
	return true
}
