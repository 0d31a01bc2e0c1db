package actor

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// A wheel fires alarms: call deadlines, actors' timers, idle checks, restart pauses. Adding and removing one is a few pointer
// writes under a mutex, whatever the number of alarms.
//
// It is a hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987), in the variant that
// places an alarm by the highest digit, base 64, in which its due tick differs from the present one. All alarms of a
// level then lie ahead of the present in that level, the lowest occupied level holds the earliest, and a bitmap a level
// finds it: the goroutine sleeps until something is due instead of ticking.
//
//	level 0: 64 slots of 1 ms   level 1: 64 slots of 64 ms   level 2: 64 slots of 4 s   ...
type wheel struct {
	clock *clock
	start func(func()) // runs the wheel's goroutine

	mu       sync.Mutex
	now      int64 // the tick up to which alarms have fired
	occupied [wheelLevels]uint64
	slots    [wheelLevels][wheelSlots]*alarm
	sleeping int64 // the tick until which the goroutine sleeps; math.MaxInt64 without alarms
	running  bool
	closed   bool
	wake     chan struct{}
}

const (
	wheelTick   = time.Millisecond
	wheelBits   = 6
	wheelSlots  = 1 << wheelBits
	wheelLevels = 8 // 48 bits of milliseconds: more than a time.Duration holds
)

// An alarm is a place in a wheel; it is embedded in what it belongs to. Its fields are the wheel's.
type alarm struct {
	next, prev *alarm
	due        int64 // tick
	target     expirer
	level      int8
	slot       uint8
	armed      bool
}

// An expirer is told, on the wheel's goroutine and at most once each time its alarm is armed, that the alarm is due, or that
// the wheel is closed. It must not block.
type expirer interface{ expire() }

func newWheel(c *clock, start func(func())) *wheel {
	return &wheel{clock: c, start: start, sleeping: math.MaxInt64, wake: make(chan struct{}, 1)}
}

// arm sets a, which is not armed, to fire at the given time on the clock, or up to a tick later. On a closed wheel it does
// nothing and returns false.
func (w *wheel) arm(a *alarm, at int64, target expirer) bool {
	due := (at + int64(wheelTick) - 1) / int64(wheelTick)
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return false
	}
	if !w.running {
		w.running = true
		w.start(w.run)
	}
	a.target = target
	a.due = max(due, w.now+1)
	w.insert(a)
	hurry := a.due < w.sleeping
	if hurry {
		w.sleeping = a.due
	}
	w.mu.Unlock()
	if hurry {
		w.nudge()
	}
	return true
}

// disarm reports whether a was armed, and so will not fire.
func (w *wheel) disarm(a *alarm) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !a.armed {
		return false
	}
	w.remove(a)
	return true
}

// close ends the goroutine. Alarms that are armed fire at once, on the caller's goroutine.
func (w *wheel) close() {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	w.closed = true
	var rest *alarm
	for level := range w.slots {
		for slot := range w.slots[level] {
			rest = w.empty(level, slot, rest)
		}
	}
	w.mu.Unlock()
	w.nudge()
	fire(rest)
}

func (w *wheel) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *wheel) run() {
	timer := time.NewTimer(math.MaxInt64)
	defer timer.Stop()
	for {
		w.mu.Lock()
		if w.closed {
			w.mu.Unlock()
			return
		}
		due := w.advance((w.clock.precise()) / int64(wheelTick))
		next := w.next()
		w.sleeping = next
		w.mu.Unlock()

		if due != nil {
			fire(due)
			continue // time has passed, and what fired may have armed more
		}
		if next == math.MaxInt64 {
			timer.Stop()
		} else {
			timer.Reset(time.Duration(next*int64(wheelTick) - w.clock.precise()))
		}
		select {
		case <-timer.C:
		case <-w.wake:
		}
	}
}

func fire(list *alarm) {
	for list != nil {
		a := list
		list, a.next = a.next, nil
		a.target.expire()
	}
}

// next is the tick at which the wheel has something to do: fire a slot of level 0, or spread one of a higher level.
func (w *wheel) next() int64 {
	for level, occupied := range w.occupied {
		if occupied != 0 {
			shift := level * wheelBits
			slot := int64(bits.TrailingZeros64(occupied))
			return w.now>>(shift+wheelBits)<<(shift+wheelBits) | slot<<shift
		}
	}
	return math.MaxInt64
}

// advance moves the present to tick and returns the alarms that are due by then, earliest first.
func (w *wheel) advance(tick int64) *alarm {
	var first, last *alarm
	for {
		next := w.next()
		if next > tick {
			break
		}
		level := w.lowest()
		w.now = next
		for a := w.empty(level, int(next>>(level*wheelBits)&(wheelSlots-1)), nil); a != nil; {
			b := a
			a, b.next = a.next, nil
			switch {
			case b.due > next:
				w.insert(b)
			case last == nil:
				first, last = b, b
			default:
				last.next, last = b, b
			}
		}
	}
	w.now = max(w.now, tick)
	return first
}

func (w *wheel) lowest() int {
	for level, occupied := range w.occupied {
		if occupied != 0 {
			return level
		}
	}
	return 0
}

// insert places a, which is due after the present.
func (w *wheel) insert(a *alarm) {
	level := (bits.Len64(uint64(a.due^w.now)) - 1) / wheelBits
	slot := a.due >> (level * wheelBits) & (wheelSlots - 1)
	a.level, a.slot, a.armed = int8(level), uint8(slot), true
	head := &w.slots[level][slot]
	a.prev, a.next = nil, *head
	if *head != nil {
		(*head).prev = a
	}
	*head = a
	w.occupied[level] |= 1 << slot
}

func (w *wheel) remove(a *alarm) {
	if a.next != nil {
		a.next.prev = a.prev
	}
	if a.prev != nil {
		a.prev.next = a.next
	} else if w.slots[a.level][a.slot] = a.next; a.next == nil {
		w.occupied[a.level] &^= 1 << a.slot
	}
	a.next, a.prev, a.armed = nil, nil, false
}

// empty takes all alarms out of a slot, oldest first, and puts them in front of list. They are linked by next only.
func (w *wheel) empty(level, slot int, list *alarm) *alarm {
	for a := w.slots[level][slot]; a != nil; {
		b := a
		a = a.next
		b.next, b.prev, b.armed = list, nil, false
		list = b
	}
	w.slots[level][slot] = nil
	w.occupied[level] &^= 1 << slot
	return list
}
