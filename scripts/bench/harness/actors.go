package harness

import (
	"runtime"
	"sync"
	"time"
)

// Actors is one library of actors, within one process.
type Actors interface {
	// Count makes actors that together count what they are sent. send sends one message to one of them, and waits while
	// that is full; done is closed when they have counted total.
	Count(actors, total int) (send func(actor int), done <-chan struct{}, stop func())
	// PingPong makes two actors that pass a message to and fro. start sends the first; done is closed when total were handled.
	PingPong(total int) (start func(), done <-chan struct{}, stop func())
	// Answer makes an actor that answers. ask asks it, waits, and checks the answer.
	Answer() (ask func() error, stop func())
	// Spawn makes n actors as the library has them by default, or in the way that it recommends for many of them. ask is as above.
	Spawn(n int) (ask func(actor int) error, stop func())
}

const (
	many       = 1000 // actors of the row 1->1000
	spawnBatch = 5000 // actors that are made at a time
	spawnRuns  = 8
)

// MeasureActors measures all rows of a library of actors.
func MeasureActors(a Actors) Client {
	return func(e *Env) error {
		loop := func(name string, prepare func(n int) (run func() error, stop func())) {
			e.row(name, func() error { return e.loop(name, prepare) })
		}
		tell := func(senders, actors int) func(n int) (func() error, func()) {
			return func(n int) (func() error, func()) {
				send, done, stop := a.Count(actors, n)
				return func() error {
					split(senders, n, func(i int) error { send(i % actors); return nil })
					<-done
					return nil
				}, stop
			}
		}
		loop("tell 1->1", tell(1, 1))
		loop("tell 2->1", tell(2, 1))
		loop("tell 1->1000", tell(1, many))
		loop("ping-pong", func(n int) (func() error, func()) {
			start, done, stop := a.PingPong(n)
			return func() error { start(); <-done; return nil }, stop
		})
		ask := func(askers int) func(n int) (func() error, func()) {
			return func(n int) (func() error, func()) {
				ask, stop := a.Answer()
				return func() error { return split(askers, n, func(int) error { return ask() }) }, stop
			}
		}
		loop("ask x1", ask(1))
		loop("ask x64", ask(64))
		e.row("spawn", func() error { return e.spawn(a) })
		if e.Idle > 0 {
			e.row("idle actor", func() error { return e.idleActors(a) })
		}
		return nil
	}
}

// split does n operations on so many goroutines, and returns the first error of one that stopped for it.
func split(goroutines, n int, do func(i int) error) error {
	failed := make(chan error, goroutines)
	part := func(first int) {
		for i := first; i < n; i += goroutines {
			if err := do(i); err != nil {
				failed <- err
				return
			}
		}
	}
	if goroutines == 1 {
		part(0)
	} else {
		var running sync.WaitGroup
		for g := range goroutines {
			running.Go(func() { part(g) })
		}
		running.Wait()
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// spawn measures the making of actors in batches: a loop as long as the others' would hold more of them than there is memory.
func (e *Env) spawn(a Actors) error {
	from, err := e.usage(false)
	if err != nil {
		return err
	}
	var took time.Duration
	to := from
	for range spawnRuns {
		runtime.GC()
		a0, err := e.usage(false)
		if err != nil {
			return err
		}
		_, stop := a.Spawn(spawnBatch)
		a1, err := e.usage(false)
		if err != nil {
			return err
		}
		stop()
		took += a1.at.Sub(a0.at)
		to.client.CPU += a1.client.CPU - a0.client.CPU
		to.client.Allocs += a1.client.Allocs - a0.client.Allocs
	}
	e.sample("spawn", float64(took)/(spawnRuns*spawnBatch), spawnRuns*spawnBatch, from, to)
	return nil
}

// idleActors measures the memory of actors that have handled a message and wait for the next.
func (e *Env) idleActors(a Actors) error {
	before := inUse()
	ask, stop := a.Spawn(e.Idle)
	defer stop()
	for i := range e.Idle {
		if err := ask(i); err != nil {
			return err
		}
	}
	e.record("idle actor", float64(inUse()-before)/float64(e.Idle))
	runtime.KeepAlive(ask)
	return nil
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
