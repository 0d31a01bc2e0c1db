package public

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/robfig/cron/v3"

	"loumiao/framework/fault"
	"loumiao/game/area"
	"loumiao/game/store/public"
)

const (
	missedAfter = time.Minute         // how late a run may begin, without counting as one that nobody did at its time
	longestNap  = 30 * time.Second    // after which a job looks at the clock again, should it have been changed
	longAgo     = 40 * 24 * time.Hour // runs that were due before are not even looked for
	tidyAfter   = 7 * 24 * time.Hour  // how long an expired broadcast is kept
)

// A Job is something that is done in each area at certain times.
type Job struct {
	// Name names it for good: 1 to 64 lower-case letters, digits, "-" and "_".
	Name string
	// Cron is when, as a cron expression (minute, hour, day of the month, month, day of the week; a first field for seconds may be given; or "@daily" and the like)
	// on a clock that shows 00:00 at the area's reset hour. In the hour that the clocks show twice it runs the first time only.
	Cron string
	// CatchUp has the last run that nobody did at its time, because nobody led, done late; without it there is none.
	CatchUp bool
	// Run does it. When the leader dies, the next one runs it again, for the same area and time: it goes on, and what it has done already it does not do
	// twice. It ends when ctx does.
	Run func(ctx context.Context, area uint16, at time.Time) error
}

var jobNames = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

func (j Job) validate() error {
	if !jobNames.MatchString(j.Name) || j.Run == nil {
		return fmt.Errorf(`public: job %q: a name has 1 to 64 lower-case letters, digits, "-" and "_", and there must be something to run`, j.Name)
	}
	if _, err := parseCron(j.Cron); err != nil {
		return fmt.Errorf("public: job %s: %w", j.Name, err)
	}
	return nil
}

// parseCron reads a cron expression. Time zones are the areas', and not the expression's.
func parseCron(text string) (cron.Schedule, error) {
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	if len(text) > 100 || zoned.MatchString(text) {
		return nil, fmt.Errorf("%.40q is no cron expression of at most 100 characters, without a time zone", text)
	}
	schedule, err := parser.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	if schedule.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("%q is never", text)
	}
	return schedule, nil
}

var zoned = regexp.MustCompile(`^\s*(CRON_)?TZ=`)

// nextRun is the first time after t.
func nextRun(schedule cron.Schedule, calendar *area.Calendar, t time.Time) time.Time {
	for wall := schedule.Next(calendar.Wall(t)); !wall.IsZero(); wall = schedule.Next(wall) {
		if at := calendar.At(wall); at.After(t) {
			return at
		}
	}
	return time.Time{}
}

// keepJob runs a job in an area at its times, until ctx ends.
func (r *reign) keepJob(ctx context.Context, j Job, area uint16) {
	schedule, err := parseCron(j.Cron)
	if err != nil {
		return // checked when the node started
	}
	calendar := r.calendars.Of(area)
	failing := false
	for ctx.Err() == nil {
		pause, err := r.lookAtJob(ctx, j, schedule, calendar, area)
		if err != nil {
			if !r.failed(ctx, "job "+j.Name, err, &failing) {
				return
			}
			continue
		}
		failing = false
		sleep(ctx, pause)
	}
}

// lookAtJob does what is to be done now, and returns how long there is nothing else.
func (r *reign) lookAtJob(ctx context.Context, j Job, schedule cron.Schedule, calendar *area.Calendar, area uint16) (time.Duration, error) {
	last, err := r.leader.LastRun(ctx, j.Name, area)
	if err != nil {
		return 0, err
	}
	if last.Outcome == public.Running { // left by a leader that died
		return 0, r.runJob(ctx, j, area, last.Scheduled)
	}
	now := r.now()
	from := last.Scheduled
	if old := now.Add(-longAgo); from.Before(old) {
		from = old
	}
	due := nextRun(schedule, calendar, from)
	if due.IsZero() {
		return longestNap, nil
	}
	if due.After(now) {
		return min(due.Sub(now), longestNap), nil
	}
	for next := nextRun(schedule, calendar, due); !next.IsZero() && !next.After(now); next = nextRun(schedule, calendar, next) {
		due = next // of those that nobody did, the last one counts
	}
	if now.Sub(due) > missedAfter && !j.CatchUp {
		return 0, r.leader.SkipRun(ctx, j.Name, area, due)
	}
	if _, err := r.leader.StartRun(ctx, j.Name, area, due); err != nil {
		return 0, err
	}
	return 0, r.runJob(ctx, j, area, due)
}

// runJob does a run that is recorded as begun, and records its end; unless it is interrupted, which leaves it to the next leader.
func (r *reign) runJob(ctx context.Context, j Job, area uint16, at time.Time) error {
	failure := guarded(func() error { return j.Run(ctx, area, at) })
	if ctx.Err() != nil {
		return nil
	}
	if fault.CodeOf(failure) == fault.Fenced {
		return failure
	}
	if failure != nil {
		r.log.Error("a job has failed", "job", j.Name, "area", area, "scheduled", at, "err", failure)
	}
	return r.leader.EndRun(ctx, j.Name, area, at, failure)
}

// guarded makes a panic an error.
func guarded(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}

// ownJobs is what public does by itself.
func (s *Service) ownJobs() []Job {
	jobs := []Job{
		{Name: "season-settlement", Cron: "*/10 * * * *", Run: s.settleSeason},
		{Name: "chat-retention", Cron: "30 1 * * *", CatchUp: true, Run: s.trimChat},
		{Name: "broadcast-retention", Cron: "45 1 * * *", Run: s.tidyBroadcasts},
	}
	if s.cfg.Seasons.Cron != "" {
		jobs = append(jobs, Job{Name: "season", Cron: s.cfg.Seasons.Cron, CatchUp: true, Run: s.endSeason})
	}
	return jobs
}

func (s *Service) trimChat(ctx context.Context, area uint16, _ time.Time) error {
	r := s.reign.Load()
	if r == nil {
		return errNotLeading
	}
	for {
		n, err := r.leader.TrimChat(ctx, area, s.cfg.Chat.Keep)
		if err != nil || n == 0 {
			return err
		}
	}
}

func (s *Service) tidyBroadcasts(ctx context.Context, _ uint16, _ time.Time) error {
	r := s.reign.Load()
	if r == nil {
		return errNotLeading
	}
	return r.leader.TidyBroadcasts(ctx, s.now().Add(-tidyAfter))
}
