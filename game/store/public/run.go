package public

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// What became of a run.
const (
	Running  = "running"
	Done     = "done"
	Failed   = "failed"
	Skipped  = "skipped" // nobody led at its time, and the job does not make good for it
	Begun    = "begun"   // no run: from this time on the job is there
	keepRuns = 200       // of a job in an area
)

// A Run is one of a job in an area, at the time for which it was scheduled.
type Run struct {
	Job       string
	Area      uint16
	Scheduled time.Time
	Started   time.Time
	Ended     time.Time // zero: it has not
	Outcome   string
	Error     string
}

type runRow struct {
	Job         string `gorm:"primaryKey"`
	Area        uint16 `gorm:"primaryKey;autoIncrement:false"`
	ScheduledAt int64  `gorm:"primaryKey;autoIncrement:false"`
	StartedAt   int64
	EndedAt     int64
	Outcome     string
	Error       string
}

// TableName is the table of runs.
func (runRow) TableName() string { return "job_runs" }

func (r runRow) run() Run {
	return Run{
		Job: r.Job, Area: r.Area, Scheduled: fromMS(r.ScheduledAt), Started: fromMS(r.StartedAt), Ended: fromMS(r.EndedAt), Outcome: r.Outcome, Error: r.Error,
	}
}

// LastRun is the newest run of a job in an area. Without one, it records now as the time from which on the job is there.
func (l *Leader) LastRun(ctx context.Context, job string, area uint16) (last Run, err error) {
	err = l.tx(ctx, "read the runs of a job", func(tx *gorm.DB) error {
		var row runRow
		err := tx.Order("scheduled_at DESC").Limit(1).Take(&row, "job = ? AND area = ?", job, area).Error
		if errors.Is(err, store.ErrNotFound) {
			now := l.nowMS()
			row = runRow{Job: job, Area: area, ScheduledAt: now, StartedAt: now, EndedAt: now, Outcome: Begun}
			err = tx.Create(&row).Error
		}
		last = row.run()
		return err
	})
	return last, err
}

// StartRun records that a run has begun. It is false when the run was recorded before, whatever became of it.
func (l *Leader) StartRun(ctx context.Context, job string, area uint16, scheduled time.Time) (first bool, err error) {
	return l.record(ctx, runRow{Job: job, Area: area, ScheduledAt: scheduled.UnixMilli(), StartedAt: l.nowMS(), Outcome: Running})
}

// SkipRun records that nobody did a run at its time, and nobody will.
func (l *Leader) SkipRun(ctx context.Context, job string, area uint16, scheduled time.Time) error {
	now := l.nowMS()
	_, err := l.record(ctx, runRow{Job: job, Area: area, ScheduledAt: scheduled.UnixMilli(), StartedAt: now, EndedAt: now, Outcome: Skipped})
	return err
}

func (l *Leader) record(ctx context.Context, row runRow) (first bool, err error) {
	err = l.tx(ctx, "record a run", func(tx *gorm.DB) error {
		err := tx.Take(&runRow{}, "job = ? AND area = ? AND scheduled_at = ?", row.Job, row.Area, row.ScheduledAt).Error
		if first = errors.Is(err, store.ErrNotFound); !first {
			return err
		}
		return tx.Create(&row).Error
	})
	return first, err
}

// EndRun records how a run has ended, and deletes what is known of those long ago.
func (l *Leader) EndRun(ctx context.Context, job string, area uint16, scheduled time.Time, failure error) error {
	row := runRow{EndedAt: l.nowMS(), Outcome: Done}
	if failure != nil {
		row.Outcome, row.Error = Failed, cut(failure.Error(), maxText)
	}
	return l.tx(ctx, "record a run's end", func(tx *gorm.DB) error {
		err := tx.Model(&runRow{}).Where("job = ? AND area = ? AND scheduled_at = ?", job, area, scheduled.UnixMilli()).
			Select("ended_at", "outcome", "error").Updates(&row).Error
		if err != nil {
			return err
		}
		var old []int64
		err = tx.Model(&runRow{}).Where("job = ? AND area = ?", job, area).Order("scheduled_at DESC").Offset(keepRuns).Limit(1).Pluck("scheduled_at", &old).Error
		if err != nil || len(old) == 0 {
			return err
		}
		return tx.Delete(&runRow{}, "job = ? AND area = ? AND scheduled_at <= ? AND outcome <> ?", job, area, old[0], Running).Error
	})
}

// Runs is the newest runs of a job in an area, the newest first.
func (s *Store) Runs(ctx context.Context, job string, area uint16, limit int) ([]Run, error) {
	var rows []runRow
	err := s.db.WithContext(ctx).Order("scheduled_at DESC").Limit(limit).Find(&rows, "job = ? AND area = ?", job, area).Error
	if err != nil {
		return nil, fmt.Errorf("read runs of jobs: %w", err)
	}
	runs := make([]Run, len(rows))
	for i, r := range rows {
		runs[i] = r.run()
	}
	return runs, nil
}
