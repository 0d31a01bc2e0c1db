package harness

// Timers is one kind of timers.
type Timers interface {
	// Add sets n timers that stay pending until stop.
	Add(n int) (stop func())
	// AddStop sets and stops n timers, one after the other.
	AddStop(n int) error
}

const pending = 100_000 // other timers while some are added and stopped

// MeasureTimers measures all rows of a kind of timers.
func MeasureTimers(t Timers) Client {
	return func(e *Env) error {
		before := inUse()
		stop := t.Add(pending)
		defer stop()
		if e.Idle > 0 {
			e.row("pending timer", func() error {
				e.record("pending timer", float64(inUse()-before)/pending)
				return nil
			})
		}
		e.row("add + stop", func() error {
			return e.loop("add + stop", func(n int) (func() error, func()) {
				return func() error { return t.AddStop(n) }, nil
			})
		})
		return nil
	}
}
