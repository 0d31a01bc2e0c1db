package queue

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"loumiao/game/api"
)

const (
	taskRoom  = 1 << 14 // tasks that wait for the clerk, each a player
	tasksAWay = 512     // tasks in one round trip
	letAtOnce = 256     // players let in at a time, an area
)

// A clerk does everything in Redis that concerns the order, one thing after the other, and tells the desk in that order. One goroutine runs it.
type clerk struct {
	store *Store
	cfg   Config
	epoch uint64
	tasks <-chan task
	tell  func(ctx context.Context, msg any) error // waits while the desk is busy
	gates *gateWatch
	log   *slog.Logger

	areas   map[api.Area]bool // that this epoch has opened
	waiting map[api.Area]int  // in all lanes, as of the last admission
	looked  time.Time         // at the gates; zero: they are looked at again at once
}

// run serves until ctx ends, or another node leads: then it returns [ErrFenced].
func (c *clerk) run(ctx context.Context) error {
	c.areas, c.waiting = map[api.Area]bool{}, map[api.Area]int{}
	admit := time.NewTicker(c.cfg.Tick)
	defer admit.Stop()
	order := time.NewTicker(c.cfg.UpdateEvery)
	defer order.Stop()
	failing := false
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case t := <-c.tasks:
			err = c.apply(ctx, c.collect(t))
		case <-admit.C:
			if err = c.admit(ctx); err == nil {
				err = c.tell(ctx, &tick{time.Now()})
			}
		case <-order.C:
			err = c.order(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrFenced):
			return err
		case err != nil && !failing:
			c.log.Error("nobody is let in", "error", err)
		case err == nil && failing:
			c.log.Info("the queue goes on")
		}
		failing = err != nil
	}
}

// collect is t and what else is there.
func (c *clerk) collect(t task) []task {
	tasks := []task{t}
	for len(tasks) < tasksAWay {
		select {
		case t := <-c.tasks:
			tasks = append(tasks, t)
		default:
			return tasks
		}
	}
	return tasks
}

func (c *clerk) apply(ctx context.Context, tasks []task) error {
	results := make([]Result, len(tasks))
	var first error
	ops := make([]Op, len(tasks))
	for i, t := range tasks {
		ops[i] = t.op
		if first == nil {
			first = c.open(ctx, t.op.Area)
		}
	}
	if first == nil {
		results = c.store.Apply(ctx, c.epoch, ops)
	}
	for i := range results {
		if first != nil {
			results[i].Err = first
		}
	}
	if i := slices.IndexFunc(results, func(r Result) bool { return r.Err != nil && !errors.Is(r.Err, ErrClosed) }); i >= 0 {
		first = results[i].Err
	}
	return errors.Join(first, c.tell(ctx, &applied{tasks, results, time.Now()}))
}

// open makes this node the area's leader, the first time that it has to do with the area.
func (c *clerk) open(ctx context.Context, area api.Area) error {
	if c.areas[area] {
		return nil
	}
	if err := c.store.Open(ctx, area, c.epoch, false); err != nil {
		return err
	}
	c.areas[area] = true
	return c.look(ctx)
}

// look finds out how the gates are.
func (c *clerk) look(ctx context.Context) error {
	all := 0
	for _, n := range c.waiting {
		all += n
	}
	changed, err := c.gates.look(ctx, c.areas, all)
	if err != nil {
		return err
	}
	c.looked = time.Now()
	for area := range c.areas {
		if c.gates.of(area) != "" {
			c.looked = time.Time{} // at each admission, so that nobody waits longer than he must
		}
	}
	for _, area := range changed {
		if why := c.gates.of(area); why != "" {
			c.log.Warn("nobody is let in", "area", area, "why", why)
		} else {
			c.log.Info("the gates let players in", "area", area)
		}
	}
	return nil
}

func (c *clerk) admit(ctx context.Context) error {
	if time.Since(c.looked) >= api.GatePublishEvery {
		if err := c.look(ctx); err != nil {
			return err
		}
	}
	for area := range c.areas {
		players, waiting, err := c.store.Admit(ctx, area, c.epoch, letAtOnce)
		if errors.Is(err, ErrLost) {
			c.log.Warn("Redis has lost the queue: it is restored from those who are connected", "area", area)
			if err = c.store.Open(ctx, area, c.epoch, true); err == nil {
				err = c.tell(ctx, &lost{area})
			}
			if err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		c.waiting[area] = 0
		for _, n := range waiting {
			c.waiting[area] += n
		}
		if err := c.tell(ctx, &let{area, players, waiting, c.store.limits(area).hold(), time.Now()}); err != nil {
			return err
		}
	}
	return nil
}

// order reads the order of each lane of each area once, for everybody who waits.
func (c *clerk) order(ctx context.Context) error {
	for area := range c.areas {
		for _, lane := range c.store.lanes.names {
			order, err := c.store.Order(ctx, area, lane)
			if err != nil {
				return err
			}
			if err := c.tell(ctx, &ordered{lineID{area, lane}, order}); err != nil {
				return err
			}
		}
	}
	return nil
}
