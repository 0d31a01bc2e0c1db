package player

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// maxStandings bounds the players of one match, whose rows one transaction locks.
const maxStandings = 128

// A Match is one that has ended.
type Match struct {
	ID             MatchID
	Mode           string // 1 to 32 bytes
	Area           uint16
	Seed           uint32
	Started, Ended time.Time
	Standings      []Standing // each player once
	Settle         Settle     // what it gives; nil is [Arena]
}

// A Standing is how one player did.
type Standing struct {
	Player ID
	Place  int32 // 1 is the winner; the same place is a draw
	Score  int32
	Kills  int32
	Deaths int32
	Team   int32 // from 1; 0: none
	Left   bool  // he left for good: he gets nothing, and his rating does not rise
	Filled bool  // he came later, in place of one who had left: his rating does not fall
}

// A MatchRow is one match in one player's history.
type MatchRow struct {
	Match        MatchID          `json:"match"`
	Player       ID               `json:"player"`
	Mode         string           `json:"mode"`
	Ended        time.Time        `json:"ended"`
	Place        int32            `json:"place"`
	Players      int32            `json:"players"` // how many played
	Score        int32            `json:"score"`
	Kills        int32            `json:"kills"`
	Deaths       int32            `json:"deaths"`
	RatingBefore int32            `json:"rating_before"`
	RatingAfter  int32            `json:"rating_after"`
	Exp          int64            `json:"exp"`    // gained
	Reward       map[string]int64 `json:"reward"` // gained, by currency
}

// A MatchResult is what a match has given, in the order of its standings.
type MatchResult struct {
	Repeated bool // the match was recorded before; this is what it gave then
	Rows     []MatchRow
}

// RecordMatch stores a match with the history, rating, experience and reward of all of its players, in one transaction and once: a repetition
// changes nothing and returns the first result. Of a reward that is more than a player can have he gets what he can. It is [ErrNotFound] when a player was never
// loaded, fault.Invalid when m itself is wrong. Nobody need hold the players; a world that does sees the change in their versions.
func (s *Store) RecordMatch(ctx context.Context, m Match) (MatchResult, error) {
	if err := m.validate(); err != nil {
		return MatchResult{}, err
	}
	var result MatchResult
	for again := false; ; again = true {
		err := store.InTx(ctx, s.db, func(tx *gorm.DB) (err error) {
			result, err = s.recordMatch(tx, m)
			return err
		})
		// The same match with other players, whose rows did not keep the two apart: the second time it is there.
		if errors.Is(err, store.ErrDuplicate) && !again {
			continue
		}
		if err != nil {
			return MatchResult{}, fmt.Errorf("record match %d: %w", m.ID, err)
		}
		return result, nil
	}
}

func (m Match) validate() error {
	switch {
	case m.ID <= 0:
		return fault.Errorf(fault.Invalid, "match %d is not a positive number", m.ID)
	case m.Mode == "" || len(m.Mode) > 32:
		return fault.Errorf(fault.Invalid, "mode %q is not 1 to 32 bytes", m.Mode)
	case len(m.Standings) == 0 || len(m.Standings) > maxStandings:
		return fault.Errorf(fault.Invalid, "a match of %d players is not one of 1 to %d", len(m.Standings), maxStandings)
	}
	seen := map[ID]bool{}
	for _, st := range m.Standings {
		if st.Player <= 0 || seen[st.Player] {
			return fault.Errorf(fault.Invalid, "player %d is not a positive number, or twice in the match", st.Player)
		}
		seen[st.Player] = true
	}
	return nil
}

func (s *Store) recordMatch(tx *gorm.DB, m Match) (MatchResult, error) {
	players, err := lockAll(tx, m.players()...)
	if err != nil {
		return MatchResult{}, err
	}
	var before matchResultRow
	err = tx.Take(&before, "id = ?", m.ID).Error
	if err == nil {
		result := MatchResult{Repeated: true}
		return result, json.Unmarshal([]byte(before.Result), &result.Rows)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return MatchResult{}, err
	}
	rows, postings, err := m.settle(players)
	if err != nil {
		return MatchResult{}, err
	}
	if err := fit(tx, rows, postings); err != nil {
		return MatchResult{}, err
	}
	if _, err := s.post(tx, postings); err != nil {
		return MatchResult{}, err
	}
	history, owed := make([]matchRow, len(rows)), make([]unloggedRow, len(rows))
	for i, r := range rows {
		if err := s.progress(tx, players[r.Player], r.Exp, r.RatingAfter-r.RatingBefore); err != nil {
			return MatchResult{}, err
		}
		reward, err := json.Marshal(r.Reward)
		if err != nil {
			return MatchResult{}, err
		}
		owed[i] = unloggedRow{Player: r.Player, Kind: battleLog, ID: int64(r.Match)}
		history[i] = matchRow{
			Player: r.Player, MatchID: r.Match, Mode: r.Mode, EndedAt: r.Ended.UnixMilli(), Place: r.Place, Players: r.Players, Score: r.Score,
			Kills: r.Kills, Deaths: r.Deaths, RatingBefore: r.RatingBefore, RatingAfter: r.RatingAfter, Exp: r.Exp, Reward: string(reward),
		}
	}
	if err := tx.Create(&history).Error; err != nil {
		return MatchResult{}, err
	}
	if err := s.owe(tx, owed); err != nil {
		return MatchResult{}, err
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return MatchResult{}, err
	}
	return MatchResult{Rows: rows}, tx.Create(&matchResultRow{
		ID: m.ID, Mode: m.Mode, Area: m.Area, Seed: m.Seed,
		StartedAt: m.Started.UnixMilli(), EndedAt: m.Ended.UnixMilli(), Result: string(text),
	}).Error
}

func (m Match) players() []ID {
	ids := make([]ID, len(m.Standings))
	for i, st := range m.Standings {
		ids[i] = st.Player
	}
	return ids
}

// lockAll locks the players' rows, in the order of their ids, so that two transactions on the same players do not wait for each other. It sorts ids.
func lockAll(tx *gorm.DB, ids ...ID) (map[ID]*playerRow, error) {
	slices.SortFunc(ids, cmp.Compare)
	var rows []playerRow
	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Order("id").Find(&rows, "id IN ?", ids).Error; err != nil {
		return nil, err
	}
	players := make(map[ID]*playerRow, len(rows))
	for i := range rows {
		players[rows[i].ID] = &rows[i]
	}
	for _, id := range ids {
		if players[id] == nil {
			return nil, fault.Wrap(ErrNotFound, fault.NotFound, fmt.Sprintf("no such player: %d", id))
		}
	}
	return players, nil
}

// settle is what the match gives to players as they are now.
func (m Match) settle(players map[ID]*playerRow) ([]MatchRow, []posting, error) {
	ratings := make([]int32, len(m.Standings))
	for i, st := range m.Standings {
		ratings[i] = players[st.Player].Rating
	}
	decide := m.Settle
	if decide == nil {
		decide = Arena
	}
	outcomes := decide(m.Standings, ratings)
	if len(outcomes) != len(m.Standings) {
		return nil, nil, fmt.Errorf("%d outcomes for %d players", len(outcomes), len(m.Standings))
	}
	rows := make([]MatchRow, len(outcomes))
	postings := make([]posting, len(outcomes))
	for i, o := range outcomes {
		st := m.Standings[i]
		var wallet []Change
		for name, amount := range o.Reward {
			wallet = append(wallet, Change{name, amount})
		}
		changes, err := collect(wallet, nil)
		if err != nil {
			return nil, nil, err
		}
		if o.Exp < 0 || o.Exp > MaxBalance {
			return nil, nil, fmt.Errorf("experience cannot change by %d", o.Exp)
		}
		postings[i] = posting{player: st.Player, op: matchKey + strconv.FormatInt(int64(m.ID), 10), reason: "match", changes: changes}
		rows[i] = MatchRow{
			Match: m.ID, Player: st.Player, Mode: m.Mode, Ended: fromMS(m.Ended.UnixMilli()), Place: st.Place, Players: int32(len(outcomes)),
			Score: st.Score, Kills: st.Kills, Deaths: st.Deaths, Exp: o.Exp, Reward: o.Reward,
			RatingBefore: ratings[i], RatingAfter: addRating(ratings[i], o.Rating),
		}
	}
	return rows, postings, nil
}

// fit leaves out of the rewards what would be more than one can have: the result is everybody's, and does not fail because one of them is rich. The transaction
// has locked the players' rows.
func fit(tx *gorm.DB, rows []MatchRow, postings []posting) error {
	have, err := touched(tx, postings)
	if err != nil {
		return err
	}
	for i, p := range postings {
		var changes []change
		gained := map[string]int64{}
		for _, c := range p.changes {
			if c.amount = min(c.amount, MaxBalance-have[p.player][c.asset]); c.amount != 0 {
				changes, gained[string(c.asset)] = append(changes, c), c.amount
			}
		}
		postings[i].changes, rows[i].Reward = changes, gained
	}
	return nil
}
