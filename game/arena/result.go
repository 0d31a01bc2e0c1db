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
	Place  int // 1 is best; equals share a place, and the next one counts them (1, 1, 3)
}

// Result is the table as it stands, best first: by score, then by kills, then by fewer deaths. Equals are in order of seats. It is
// final once [Arena.Done]. The slice is the caller's.
func (a *Arena) Result() []Standing {
	table := make([]Standing, len(a.ships))
	for i, s := range a.ships {
		table[i] = Standing{Player: s.Player, Score: s.Score, Kills: s.Kills, Deaths: s.Deaths}
	}
	slices.SortStableFunc(table, compare)
	for i := range table {
		table[i].Place = i + 1
		if i > 0 && compare(table[i-1], table[i]) == 0 {
			table[i].Place = table[i-1].Place
		}
	}
	return table
}

func compare(a, b Standing) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Kills, a.Kills), cmp.Compare(a.Deaths, b.Deaths))
}
