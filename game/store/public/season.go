package public

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// MaxSeasons is the most that [Store.Seasons] returns.
const MaxSeasons = 20

// A Season is a time in which players of an area play for places.
type Season struct {
	Area    uint16
	Number  int32
	Starts  time.Time
	Ended   time.Time // zero: it is on
	Settled bool      // everybody has got what it gives
}

// A Place is how a player has ended a season.
type Place struct {
	Place  int64
	Player int64
	Name   string
	Score  int64
	Played bool // otherwise he has only kept a rating, and comes after all who have played
}

type seasonRow struct {
	Area     uint16 `gorm:"primaryKey;autoIncrement:false"`
	Number   int32  `gorm:"primaryKey;autoIncrement:false"`
	StartsAt int64
	EndedAt  int64
	Settled  int
}

// TableName is the table of seasons.
func (seasonRow) TableName() string { return "seasons" }

func (r seasonRow) season() Season {
	return Season{Area: r.Area, Number: r.Number, Starts: fromMS(r.StartsAt), Ended: fromMS(r.EndedAt), Settled: r.Settled != 0}
}

type placeRow struct {
	Area    uint16 `gorm:"primaryKey;autoIncrement:false"`
	Season  int32  `gorm:"primaryKey;autoIncrement:false"`
	Place   int64  `gorm:"primaryKey;autoIncrement:false"`
	Player  int64
	Name    string
	Score   int64
	Played  int
	Settled int
}

// TableName is the table of places.
func (placeRow) TableName() string { return "season_places" }

func (r placeRow) place() Place {
	return Place{Place: r.Place, Player: r.Player, Name: r.Name, Score: r.Score, Played: r.Played != 0}
}

// BeginSeason begins the first season of an area, if there is none.
func (l *Leader) BeginSeason(ctx context.Context, area uint16) error {
	return l.tx(ctx, "begin a season", func(tx *gorm.DB) error {
		var n int64
		if err := tx.Model(&seasonRow{}).Where("area = ?", area).Count(&n).Error; err != nil || n > 0 {
			return err
		}
		return tx.Create(&seasonRow{Area: area, Number: 1, StartsAt: l.nowMS()}).Error
	})
}

// EndSeason ends the season that is on in an area and begins the next one, as of a time; when one has begun at that time or later, it does nothing. How it has
// ended does not change any more. Everybody who has played in it gets a place; after them come those who have not, with a score of more
// than base.
func (l *Leader) EndSeason(ctx context.Context, area uint16, when time.Time, base int64) error {
	at := when.UnixMilli()
	return l.tx(ctx, "end a season", func(tx *gorm.DB) error {
		var on []seasonRow
		if err := tx.Order("number DESC").Limit(1).Find(&on, "area = ?", area).Error; err != nil {
			return err
		}
		if len(on) == 0 {
			return tx.Create(&seasonRow{Area: area, Number: 1, StartsAt: at}).Error
		}
		s := on[0]
		if s.StartsAt >= at {
			return nil
		}
		err := tx.Exec(`INSERT INTO season_places (area, season, place, player, name, score, played, settled)
			SELECT area, ?, ROW_NUMBER() OVER (ORDER BY CASE WHEN matched_at >= ? THEN 0 ELSE 1 END, score DESC, reached_at, player), player, name, score,
				CASE WHEN matched_at >= ? THEN 1 ELSE 0 END, 0
			FROM rankings WHERE board = ? AND area = ? AND (matched_at >= ? OR score > ?)`,
			s.Number, s.StartsAt, s.StartsAt, Rating, area, s.StartsAt, base).Error
		if err != nil {
			return err
		}
		if err := tx.Model(&seasonRow{}).Where("area = ? AND number = ?", area, s.Number).Update("ended_at", at).Error; err != nil {
			return err
		}
		return tx.Create(&seasonRow{Area: area, Number: s.Number + 1, StartsAt: at}).Error
	})
}

// Unsettled is the seasons of an area that have ended and are not settled, the oldest first.
func (s *Store) Unsettled(ctx context.Context, area uint16) ([]Season, error) {
	var rows []seasonRow
	err := s.db.WithContext(ctx).Order("number").Find(&rows, "area = ? AND ended_at <> 0 AND settled = 0", area).Error
	if err != nil {
		return nil, fmt.Errorf("read seasons: %w", err)
	}
	seasons := make([]Season, len(rows))
	for i, r := range rows {
		seasons[i] = r.season()
	}
	return seasons, nil
}

// UnsettledPlaces is the places of a season after one whose players have not got what it gives, in their order.
func (s *Store) UnsettledPlaces(ctx context.Context, area uint16, season int32, after int64, limit int) ([]Place, error) {
	return s.places(ctx, limit, "area = ? AND season = ? AND place > ? AND settled = 0", area, season, after)
}

// Places is the places of a season from one on, of those who have played.
func (s *Store) Places(ctx context.Context, area uint16, season int32, from int64, limit int) ([]Place, error) {
	return s.places(ctx, limit, "area = ? AND season = ? AND place >= ? AND played = 1", area, season, from)
}

func (s *Store) places(ctx context.Context, limit int, where string, args ...any) ([]Place, error) {
	var rows []placeRow
	if err := s.db.WithContext(ctx).Order("place").Limit(limit).Where(where, args...).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	places := make([]Place, len(rows))
	for i, r := range rows {
		places[i] = r.place()
	}
	return places, nil
}

// Settle records that the players of these places have got what the season gives.
func (l *Leader) Settle(ctx context.Context, area uint16, season int32, places []int64) error {
	if len(places) == 0 {
		return nil
	}
	return l.tx(ctx, "settle places", func(tx *gorm.DB) error {
		return tx.Model(&placeRow{}).Where("area = ? AND season = ? AND place IN ?", area, season, places).Update("settled", 1).Error
	})
}

// SettleSeason records that everybody has got what a season gives; it is false when somebody has not.
func (l *Leader) SettleSeason(ctx context.Context, area uint16, season int32) (all bool, err error) {
	err = l.tx(ctx, "settle a season", func(tx *gorm.DB) error {
		var left int64
		if err := tx.Model(&placeRow{}).Where("area = ? AND season = ? AND settled = 0", area, season).Count(&left).Error; err != nil {
			return err
		}
		if all = left == 0; !all {
			return nil
		}
		return tx.Model(&seasonRow{}).Where("area = ? AND number = ? AND ended_at <> 0", area, season).Update("settled", 1).Error
	})
	return all, err
}

// Seasons is the newest seasons of an area, the newest first, and how a player has done in those that he has played in, by their number; at most limit, which is 1
// to [MaxSeasons].
func (s *Store) Seasons(ctx context.Context, area uint16, player int64, limit int) ([]Season, map[int32]Place, error) {
	db := s.db.WithContext(ctx)
	var rows []seasonRow
	if err := db.Order("number DESC").Limit(max(1, min(limit, MaxSeasons))).Find(&rows, "area = ?", area).Error; err != nil {
		return nil, nil, fmt.Errorf("read seasons: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil, nil
	}
	seasons := make([]Season, len(rows))
	for i, r := range rows {
		seasons[i] = r.season()
	}
	var mine []placeRow
	err := db.Find(&mine, "player = ? AND area = ? AND season >= ? AND played = 1", player, area, rows[len(rows)-1].Number).Error
	if err != nil {
		return nil, nil, fmt.Errorf("read places of player %d: %w", player, err)
	}
	places := map[int32]Place{}
	for _, r := range mine {
		places[r.Season] = r.place()
	}
	return seasons, places, nil
}
