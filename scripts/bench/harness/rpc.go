package harness

// A DialRPC connects to a server for so many callers, in the way that the library is meant to be used by one process.
type DialRPC func(e *Env, callers int) (*Caller, error)

// A Caller calls a server that echoes.
type Caller struct {
	// Call sends the payload, waits, and checks what comes back. caller tells apart those that call at the same time.
	Call func(caller int) error
	// Send sends the payload and waits for nothing but room. nil: the library has no such thing.
	Send func() error
	// Close ends it. May be nil.
	Close func()
}

// MeasureRPC measures all rows of calls between two processes, each with connections of its own.
func MeasureRPC(dial DialRPC) Client {
	return func(e *Env) error {
		row := func(name string, callers int, measure func(c *Caller) error) {
			e.row(name, func() error {
				c, err := dial(e, callers)
				if err != nil {
					return err
				}
				if c.Close != nil {
					defer c.Close()
				}
				return measure(c)
			})
		}
		row("1 caller, p50", 1, func(c *Caller) error {
			return e.latency("1 caller, p50", "1 caller, p99", func() error { return c.Call(0) })
		})
		row("64 callers", 64, func(c *Caller) error { return e.crowd("64 callers", 64, 1, c.Call) })
		row("512 callers", 512, func(c *Caller) error { return e.crowd("512 callers", 512, 1, c.Call) })
		row("one-way", 1, func(c *Caller) error {
			if c.Send == nil {
				return nil
			}
			return e.oneWay("one-way", c.Send)
		})
		return nil
	}
}
