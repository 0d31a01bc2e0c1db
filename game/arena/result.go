package arena

import (
	"cmp"
	"slices"
)

// A Standing is one player's row of the table.
type Standing struct {
	Player int   // seat
	Score  int32 // shards and kills less deaths
	Kills  int32
	Deaths int32
	Place  int // 1 is best; equals share a place, and the next one counts them (1, 1, 3), as do those of one team
}

// Result is the table as it stands, best first: by score, then by kills, then by fewer deaths. Equals are in order of seats. With teams it is the
// teams that are compared, by what their ships and those of former players have together, and all of a team have its place; they stand together, the best first. It is
// final once [Arena.Done]. The slice is the caller's.
func (a *Arena) Result() []Standing {
	table := make([]Standing, len(a.ships))
	var teams [MaxPlayers]Standing // what each team has together
	for i, s := range a.ships {
		table[i] = Standing{Player: s.Player, Score: s.Score, Kills: s.Kills, Deaths: s.Deaths}
		team := &teams[a.cfg.Team(i)]
		team.Score, team.Kills, team.Deaths = team.Score+s.Score, team.Kills+s.Kills, team.Deaths+s.Deaths
		if was := a.former[i]; a.cfg.Teams > 1 {
			team.Score, team.Kills, team.Deaths = team.Score+was.score, team.Kills+was.kills, team.Deaths+was.deaths
		}
	}
	of := func(s Standing) Standing { return teams[a.cfg.Team(s.Player)] }
	slices.SortStableFunc(table, func(x, y Standing) int {
		return cmp.Or(compare(of(x), of(y)), cmp.Compare(a.cfg.Team(x.Player), a.cfg.Team(y.Player)), compare(x, y))
	})
	for i := range table {
		table[i].Place = i + 1
		if i > 0 && compare(of(table[i-1]), of(table[i])) == 0 {
			table[i].Place = table[i-1].Place
		}
	}
	return table
}

func compare(a, b Standing) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Kills, a.Kills), cmp.Compare(a.Deaths, b.Deaths))
}
