package player

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"loumiao/framework/fault"
)

// What is told of a login.
const (
	MaxWay      = 64 // bytes of how a player has logged in
	MaxArrivals = 32 // logins between two saves
)

// An Arrival is a login to a player who is held already. A save that is repeated, because its answer was lost, has the log told of it again, which
// stores it once by its ID.
type Arrival struct {
	ID  int64 // positive, of a node's generator
	At  time.Time
	Way string // at most [MaxWay] bytes
}

// How a player has gone.
const (
	left = "left" // whoever held him has said so
	lost = "lost" // he came again, and nobody had
)

type loginDetails struct {
	Way string `json:"way,omitempty"`
}

type logoutDetails struct {
	How     string `json:"how"`
	Seconds int64  `json:"seconds"` // since he came
}

func (a Arrival) check() error {
	if a.ID <= 0 {
		return fault.Errorf(fault.Invalid, "login %d: this is no positive number", a.ID)
	}
	return checkWay(a.Way)
}

func checkWay(way string) error {
	if len(way) > MaxWay || !utf8.ValidString(way) {
		return fault.Errorf(fault.Invalid, "a way to log in is UTF-8 of at most %d bytes", MaxWay)
	}
	return nil
}

// comes has the log told that a player comes in, and before that he went if he is in as far as is known. The row is locked; its CameAt is to be stored.
func (s *Store) comes(tx *gorm.DB, row *playerRow, way string) error {
	now := s.nowMS()
	if row.CameAt != 0 {
		if err := s.oweVisit(tx, row.ID, s.ids.Next(), logoutLog, now, logoutDetails{lost, (now - row.CameAt) / 1000}); err != nil {
			return err
		}
	}
	row.CameAt = now
	return s.oweVisit(tx, row.ID, s.ids.Next(), loginLog, now, loginDetails{way})
}

// visit has the log told what a save says of logins. Saving has locked the player's row.
func (s *Store) visit(tx *gorm.DB, id ID, save Save) error {
	for _, a := range save.Arrivals {
		if err := s.oweVisit(tx, id, a.ID, loginLog, a.At.UnixMilli(), loginDetails{a.Way}); err != nil {
			return err
		}
	}
	if !save.Leaves {
		return nil
	}
	var row playerRow
	if err := tx.Select("came_at").Take(&row, "id = ?", id).Error; err != nil || row.CameAt == 0 {
		return err // he has left before
	}
	now := s.nowMS()
	if err := s.oweVisit(tx, id, s.ids.Next(), logoutLog, now, logoutDetails{left, (now - row.CameAt) / 1000}); err != nil {
		return err
	}
	return tx.Model(&playerRow{}).Where("id = ?", id).Update("came_at", 0).Error
}

func (s *Store) oweVisit(tx *gorm.DB, player ID, id int64, kind string, at int64, details any) error {
	text, err := json.Marshal(details)
	if err != nil {
		return err
	}
	return s.owe(tx, []unloggedRow{{Player: player, Kind: kind, ID: id, At: at, Details: string(text)}})
}
