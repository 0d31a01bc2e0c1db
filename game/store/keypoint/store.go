package keypoint

import (
	"time"

	"gorm.io/gorm"
)

// The longest that a text of an event may be, in characters; all are ASCII.
const (
	MaxApp    = 32
	MaxID     = 36
	MaxName   = 32
	MaxPlayer = 64
	MaxDetail = 191
)

// A Day is a UTC day, counted from 1970-01-01.
type Day int32

// DayOf is the day of t.
func DayOf(t time.Time) Day { return Day(t.UnixMilli() / (24 * time.Hour).Milliseconds()) }

// Time is the beginning of the day.
func (d Day) Time() time.Time { return time.Unix(int64(d)*int64((24*time.Hour)/time.Second), 0).UTC() }

// String is the day as 2006-01-02.
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// MarshalText is String.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// An Event is something that a player did.
type Event struct {
	App      string        // the write key that it came with
	ID       string        // made by the client; unique in the app
	Name     string        // as declared
	Player   string        // opaque
	At       time.Time     // when it happened, put right by Skew
	Skew     time.Duration // what was added to the client's time
	Received time.Time
	Fields   string // a JSON object
}

// A Reject is something that came and was no declared event.
type Reject struct {
	Entry    string    `json:"entry"`  // where in the stream it stood,
	Number   int       `json:"number"` // and its number there: together they are unique
	App      string    `json:"app"`
	Reason   string    `json:"reason"` // one of few
	Detail   string    `json:"detail"` // for people; at most MaxDetail characters
	Body     string    `json:"body"`   // what came, cut
	Received time.Time `json:"received"`
}

// A Store is the tables. It is safe for concurrent use, by any number of processes.
type Store struct {
	db     *gorm.DB
	active *recent
}

// New uses db, the handle of owner "keypoint".
func New(db *gorm.DB) *Store { return &Store{db: db, active: newRecent(recentRows)} }

type eventRow struct {
	App      string `gorm:"primaryKey"`
	ID       string `gorm:"primaryKey"`
	Name     string
	Player   string
	Day      Day
	At       int64
	Skew     int64
	Received int64
	Fields   string
}

// TableName is the table of events.
func (eventRow) TableName() string { return "events" }

type activityRow struct {
	App    string `gorm:"primaryKey"`
	Day    Day    `gorm:"primaryKey;autoIncrement:false"`
	Player string `gorm:"primaryKey"`
}

// TableName is the table of active players.
func (activityRow) TableName() string { return "activity" }

type rejectRow struct {
	Entry    string `gorm:"primaryKey"`
	Number   int    `gorm:"primaryKey;autoIncrement:false"`
	App      string
	Reason   string
	Detail   string
	Body     string
	Received int64
}

// TableName is the table of what was malformed.
func (rejectRow) TableName() string { return "quarantine" }
