// Command game is the whole backend: `game up` runs everything on one's own machine, `game run` any part of it on a server.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"loumiao/game/app"
)

// doubled is how soon after the first signal another one counts as the same: shells and supervisors signal a process and its group.
const doubled = 200 * time.Millisecond

func main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, endings(signal.Ignored)...)
	go func() {
		<-signals
		stop()
		time.Sleep(doubled)
		for len(signals) > 0 {
			<-signals
		}
		<-signals
		fmt.Fprintln(os.Stderr, "stopped by force: what was not saved yet is lost")
		os.Exit(130)
	}()
	os.Exit(app.Run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// endings is the signals that end the program in order: also that of a terminal that is closed, except under nohup.
func endings(ignored func(os.Signal) bool) []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}
