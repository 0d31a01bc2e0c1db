package player

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// sent is what applied remembers of a mail.
type sent struct {
	Mail MailID `json:"mail"`
}

// SendMail puts a mail into a player's mailbox, once for each key: a repetition changes nothing, and returns the first one's ID with repeated.
//
// A mailbox holds [MaxMails]. In a full one the oldest mail gives way that is read and has nothing to claim; for a mail with goods also one that is
// not read. What is unclaimed never gives way: then it is [ErrMailFull]. It is [ErrNotFound] when the player was never loaded, [ErrErased], or
// fault.Invalid when l itself is wrong.
func (s *Store) SendMail(ctx context.Context, l Letter) (mail Mail, repeated bool, err error) {
	if err := l.validate(); err != nil {
		return Mail{}, false, err
	}
	if err := s.checkGoods(l.Goods); err != nil && !l.Owed {
		return Mail{}, false, err
	}
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		row, err := lock(tx, l.Player)
		if err != nil {
			return err
		}
		if row.ErasedAt != 0 { // who would delete it?
			return ErrErased
		}
		mail, repeated, err = s.sendOnce(tx, l)
		return err
	})
	if err != nil {
		return Mail{}, false, fmt.Errorf("send mail %s to player %d: %w", l.Key, l.Player, err)
	}
	return mail, repeated, nil
}

// sendOnce is [Store.SendMail] of a valid letter in a transaction that has locked the player's row, or has made it.
func (s *Store) sendOnce(tx *gorm.DB, l Letter) (mail Mail, repeated bool, err error) {
	changes, err := l.Goods.changes()
	if err != nil {
		return Mail{}, false, err
	}
	var before sent
	if repeated, err = recall(tx, l.Player, mailKey+l.Key, &before); repeated || err != nil {
		return Mail{ID: before.Mail, Key: l.Key}, repeated, err
	}
	row, err := s.deliver(tx, l, len(changes) > 0)
	if err != nil {
		return Mail{}, false, err
	}
	if mail, err = row.mail(); err != nil {
		return Mail{}, false, err
	}
	return mail, false, remember(tx, l.Player, mailKey+l.Key, sent{row.ID}, row.CreatedAt)
}

// deliver stores a mail, under a key of its own if it has none. The transaction has locked the player's row.
func (s *Store) deliver(tx *gorm.DB, l Letter, goods bool) (mailRow, error) {
	now := s.nowMS()
	row := mailRow{
		Player: l.Player, ID: MailID(s.ids.Next()), Op: l.Key, Sender: l.Sender, Subject: l.Subject, Body: l.Body, Attachments: noGoods, CreatedAt: now,
	}
	if row.Op == "" {
		row.Op = spillKey + strconv.FormatInt(int64(row.ID), 10)
	}
	if goods {
		text, err := json.Marshal(l.Goods)
		if err != nil {
			return row, err
		}
		row.Attachments = string(text)
	}
	if !l.Expires.IsZero() {
		row.ExpiresAt = l.Expires.UnixMilli()
		if row.expired(now) {
			return row, fault.New(fault.Invalid, "the mail has expired already")
		}
	}
	if err := makeRoom(tx, l.Player, now, goods); err != nil {
		return row, err
	}
	return row, tx.Create(&row).Error
}

// makeRoom makes room for one mail, with or without goods.
func makeRoom(tx *gorm.DB, player ID, now int64, goods bool) error {
	var n int64
	if err := tx.Model(&mailRow{}).Where("player = ?", player).Count(&n).Error; err != nil || n < MaxMails {
		return err
	}
	var rows []mailRow // the oldest first; without their bodies
	err := tx.Select("player", "id", "attachments", "expires_at", "read_at", "claimed_at").Order("id").Find(&rows, "player = ?", player).Error
	if err != nil {
		return err
	}
	gone, way := []MailID{}, MailID(0)
	for _, r := range rows {
		switch {
		case r.expired(now):
			gone = append(gone, r.ID)
		case !r.unclaimed() && r.ReadAt != 0 && way == 0:
			way = r.ID
		}
	}
	for _, r := range rows {
		if goods && way == 0 && !r.unclaimed() && !r.expired(now) {
			way = r.ID
		}
	}
	switch {
	case len(gone) > 0:
	case way != 0:
		gone = append(gone, way)
	default:
		return ErrMailFull
	}
	return tx.Delete(&mailRow{}, "player = ? AND id IN ?", player, gone).Error
}

// expireBatch bounds the mails that one transaction deletes.
const expireBatch = 500

// ExpireMails deletes mails that have expired, at most 500, and returns how many.
func (s *Store) ExpireMails(ctx context.Context) (int, error) {
	var gone int
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		gone = 0
		var rows []mailRow
		err := tx.Select("player", "id").Order("expires_at").Limit(expireBatch).Find(&rows, "expires_at > 0 AND expires_at <= ?", s.nowMS()).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			if err := tx.Delete(&r).Error; err != nil {
				return err
			}
		}
		gone = len(rows)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("expire mails: %w", err)
	}
	return gone, nil
}
