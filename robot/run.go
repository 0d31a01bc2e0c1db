package robot

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"loumiao/robot/client"
)

// Run lets robots play, and reports when they are done. The error is about the configuration; what went wrong in the game is in the report.
// When ctx ends, the robots stop where they are.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	t := newTally()
	began := time.Now()
	playing, stopPlaying := context.WithTimeout(ctx, cfg.For)
	defer stopPlaying()
	ctx, stop := context.WithTimeout(ctx, cfg.For+cfg.Grace)
	defer stop()

	web := &http.Client{
		Timeout:   requestTimeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
	}
	defer web.CloseIdleConnections()
	login := client.Login{Base: cfg.Login, HTTP: web}

	var robots sync.WaitGroup
	for i := range cfg.Robots {
		robots.Go(func() {
			if sleep(playing, cfg.Ramp*time.Duration(i)/time.Duration(cfg.Robots)) {
				newRobot(cfg, t, i, login).play(ctx, playing)
			}
		})
	}
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { watch(cfg, t, began, done) })
	robots.Wait()
	close(done)
	watching.Wait()
	return t.report(cfg, time.Since(began)), nil
}

// watch writes a line of progress each second until done.
func watch(cfg Config, t *tally, began time.Time, done <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before int64
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			requests, errors := t.totals()
			fmt.Fprintf(cfg.Progress, "%4ds", int(time.Since(began).Seconds()))
			for s := range stages {
				fmt.Fprintf(cfg.Progress, "  %s %d", stageNames[s], t.reached[s].Load())
			}
			fmt.Fprintf(cfg.Progress, "  %d requests/s  %d errors\n", requests-before, errors)
			before = requests
		}
	}
}
