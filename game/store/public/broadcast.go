package public

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// A Broadcast is a mail to all players of an area who were there when it was sent.
type Broadcast struct {
	ID                    int64 // later ones have greater ids, by which players know which they have seen
	Key                   string
	Area                  uint16 // 0: all
	MinLevel, MaxLevel    int32  // 0: no bound
	Sender, Subject, Body string
	Wallet, Items         map[string]int64
	Author                string
	Created, Expires      time.Time
}

type broadcastRow struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	Op        string
	Area      uint16
	MinLevel  int32
	MaxLevel  int32
	Sender    string
	Subject   string
	Body      string
	Goods     string
	Author    string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	ExpiresAt int64
}

// TableName is the table of broadcasts.
func (broadcastRow) TableName() string { return "broadcasts" }

type goods struct {
	Wallet map[string]int64 `json:"wallet,omitempty"`
	Items  map[string]int64 `json:"items,omitempty"`
}

// Broadcast stores a broadcast, once for each key; what it returns is the one that is there, with the id that it has got the first time. That is b's, or the next
// after the newest's when b's is not greater, as from a leader whose clock is behind that of the last one.
func (l *Leader) Broadcast(ctx context.Context, b Broadcast) (Broadcast, error) {
	text, err := json.Marshal(goods{b.Wallet, b.Items})
	if err != nil {
		return b, fmt.Errorf("broadcast: %w", err)
	}
	var row broadcastRow
	err = l.tx(ctx, "broadcast", func(tx *gorm.DB) error {
		row = broadcastRow{}
		if err := tx.Take(&row, "op = ?", b.Key).Error; !errors.Is(err, store.ErrNotFound) {
			return err
		}
		var newest int64
		if err := tx.Model(&broadcastRow{}).Select("COALESCE(MAX(id), 0)").Scan(&newest).Error; err != nil {
			return err
		}
		row = broadcastRow{
			ID: max(b.ID, newest+1), Op: b.Key, Area: b.Area, MinLevel: b.MinLevel, MaxLevel: b.MaxLevel, Sender: b.Sender, Subject: b.Subject, Body: b.Body,
			Goods: string(text), Author: cut(b.Author, maxAuthor), CreatedAt: l.nowMS(), ExpiresAt: b.Expires.UnixMilli(),
		}
		return tx.Create(&row).Error
	})
	if err != nil {
		return b, err
	}
	return row.broadcast()
}

func (r broadcastRow) broadcast() (Broadcast, error) {
	b := Broadcast{
		ID: r.ID, Key: r.Op, Area: r.Area, MinLevel: r.MinLevel, MaxLevel: r.MaxLevel, Sender: r.Sender, Subject: r.Subject, Body: r.Body,
		Author: r.Author, Created: fromMS(r.CreatedAt), Expires: fromMS(r.ExpiresAt),
	}
	var g goods
	if err := json.Unmarshal([]byte(r.Goods), &g); err != nil {
		return b, fmt.Errorf("broadcast %d: %w", r.ID, err)
	}
	b.Wallet, b.Items = g.Wallet, g.Items
	return b, nil
}

// Broadcasts is those of an area, and of all, after one, that have not expired, by id.
func (s *Store) Broadcasts(ctx context.Context, area uint16, after int64, limit int) ([]Broadcast, error) {
	var rows []broadcastRow
	err := s.db.WithContext(ctx).Order("id").Limit(limit).Find(&rows, "id > ? AND expires_at > ? AND area IN ?", after, s.nowMS(), []uint16{0, area}).Error
	if err != nil {
		return nil, fmt.Errorf("read broadcasts: %w", err)
	}
	broadcasts := make([]Broadcast, len(rows))
	for i, r := range rows {
		if broadcasts[i], err = r.broadcast(); err != nil {
			return nil, err
		}
	}
	return broadcasts, nil
}

// NewestBroadcast is the id of the newest broadcast that has not expired, 0 if there is none.
func (s *Store) NewestBroadcast(ctx context.Context) (id int64, err error) {
	err = s.db.WithContext(ctx).Model(&broadcastRow{}).Select("COALESCE(MAX(id), 0)").Where("expires_at > ?", s.nowMS()).Scan(&id).Error
	if err != nil {
		return 0, fmt.Errorf("look for the newest broadcast: %w", err)
	}
	return id, nil
}

// TidyBroadcasts deletes those that expired before a time.
func (l *Leader) TidyBroadcasts(ctx context.Context, before time.Time) error {
	return l.tx(ctx, "delete old broadcasts", func(tx *gorm.DB) error {
		return tx.Delete(&broadcastRow{}, "expires_at < ?", before.UnixMilli()).Error
	})
}
