package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

type characterRow struct {
	Account   ID     `gorm:"primaryKey"`
	Area      uint16 `gorm:"primaryKey"`
	Player    int64
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

func (characterRow) TableName() string { return "characters" }

// Character returns the player that an account plays in an area, and gives it a new id the first time. Any number of calls at once get
// the same. It is [ErrNoAccount] for an account that there is not, or no more, unless it had that player before.
func (s *Store) Character(ctx context.Context, account ID, area uint16) (player int64, err error) {
	// The second time round finds the one that another call has just made.
	for again := false; ; again = true {
		var row characterRow
		err := s.db.WithContext(ctx).Take(&row, "account = ? AND area = ?", account, area).Error
		if err == nil {
			return row.Player, nil
		}
		if errors.Is(err, store.ErrNotFound) {
			row = characterRow{Account: account, Area: area, Player: s.ids.Next(), CreatedAt: s.now().UnixMilli()}
			err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
				if err := lockAccount(tx, account); err != nil { // an erasure names the players that there are, and none may come behind it
					return err
				}
				return tx.Create(&row).Error
			})
			if errors.Is(err, store.ErrDuplicate) && !again {
				continue
			}
		}
		if err != nil {
			return 0, fmt.Errorf("character of account %d in area %d: %w", account, area, err)
		}
		return row.Player, nil
	}
}

// Players is whom an account plays, in all areas.
func (s *Store) Players(ctx context.Context, account ID) ([]int64, error) {
	var players []int64
	if err := s.db.WithContext(ctx).Model(&characterRow{}).Order("area").Where("account = ?", account).Pluck("player", &players).Error; err != nil {
		return nil, fmt.Errorf("players of account %d: %w", account, err)
	}
	return players, nil
}

// OfPlayer is the account that plays a player, or [ErrNoAccount]. One that was erased still has its number.
func (s *Store) OfPlayer(ctx context.Context, player int64) (ID, error) {
	var row characterRow
	err := s.db.WithContext(ctx).Take(&row, "player = ?", player).Error
	if errors.Is(err, store.ErrNotFound) {
		return 0, ErrNoAccount
	}
	if err != nil {
		return 0, fmt.Errorf("account of player %d: %w", player, err)
	}
	return row.Account, nil
}

// Named is the account whose owner logs in with a name, in whatever case, or [ErrNoAccount].
func (s *Store) Named(ctx context.Context, name string) (ID, error) {
	if !nameForm.MatchString(name) { // it may not even be looked up: MySQL finds "ada" for "ada "
		return 0, ErrNoAccount
	}
	row, err := s.find(ctx, kindPassword, strings.ToLower(name))
	if errors.Is(err, store.ErrNotFound) {
		return 0, ErrNoAccount
	}
	if err != nil {
		return 0, fmt.Errorf("account with a name: %w", err)
	}
	return row.Account, nil
}

// Exists is whether there is such an account, and it was not erased.
func (s *Store) Exists(ctx context.Context, account ID) (bool, error) {
	var n int64
	if err := s.db.WithContext(ctx).Model(&accountRow{}).Where("id = ?", account).Count(&n).Error; err != nil {
		return false, fmt.Errorf("account %d: %w", account, err)
	}
	return n > 0, nil
}
