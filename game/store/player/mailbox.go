package player

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// Mails returns a player's newest mails without their bodies, the newest first: those before the one with the ID before, if it is not 0, and at
// most limit, as [Store.Matches] has it. unread is how many of all there are that are not read.
func (s *Store) Mails(ctx context.Context, id ID, limit int, before MailID) (mails []Mail, unread int, err error) {
	now := s.nowMS()
	there := func() *gorm.DB {
		return s.db.WithContext(ctx).Model(&mailRow{}).Where("player = ? AND (expires_at = 0 OR expires_at > ?)", id, now)
	}
	query := there()
	if before != 0 {
		query = query.Where("id < ?", before)
	}
	var rows []mailRow
	if err := query.Omit("body").Order("id DESC").Limit(limited(limit)).Find(&rows).Error; err != nil {
		return nil, 0, fmt.Errorf("mails of player %d: %w", id, err)
	}
	mails = make([]Mail, len(rows))
	for i, r := range rows {
		if mails[i], err = r.mail(); err != nil {
			return nil, 0, err
		}
	}
	var n int64
	if err := there().Where("read_at = 0").Count(&n).Error; err != nil {
		return nil, 0, fmt.Errorf("unread mails of player %d: %w", id, err)
	}
	return mails, int(n), nil
}

// ReadMail returns a mail with its body, and notes that it is read. It is for the world that holds the player under that epoch; 0 is for who need
// not hold him. It is [ErrNoMail] or [ErrFenced].
func (s *Store) ReadMail(ctx context.Context, id ID, epoch uint64, mail MailID) (Mail, error) {
	var m Mail
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if _, err := hold(tx, id, epoch); err != nil {
			return err
		}
		row, err := s.mail(tx, id, mail)
		if err != nil {
			return err
		}
		if row.ReadAt == 0 {
			row.ReadAt = s.nowMS()
			if err := tx.Model(&row).Select("read_at").Updates(row).Error; err != nil {
				return err
			}
		}
		m, err = row.mail()
		return err
	})
	if err != nil {
		return Mail{}, fmt.Errorf("read mail %d of player %d: %w", mail, id, err)
	}
	return m, nil
}

// ClaimMail gives a player what is in a mail, once: a repetition changes nothing and returns the first result, also when the mail is gone by then.
// epoch is as in [Store.ReadMail]. It is [ErrNoMail], [ErrFenced], [ErrTooMuch], or fault.FailedPrecondition for a mail with nothing in it;
// then everything stays as it was.
func (s *Store) ClaimMail(ctx context.Context, id ID, epoch uint64, mail MailID) (Mail, Result, error) {
	var m Mail
	var result Result
	key := claimKey + strconv.FormatInt(int64(mail), 10)
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		m, result = Mail{ID: mail, Read: true, Claimed: true}, Result{}
		player, err := hold(tx, id, epoch)
		if err != nil {
			return err
		}
		row, found := s.mail(tx, id, mail)
		if found != nil && !errors.Is(found, ErrNoMail) {
			return found
		}
		if result.Repeated, err = recall(tx, id, key, &result); err != nil {
			return err
		}
		if !result.Repeated {
			if found != nil {
				return found
			}
			if result, err = s.claim(tx, &player, &row, key); err != nil {
				return err
			}
		}
		if found == nil {
			m, err = row.mail()
		}
		return err
	})
	if err != nil {
		return Mail{}, Result{}, fmt.Errorf("claim mail %d of player %d: %w", mail, id, err)
	}
	return m, result, nil
}

// claim gives what is in a mail to its player, whose row is locked.
func (s *Store) claim(tx *gorm.DB, player *playerRow, row *mailRow, key string) (Result, error) {
	m, err := row.mail()
	if err != nil {
		return Result{}, err
	}
	changes, err := m.Goods.changes()
	if err != nil {
		return Result{}, err
	}
	if len(changes) == 0 {
		return Result{}, fault.New(fault.FailedPrecondition, "there is nothing in the mail")
	}
	have, err := s.post(tx, []posting{{player: player.ID, op: key, reason: "mail", owed: true, changes: changes}})
	if err != nil {
		return Result{}, err
	}
	if err := s.progress(tx, player, 0, 0); err != nil {
		return Result{}, err
	}
	row.ClaimedAt = player.UpdatedAt
	if row.ReadAt == 0 {
		row.ReadAt = player.UpdatedAt
	}
	if err := tx.Model(row).Select("read_at", "claimed_at").Updates(*row).Error; err != nil {
		return Result{}, err
	}
	result := resultOf(*player, have[player.ID])
	return result, remember(tx, player.ID, key, result, player.UpdatedAt)
}

// Claimable returns the mails with something to claim, the oldest first, and at most limit, as
// [Store.Matches] has it.
func (s *Store) Claimable(ctx context.Context, id ID, limit int) ([]MailID, error) {
	var ids []MailID
	err := s.db.WithContext(ctx).Model(&mailRow{}).
		Where("player = ? AND claimed_at = 0 AND attachments <> ? AND (expires_at = 0 OR expires_at > ?)", id, noGoods, s.nowMS()).
		Order("id").Limit(limited(limit)).Pluck("id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("claimable mails of player %d: %w", id, err)
	}
	return ids, nil
}

// DeleteMail deletes a mail. One with something unclaimed in it is [ErrUnclaimed], unless withGoods. One that is not there is no error. epoch is as
// in [Store.ReadMail].
func (s *Store) DeleteMail(ctx context.Context, id ID, epoch uint64, mail MailID, withGoods bool) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if _, err := hold(tx, id, epoch); err != nil {
			return err
		}
		row, err := s.mail(tx, id, mail)
		switch {
		case errors.Is(err, ErrNoMail):
			return nil
		case err != nil:
			return err
		case row.unclaimed() && !withGoods:
			return ErrUnclaimed
		}
		return tx.Delete(&row).Error
	})
	if err != nil {
		return fmt.Errorf("delete mail %d of player %d: %w", mail, id, err)
	}
	return nil
}

// mail reads a mail that has not expired. The transaction has locked the player's row.
func (s *Store) mail(tx *gorm.DB, id ID, mail MailID) (mailRow, error) {
	var row mailRow
	err := tx.Take(&row, "player = ? AND id = ?", id, mail).Error
	if errors.Is(err, store.ErrNotFound) || err == nil && row.expired(s.nowMS()) {
		return row, ErrNoMail
	}
	return row, err
}
