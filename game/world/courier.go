package world

import (
	"context"
	"sync"
)

const (
	couriers    = 32
	courierRoom = 4096
	speechRoom  = 16 // things that one player says to another which wait for the one before
)

// A courier does what would keep a player's actor waiting for another's: two that wait for each other would both wait in vain. It is safe for
// concurrent use.
type courier struct {
	jobs chan func(context.Context)

	mu       sync.Mutex
	speeches map[speech][]func(context.Context) // that are being done: what waits behind
}

// A speech is what one player says to another, which is done in order.
type speech struct{ from, to int64 }

func newCourier() *courier {
	return &courier{jobs: make(chan func(context.Context), courierRoom), speeches: map[speech][]func(context.Context){}}
}

// take has the job done soon, in no order. It reports false when too much is to be done already; then nothing becomes of it.
func (c *courier) take(job func(context.Context)) bool {
	select {
	case c.jobs <- job:
		return true
	default:
		return false
	}
}

// takeNext is take for a job that is done when those of the same speech are that were taken before.
func (c *courier) takeNext(of speech, job func(context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if behind, on := c.speeches[of]; on {
		if len(behind) == speechRoom {
			return false
		}
		c.speeches[of] = append(behind, job)
		return true
	}
	if !c.take(func(ctx context.Context) {
		for job := job; job != nil; job = c.next(of) {
			job(ctx)
		}
	}) {
		return false
	}
	c.speeches[of] = nil
	return true
}

// next is the next job of a speech, or nil: it is over.
func (c *courier) next(of speech) (job func(context.Context)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	behind := c.speeches[of]
	if len(behind) == 0 {
		delete(c.speeches, of)
		return nil
	}
	job, c.speeches[of] = behind[0], behind[1:]
	return job
}

// run does jobs until ctx ends. What is left then is not done.
func (c *courier) run(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	for range couriers {
		working.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case job := <-c.jobs:
					job(ctx)
				}
			}
		})
	}
}
