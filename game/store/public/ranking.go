package public

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A Board is something that players are ranked by.
type Board string

// The boards.
const (
	Rating Board = "rating"
	Level  Board = "level"
)

// Boards is every board.
func Boards() []Board { return []Board{Rating, Level} }

// A Standing is what a player's places come from, as it was when his row had that version.
type Standing struct {
	Player  int64
	Area    uint16
	Name    string
	Level   int32
	Rating  int32
	Version int64
	Matched int64 // when the last match ended, in ms; 0: there was none
}

func (s Standing) score(b Board) int64 {
	if b == Level {
		return int64(s.Level)
	}
	return int64(s.Rating)
}

// A Rank is a player's entry on a board. Higher scores come first; of the same, who reached it first; of those, the lower id.
type Rank struct {
	Board     Board `gorm:"primaryKey"`
	Player    int64 `gorm:"primaryKey;autoIncrement:false"`
	Area      uint16
	Name      string
	Score     int64
	ReachedAt int64
	MatchedAt int64
	Version   int64
}

// TableName is the table of ranks.
func (Rank) TableName() string { return "rankings" }

// A Move is how an entry has changed.
type Move struct {
	Rank
	From uint16 // the area that it was in; 0: in the same one, or none
}

// Rank takes standings and returns the entries that they have changed. A standing that is not newer than what is known, or of a player who was erased, changes
// nothing, so that they may come twice, late and in any order.
func (l *Leader) Rank(ctx context.Context, standings []Standing) (moves []Move, err error) {
	newest := map[int64]Standing{}
	var players []int64
	for _, s := range standings {
		if before, ok := newest[s.Player]; !ok {
			players = append(players, s.Player)
		} else if s.Version <= before.Version {
			continue
		}
		newest[s.Player] = s
	}
	if len(players) == 0 {
		return nil, nil
	}
	fresh, err := l.fresh(ctx, players, newest)
	if err != nil || !fresh {
		return nil, err
	}
	err = l.tx(ctx, "rank players", func(tx *gorm.DB) error {
		known, err := ranksOf(tx, players)
		if err != nil {
			return err
		}
		gone, err := erasedOf(tx, players)
		if err != nil {
			return err
		}
		moves = nil
		for _, p := range players {
			if slices.Contains(gone, p) {
				continue
			}
			for _, b := range Boards() {
				if move, changed := l.move(known[at{b, p}], b, newest[p]); changed {
					moves = append(moves, move)
				}
			}
		}
		if len(moves) == 0 {
			return nil
		}
		rows := make([]Rank, len(moves))
		for i, m := range moves {
			rows[i] = m.Rank
		}
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).CreateInBatches(&rows, rankBatch).Error
	})
	if err != nil {
		return nil, err
	}
	return moves, nil
}

// rankBatch is how many entries one statement writes: SQLite takes so many values.
const rankBatch = 100

type at struct {
	board  Board
	player int64
}

// fresh is whether any of the standings is newer than what is known, which is mostly not so when all of them are looked through: that takes no lock.
func (l *Leader) fresh(ctx context.Context, players []int64, newest map[int64]Standing) (bool, error) {
	known, err := ranksOf(l.db.WithContext(ctx), players)
	if err != nil {
		return false, fmt.Errorf("rank players: %w", err)
	}
	for _, p := range players {
		for _, b := range Boards() {
			if r, ok := known[at{b, p}]; !ok || r.Version < newest[p].Version {
				return true, nil
			}
		}
	}
	return false, nil
}

func ranksOf(db *gorm.DB, players []int64) (map[at]Rank, error) {
	var rows []Rank
	if err := db.Find(&rows, "board IN ? AND player IN ?", Boards(), players).Error; err != nil {
		return nil, err
	}
	known := make(map[at]Rank, len(rows))
	for _, r := range rows {
		known[at{r.Board, r.Player}] = r
	}
	return known, nil
}

// move is the entry after a standing. A score is reached with the match that has led to it or, without one, now.
func (l *Leader) move(before Rank, b Board, s Standing) (after Move, changed bool) {
	if before.Player != 0 && before.Version >= s.Version {
		return Move{}, false
	}
	after.Rank = Rank{
		Board: b, Player: s.Player, Area: s.Area, Name: s.Name, Score: s.score(b), ReachedAt: before.ReachedAt, MatchedAt: s.Matched, Version: s.Version,
	}
	if before.Player == 0 || before.Score != after.Score {
		after.ReachedAt = l.nowMS()
		if s.Matched > before.MatchedAt {
			after.ReachedAt = s.Matched
		}
	}
	if before.Player != 0 && before.Area != s.Area {
		after.From = before.Area
	}
	return after, true
}

// Ranks is the entries after one, by board and player, to make Redis's copy from. The zero Rank is before all.
func (s *Store) Ranks(ctx context.Context, after Rank, limit int) ([]Rank, error) {
	var rows []Rank
	err := s.db.WithContext(ctx).Order("board, player").Limit(limit).
		Find(&rows, "board > ? OR board = ? AND player > ?", after.Board, after.Board, after.Player).Error
	if err != nil {
		return nil, fmt.Errorf("read the rankings: %w", err)
	}
	return rows, nil
}

// CountLevels is how many players of an area, 0 being all, have a level from least to most; 0 is no bound.
func (s *Store) CountLevels(ctx context.Context, area uint16, least, most int32) (n int64, err error) {
	query := s.db.WithContext(ctx).Model(&Rank{}).Where("board = ? AND score >= ?", Level, least)
	if area != 0 {
		query = query.Where("area = ?", area)
	}
	if most != 0 {
		query = query.Where("score <= ?", most)
	}
	if err := query.Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count players: %w", err)
	}
	return n, nil
}
