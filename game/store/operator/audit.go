package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// An Outcome is what came of an act.
type Outcome string

// Outcomes. An entry whose end was never recorded is Unknown as well.
const (
	Done    Outcome = "done"
	Failed  Outcome = "failed"
	Unknown Outcome = "unknown"
)

// Bounds of texts in the audit, in characters.
const (
	maxText   = 500
	maxTarget = 191
)

// An Entry is one act of an operator. Before, Args, Result and After are JSON.
type Entry struct {
	ID       int64           `json:"id,string"`
	Operator string          `json:"operator"`
	Address  string          `json:"address"`
	Act      string          `json:"act"`
	Target   string          `json:"target"`
	Args     json.RawMessage `json:"args"`
	Reason   string          `json:"reason"`
	Before   json.RawMessage `json:"before"`
	Began    time.Time       `json:"began"`
	Result
}

// A Result is what came of an act.
type Result struct {
	Outcome Outcome         `json:"outcome"`
	Error   string          `json:"error,omitempty"`
	Value   json.RawMessage `json:"result"`
	After   json.RawMessage `json:"after"`
	Ended   time.Time       `json:"ended,omitzero"`
}

type auditRow struct {
	ID         int64 `gorm:"primaryKey;autoIncrement:false"`
	Operator   string
	Address    string
	Act        string
	Target     string
	Args       string
	Reason     string
	BeforeJSON string `gorm:"column:before_json"`
	BeganAt    int64
}

func (auditRow) TableName() string { return "audit" }

type resultRow struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	Outcome   Outcome
	Error     string
	Result    string
	AfterJSON string `gorm:"column:after_json"`
	EndedAt   int64
}

func (resultRow) TableName() string { return "audit_results" }

// Begin records an act before it is done, and returns its number.
func (s *Store) Begin(ctx context.Context, e Entry) (number int64, err error) {
	row := auditRow{
		ID: int64(s.ids.Next()), Operator: e.Operator, Address: e.Address, Act: e.Act, Target: cut(e.Target, maxTarget), Args: text(e.Args), Reason: e.Reason,
		BeforeJSON: text(e.Before), BeganAt: s.now().UnixMilli(),
	}
	if err := store.InTx(ctx, s.db, func(tx *gorm.DB) error { return tx.Create(&row).Error }); err != nil {
		return 0, fmt.Errorf("record what is to be done: %w", err)
	}
	return row.ID, nil
}

// End records what came of an act, once: a second time is fault.AlreadyExists, and changes nothing.
func (s *Store) End(ctx context.Context, number int64, r Result) error {
	row := resultRow{
		ID: number, Outcome: r.Outcome, Error: cut(r.Error, maxText), Result: text(r.Value), AfterJSON: text(r.After), EndedAt: s.now().UnixMilli(),
	}
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error { return tx.Create(&row).Error })
	if errors.Is(err, store.ErrDuplicate) {
		return fault.New(fault.AlreadyExists, "what came of it is recorded already")
	}
	if err != nil {
		return fmt.Errorf("record what came of %d: %w", number, err)
	}
	return nil
}

// A Filter says which entries of the audit: those with all that is not empty.
type Filter struct{ Target, Operator, Act string }

// Audit is the newest entries before a number, 0 being the newest of all.
func (s *Store) Audit(ctx context.Context, before int64, f Filter, limit int) ([]Entry, error) {
	query := s.db.WithContext(ctx).Order("id DESC").Limit(limit)
	if before > 0 {
		query = query.Where("id < ?", before)
	}
	for column, value := range map[string]string{"target": f.Target, "operator": f.Operator, "act": f.Act} {
		if value != "" {
			query = query.Where(column+" = ?", value)
		}
	}
	var rows []auditRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the audit: %w", err)
	}
	numbers := make([]int64, len(rows))
	for i, r := range rows {
		numbers[i] = r.ID
	}
	var results []resultRow
	if err := s.db.WithContext(ctx).Find(&results, "id IN ?", numbers).Error; err != nil {
		return nil, fmt.Errorf("read the audit: %w", err)
	}
	ended := map[int64]resultRow{}
	for _, r := range results {
		ended[r.ID] = r
	}
	entries := make([]Entry, len(rows))
	for i, r := range rows {
		entries[i] = Entry{
			ID: r.ID, Operator: r.Operator, Address: r.Address, Act: r.Act, Target: r.Target, Args: []byte(r.Args), Reason: r.Reason,
			Before: []byte(r.BeforeJSON), Began: time.UnixMilli(r.BeganAt).UTC(), Result: ended[r.ID].result(),
		}
	}
	return entries, nil
}

// result of the zero row is that nothing is known.
func (r resultRow) result() Result {
	if r.ID == 0 {
		return Result{Outcome: Unknown, Value: []byte("null"), After: []byte("null")}
	}
	return Result{Outcome: r.Outcome, Error: r.Error, Value: []byte(r.Result), After: []byte(r.AfterJSON), Ended: time.UnixMilli(r.EndedAt).UTC()}
}

// text is JSON, null if there is none.
func text(value json.RawMessage) string {
	if len(value) == 0 {
		return "null"
	}
	return string(value)
}

// cut is text with at most n characters.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n])
}
