package world

import (
	"context"
	"sync"
)

const (
	couriers    = 32
	courierRoom = 4096
)

// A courier does what would keep a player's actor waiting for another's: two that wait for each other would both wait in vain. It is safe for
// concurrent use.
type courier struct{ jobs chan func(context.Context) }

func newCourier() *courier { return &courier{make(chan func(context.Context), courierRoom)} }

// take has the job done soon, in no order. It reports false when too much is to be done already; then nothing becomes of it.
func (c *courier) take(job func(context.Context)) bool {
	select {
	case c.jobs <- job:
		return true
	default:
		return false
	}
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
