package robot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"loumiao/robot/client"
)

// hopelessAfter is how long nobody may come through a gate before the run is given up.
const hopelessAfter = 10 * time.Second

// Why the context of a run ends, if not because the caller's did.
var (
	errGraceOver = errors.New("the run was over before this was")
	errHopeless  = errors.New("nobody could get in")
)

// Run lets robots play, and reports when they are done. The error is about the configuration; what went wrong in the game is in the report.
// When ctx ends, the robots stop where they are and the report says what they have seen. When nobody comes as far as through a gate
// for 10 seconds, the run is given up.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	began := time.Now()
	run, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	run, stop := context.WithDeadlineCause(run, began.Add(cfg.For).Add(cfg.Grace), errGraceOver)
	defer stop()
	playing, stopPlaying := context.WithDeadlineCause(run, began.Add(cfg.For), errTimeUp)
	defer stopPlaying()
	t := newTally(run)

	web := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute,
	}}
	defer web.CloseIdleConnections()
	login := client.Login{Base: cfg.Login, HTTP: web}
	shop, lobby := openShop(playing, cfg, web), &lobby{}
	events := client.KeyPoints{Base: cfg.Keypoint, Key: cfg.KeypointKey, HTTP: web}

	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { watch(cfg, t, began, done, giveUp) })
	fresh := func(number int) *robot { return newRobot(cfg, t, cfg.First+number, login, shop, lobby, events) }
	if cfg.Rate > 0 {
		newOpen(cfg, t, fresh, func(r *robot, due time.Time) outcome { return r.call(run, playing, due) }).run(playing, began)
	} else {
		closed(run, playing, cfg, began, fresh)
	}
	close(done)
	watching.Wait()
	return t.report(cfg, time.Since(began), ctx.Err() != nil), nil
}

// closed is the closed model: each robot comes once, as the profile says, and stays. It returns when all have gone.
func closed(run, playing context.Context, cfg Config, began time.Time, fresh func(number int) *robot) {
	var robots sync.WaitGroup
	for i := range cfg.Robots {
		robots.Go(func() {
			from, until := cfg.presence(i)
			present, leave := context.WithDeadlineCause(playing, began.Add(until), errTimeUp)
			defer leave()
			if sleep(present, from-time.Since(began)) {
				_ = fresh(i).play(run, present) // what went wrong has been counted
			}
		})
	}
	robots.Wait()
}

// stopped reports whether a run was ended before its time, so that whatever robots were about could not succeed.
func stopped(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return cause != nil && cause != errTimeUp && cause != errGraceOver
}

// watch writes a line of progress each second until done, and gives a hopeless run up.
func watch(cfg Config, t *tally, began time.Time, done <-chan struct{}, giveUp context.CancelCauseFunc) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before int64
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			requests, errors, news := t.totals()
			for _, text := range news {
				fmt.Fprintf(cfg.Progress, "       %s\n", text)
			}
			line := fmt.Appendf(nil, "%5ds ", int(time.Since(began).Seconds()))
			for s := range stages {
				line = fmt.Appendf(line, "  %s %d", stageNames[s], t.reached[s].Load())
			}
			if cfg.Rate > 0 {
				t.arrival(func(a *Arrivals) { line = fmt.Appendf(line, "   %d arrived, no room for %d", a.Arrived, a.NoRoom) })
			}
			line = fmt.Appendf(line, "   %d requests/s   %d errors\n", requests-before, errors)
			_, _ = cfg.Progress.Write(line) // nobody misses progress that cannot be shown
			before = requests
			if _, is := t.hopeless(); is && time.Since(began) >= hopelessAfter {
				giveUp(errHopeless)
			}
		}
	}
}
