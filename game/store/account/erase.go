package account

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// erased stands where something was written about a person.
const erased = "erased"

// ErasePlayer removes what is known of the person who plays a player: the account, how it was logged in to, its logins, and what was written about
// them. Ids stay where others refer to them: which players the account had, and that it was sanctioned, when and by whom. Nobody can log in to it or
// bind anything to it any more; a token that is out lives for its few minutes. It returns the account and all players that it had, in every area, which
// other owners of tables are to erase too. A player whom nobody knows has none; erasing again changes nothing.
func (s *Store) ErasePlayer(ctx context.Context, player int64) (acc ID, players []int64, err error) {
	var row characterRow
	err = s.db.WithContext(ctx).Take(&row, "player = ?", player).Error
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil, nil
	}
	acc = row.Account
	if err == nil {
		err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
			// The account goes first: whoever would bind something to it waits for its row, and then does not find it.
			if err := tx.Delete(&accountRow{}, "id = ?", row.Account).Error; err != nil {
				return err
			}
			if err := tx.Delete(&identityRow{}, "account = ?", row.Account).Error; err != nil {
				return err
			}
			for _, row := range []any{&refreshRow{}, &personRow{}, &playtimeRow{}} {
				if err := tx.Delete(row, "account = ?", acc).Error; err != nil {
					return err
				}
			}
			return tx.Model(&sanctionRow{}).Where("account = ?", row.Account).Update("reason", erased).Error
		})
	}
	if err != nil {
		return 0, nil, fmt.Errorf("erase the account of player %d: %w", player, err)
	}
	players, err = s.Players(ctx, acc)
	return acc, players, err
}

// Unregister takes back what [Store.Register] has made, and what was noted of its owner since. An account that somebody has logged in to stays, and one that there is not is no error.
func (s *Store) Unregister(ctx context.Context, acc ID) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := lockAccount(tx, acc); errors.Is(err, ErrNoAccount) { // whoever logs in meanwhile waits for its row
			return nil
		} else if err != nil {
			return err
		}
		for _, used := range []any{&characterRow{}, &refreshRow{}, &sanctionRow{}} {
			var n int64
			if err := tx.Model(used).Where("account = ?", acc).Count(&n).Error; err != nil || n > 0 {
				return err
			}
		}
		for _, row := range []any{&identityRow{}, &personRow{}, &playtimeRow{}} {
			if err := tx.Delete(row, "account = ?", acc).Error; err != nil {
				return err
			}
		}
		return tx.Delete(&accountRow{}, "id = ?", acc).Error
	})
	if err != nil {
		return fmt.Errorf("take back the registration of account %d: %w", acc, err)
	}
	return nil
}
