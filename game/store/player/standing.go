package player

import (
	"context"
	"fmt"
)

// MaxStandings is the most that [Store.Standings] and [Store.StandingsOf] return.
const MaxStandings = 1000

// A PlayerStanding is what a player's places in rankings come from.
type PlayerStanding struct {
	ID      ID
	Area    uint16
	Name    string
	Level   int32
	Rating  int32
	Version int64 // counts the changes of the player
	Matched int64 // when the last match ended, in ms; 0: there was none
}

const selectStandings = `SELECT id, area, name, level, rating, version,
	COALESCE((SELECT m.ended_at FROM matches m WHERE m.player = players.id ORDER BY m.match_id DESC LIMIT 1), 0) AS matched FROM players `

// Standings is the standings of players with greater ids than after, by id; at most limit, which is 1 to [MaxStandings].
func (s *Store) Standings(ctx context.Context, after ID, limit int) ([]PlayerStanding, error) {
	limit = max(1, min(limit, MaxStandings))
	var standings []PlayerStanding
	err := s.db.WithContext(ctx).Raw(selectStandings+"WHERE id > ? AND erased_at = 0 ORDER BY id LIMIT ?", after, limit).Scan(&standings).Error
	if err != nil {
		return nil, fmt.Errorf("standings after player %d: %w", after, err)
	}
	return standings, nil
}

// StandingsOf is the standings of these players, by id, as far as they are there; of the first [MaxStandings].
func (s *Store) StandingsOf(ctx context.Context, ids []ID) ([]PlayerStanding, error) {
	ids = ids[:min(len(ids), MaxStandings)]
	var standings []PlayerStanding
	if len(ids) == 0 {
		return nil, nil
	}
	err := s.db.WithContext(ctx).Raw(selectStandings+"WHERE id IN ? AND erased_at = 0 ORDER BY id", ids).Scan(&standings).Error
	if err != nil {
		return nil, fmt.Errorf("standings of %d players: %w", len(ids), err)
	}
	return standings, nil
}
