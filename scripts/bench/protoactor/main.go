// Bench-protoactor is protoactor-go as a contender, in a binary of its own: it and hollywood both register a file actor.proto, which
// panics when they meet in one.
package main

import (
	"fmt"
	"os"

	"loumiao/scripts/bench/harness"
)

func main() {
	was, err := harness.Roles{
		Servers: map[string]harness.Server{"protoactor/rpc": serve},
		Clients: map[string]harness.Client{
			"protoactor/actors": func(e *harness.Env) error { return harness.MeasureActors(newActors())(e) },
			"protoactor/rpc":    harness.MeasureRPC(dial),
		},
	}.Run(os.Args[1:])
	if !was {
		err = fmt.Errorf("it is started by the driver, with a role")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-protoactor:", err)
		os.Exit(1)
	}
}
