package actor

import (
	"runtime"
	"sync"
)

// A crew is the goroutines that run actors' turns. An actor with messages is put in line; a worker takes it, serves it until its
// mailbox is empty, and takes the next one. Workers are reused, because a fresh goroutine would pay for growing its stack in each
// turn, and a worker that is done goes on with the next actor in line instead of waking another worker for it.
//
// The rule that keeps actors from waiting for one another: while anybody is in line, at least one worker is on its way, that is
// runnable and about to look at the line. A handler that blocks keeps its worker, but that was not on its way any more.
//
// Cores share a crew in pairs, so that its lock is not everybody's; an actor's number decides which crew serves it.
type crew struct {
	mu          sync.Mutex
	first, last *cell   // in line
	onTheWay    int     // workers that were woken and have not looked at the line since
	idle        *worker // asleep, the last to fall asleep first: its stack is warm
	asleep      int
	closed      bool
	workers     sync.WaitGroup
}

// maxAsleep is how many workers of a crew are kept for later. More than that leave when they run out of work.
const maxAsleep = 64

// A worker is one goroutine.
type worker struct {
	crew *crew
	turn turn
	wake chan struct{}
	next *worker
}

// enqueue puts c in line for one worker. c.mu is not needed.
func (k *crew) enqueue(c *cell) {
	k.mu.Lock()
	if c.awaited++; c.awaited == 1 {
		if k.first == nil {
			k.first = c
		} else {
			k.last.line = c
		}
		k.last = c
	}
	w := k.summon()
	k.mu.Unlock()
	w.start()
}

// summon decides whether another worker has to come, and which: one that is to be started by the caller without mu, or nil.
func (k *crew) summon() *worker {
	if k.onTheWay > 0 || k.first == nil {
		return nil
	}
	k.onTheWay++
	w := k.idle
	if w == nil {
		k.workers.Add(1)
		return &worker{crew: k}
	}
	k.idle, w.next = w.next, nil
	k.asleep--
	return w
}

// start gets a summoned worker going.
func (w *worker) start() {
	switch {
	case w == nil:
	case w.wake == nil:
		w.wake = make(chan struct{}, 1)
		go w.run()
	default:
		w.wake <- struct{}{}
	}
}

// run is the worker's goroutine. A handler may end it by runtime.Goexit: then the worker is gone, which the rule allows.
func (w *worker) run() {
	defer w.crew.workers.Done()
	arriving, patience := true, lingers
	for {
		c, then := w.crew.next(w, arriving, patience > 0)
		switch then {
		case serve:
			arriving, patience = false, lingers
			c.work(&w.turn)
		case linger:
			arriving = true
			patience--
			runtime.Gosched()
		case sleep:
			if _, arriving = <-w.wake; !arriving {
				return
			}
			patience = lingers
		case leave:
			return
		}
	}
}

// lingers is how often a worker with nobody in line lets others run and looks again before it falls asleep. Those who were just
// answered often have the next message, and find a worker on its way.
const lingers = 2

// What a worker is to do next.
type then uint8

const (
	serve then = iota
	linger
	sleep
	leave
)

// next is the first actor in line, or what w is to do without one.
func (k *crew) next(w *worker, arriving, patient bool) (*cell, then) {
	k.mu.Lock()
	if arriving {
		k.onTheWay--
	}
	c := k.first
	if c == nil {
		defer k.mu.Unlock()
		switch {
		case patient:
			k.onTheWay++
			return nil, linger
		case k.closed || k.asleep >= maxAsleep:
			return nil, leave
		}
		k.idle, w.next = w, k.idle
		k.asleep++
		return nil, sleep
	}
	if c.awaited--; c.awaited == 0 {
		if k.first, c.line = c.line, nil; k.first == nil {
			k.last = nil
		}
	}
	other := k.summon()
	k.mu.Unlock()
	other.start()
	return c, serve
}

// close ends the workers that are asleep, now and later.
func (k *crew) close() {
	k.mu.Lock()
	k.closed = true
	idle := k.idle
	k.idle, k.asleep = nil, 0
	k.mu.Unlock()
	for w := idle; w != nil; w = w.next {
		close(w.wake)
	}
}
