// Package udptest is for tests that look for goroutines which were left behind.
package udptest

import "go.uber.org/goleak"

// Library has goleak pass over the goroutines of the KCP library. It starts a few for all conversations of a process, and never ends them.
func Library() []goleak.Option {
	const library = "github.com/xtaci/kcp-go/v5."
	return []goleak.Option{goleak.IgnoreAnyFunction(library + "postProcessWorker"), goleak.IgnoreAnyFunction(library + "(*TimedSched).run")}
}
