package player

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/id"
	"loumiao/framework/store"
)

// The kinds of what is logged.
const (
	economyLog = "economy"
	battleLog  = "battle"
	loginLog   = "login"
	logoutLog  = "logout"
)

// An Unlogged is something that the game's log is still to be told. Its player and ID name it for good.
type Unlogged struct {
	Seq     int64 // for [Store.Logged]
	Player  ID
	Kind    string // "economy", "battle", "login" or "logout"
	ID      int64  // the ledger's entry, the match, or a number of its own
	Area    uint16 // where the player is now
	At      int64  // ms
	Details string // a JSON object; empty: what is to be logged is gone, as when a player was erased
}

// owe has the log told, sometime after the transaction. Of entries and battles it writes but the names: the rest is where it is already.
func (s *Store) owe(tx *gorm.DB, rows []unloggedRow) error {
	for i := range rows {
		rows[i].Seq = s.ids.Next()
	}
	return tx.Create(&rows).Error
}

// Unlogged returns the oldest of what the log is to be told, at most limit.
func (s *Store) Unlogged(ctx context.Context, limit int) ([]Unlogged, error) {
	db := s.db.WithContext(ctx)
	var rows []unloggedRow
	if err := db.Order("seq").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read what is not logged: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	type name struct {
		player ID
		kind   string
		id     int64
	}
	var players []ID
	ids := map[string][]int64{}
	for _, r := range rows {
		players = append(players, r.Player)
		ids[r.Kind] = append(ids[r.Kind], r.ID)
	}
	found := map[name]Unlogged{}
	put := func(n name, at int64, details any) error {
		text, err := json.Marshal(details)
		found[n] = Unlogged{At: at, Details: string(text)}
		return err
	}
	if len(ids[economyLog]) > 0 {
		var legs []ledgerRow
		if err := db.Find(&legs, "player IN ? AND entry IN ? AND holder = ?", players, ids[economyLog], holderPlayer).Error; err != nil {
			return nil, fmt.Errorf("read the ledger for the log: %w", err)
		}
		for _, l := range legs {
			if err := put(name{l.Player, economyLog, l.Entry}, l.At, economyDetails{l.Op, l.Reason, l.Asset, l.Amount}); err != nil {
				return nil, err
			}
		}
	}
	if len(ids[battleLog]) > 0 {
		var matches []matchRow
		if err := db.Find(&matches, "player IN ? AND match_id IN ?", players, ids[battleLog]).Error; err != nil {
			return nil, fmt.Errorf("read matches for the log: %w", err)
		}
		for _, m := range matches {
			details := battleDetails{m.Mode, m.Place, m.Players, m.Score, m.Kills, m.Deaths, m.RatingBefore, m.RatingAfter, m.Exp, json.RawMessage(m.Reward)}
			if err := put(name{m.Player, battleLog, int64(m.MatchID)}, m.EndedAt, details); err != nil {
				return nil, err
			}
		}
	}
	var at []playerRow
	if err := db.Select("id", "area").Find(&at, "id IN ?", players).Error; err != nil {
		return nil, fmt.Errorf("read areas for the log: %w", err)
	}
	areas := map[ID]uint16{}
	for _, p := range at {
		areas[p.ID] = p.Area
	}
	unlogged := make([]Unlogged, len(rows))
	for i, r := range rows {
		u := found[name{r.Player, r.Kind, r.ID}]
		if r.Details != "" {
			u.At, u.Details = r.At, r.Details
		}
		u.Seq, u.Player, u.Kind, u.ID, u.Area = r.Seq, r.Player, r.Kind, r.ID, areas[r.Player]
		unlogged[i] = u
	}
	return unlogged, nil
}

// Waiting is how much the log is still to be told, up to limit, and since when the oldest of it waits; the zero time if there is none.
func (s *Store) Waiting(ctx context.Context, limit int) (n int64, since time.Time, err error) {
	db := s.db.WithContext(ctx)
	var oldest []int64
	err = db.Model(&unloggedRow{}).Order("seq").Limit(1).Pluck("seq", &oldest).Error
	if err == nil && len(oldest) > 0 {
		since = id.TimeOf(oldest[0])
		err = db.Table("(?) AS waiting", db.Model(&unloggedRow{}).Select("seq").Limit(limit)).Count(&n).Error
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("count what is not logged: %w", err)
	}
	return n, since, nil
}

// Logged forgets what the log has taken.
func (s *Store) Logged(ctx context.Context, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error { return tx.Delete(&unloggedRow{}, "seq IN ?", seqs).Error })
	if err != nil {
		return fmt.Errorf("forget what is logged: %w", err)
	}
	return nil
}

type economyDetails struct {
	Op     string `json:"op"`
	Reason string `json:"reason"`
	Asset  string `json:"asset"`
	Amount int64  `json:"amount"`
}

type battleDetails struct {
	Mode         string          `json:"mode"`
	Place        int32           `json:"place"`
	Players      int32           `json:"players"`
	Score        int32           `json:"score"`
	Kills        int32           `json:"kills"`
	Deaths       int32           `json:"deaths"`
	RatingBefore int32           `json:"rating_before"`
	RatingAfter  int32           `json:"rating_after"`
	Exp          int64           `json:"exp"`
	Reward       json.RawMessage `json:"reward"`
}
