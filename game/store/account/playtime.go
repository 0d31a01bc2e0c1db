package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/store"
)

// Playtime is how long an account has played, as far as its time is limited and so counted.
type Playtime struct {
	Account ID
	Area    uint16        // where it came in last
	Day     int64         // the newest day on which it has played, as 20260131
	Played  time.Duration // on that day
	Counted time.Time     // up to when; it is what [Store.CountPlaytime] knows the row by
	Login   time.Time     // when it came in last
}

// On is how long the account has played on a day. The newest day of all areas counts, so that nobody has more by changing areas.
func (p Playtime) On(day int64) time.Duration {
	if day > p.Day {
		return 0
	}
	return p.Played
}

type playtimeRow struct {
	Account   ID `gorm:"primaryKey;autoIncrement:false"`
	Area      uint16
	Day       int64
	PlayedMS  int64 `gorm:"column:played_ms"`
	CountedAt int64
	LoginAt   int64
	Watched   int
}

func (playtimeRow) TableName() string { return "playtime" }

func (r playtimeRow) playtime() Playtime {
	return Playtime{
		Account: r.Account, Area: r.Area, Day: r.Day, Played: time.Duration(r.PlayedMS) * time.Millisecond,
		Counted: time.UnixMilli(r.CountedAt), Login: time.UnixMilli(r.LoginAt),
	}
}

// PlaytimeOf is how long an account has played. One that was never watched has not played.
func (s *Store) PlaytimeOf(ctx context.Context, acc ID) (Playtime, error) {
	var row playtimeRow
	err := s.db.WithContext(ctx).Take(&row, "account = ?", acc).Error
	if errors.Is(err, store.ErrNotFound) {
		return Playtime{Account: acc}, nil
	}
	if err != nil {
		return Playtime{}, fmt.Errorf("playtime of account %d: %w", acc, err)
	}
	return row.playtime(), nil
}

// Watch has an account's time counted from now on, because it comes in: see [Store.Watched]. It is [ErrNoAccount].
func (s *Store) Watch(ctx context.Context, acc ID, area uint16) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := lockAccount(tx, acc); err != nil {
			return err
		}
		now := s.now().UnixMilli()
		row := playtimeRow{Account: acc, Area: area, CountedAt: now, LoginAt: now, Watched: 1}
		err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
		if err == nil { // one who came back from being away is not counted for it
			err = tx.Model(&playtimeRow{}).Where("account = ? AND watched = 0", acc).Update("counted_at", now).Error
		}
		if err == nil {
			err = tx.Model(&playtimeRow{}).Where("account = ?", acc).Updates(map[string]any{"area": area, "login_at": now, "watched": 1}).Error
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("watch the time of account %d: %w", acc, err)
	}
	return nil
}

// Watched is up to limit accounts that are watched and were not counted since then, those first that were counted longest ago.
func (s *Store) Watched(ctx context.Context, since time.Time, limit int) ([]Playtime, error) {
	var rows []playtimeRow
	err := s.db.WithContext(ctx).Order("counted_at").Limit(limit).Find(&rows, "watched = 1 AND counted_at < ?", since.UnixMilli()).Error
	if err != nil {
		return nil, fmt.Errorf("accounts whose time is counted: %w", err)
	}
	list := make([]Playtime, len(rows))
	for i, r := range rows {
		list[i] = r.playtime()
	}
	return list, nil
}

// CountPlaytime stores what has become of one that [Store.Watched] has given: its Day, Played and Counted, and whether it is still watched. before is
// its Counted as it was. Of several who count the same only one does, and is told so.
func (s *Store) CountPlaytime(ctx context.Context, before time.Time, p Playtime, watched bool) (counted bool, err error) {
	change := map[string]any{"day": p.Day, "played_ms": p.Played.Milliseconds(), "counted_at": p.Counted.UnixMilli(), "watched": 0}
	if watched {
		change["watched"] = 1
	}
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		done := tx.Model(&playtimeRow{}).
			Where("account = ? AND watched = 1 AND counted_at = ? AND login_at = ?", p.Account, before.UnixMilli(), p.Login.UnixMilli()).Updates(change)
		counted = done.RowsAffected == 1
		return done.Error
	})
	if err != nil {
		return false, fmt.Errorf("count the time of account %d: %w", p.Account, err)
	}
	return counted, nil
}

// PlayersOf is whom accounts play, in all areas.
func (s *Store) PlayersOf(ctx context.Context, accounts []ID) (map[ID][]int64, error) {
	var rows []characterRow
	if err := s.db.WithContext(ctx).Find(&rows, "account IN ?", accounts).Error; err != nil {
		return nil, fmt.Errorf("players of %d accounts: %w", len(accounts), err)
	}
	players := map[ID][]int64{}
	for _, r := range rows {
		players[r.Account] = append(players[r.Account], r.Player)
	}
	return players, nil
}
