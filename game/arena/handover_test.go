package arena

import (
	"slices"
	"testing"
)

func TestHandOver(t *testing.T) {
	t.Parallel()
	for name, teams := range map[string]int{"everybody for himself": 1, "teams": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := New(Config{Players: 4, Teams: teams, Ticks: 400}, 3)
			play(t, a, bots(5), 100)
			s := &a.ships[1]
			s.Score, s.Kills, s.Deaths, s.Respawn, s.Hull = 40, 3, 2, 7, 0
			a.bullets = append(a.bullets, Bullet{ID: a.newID(), Owner: 1, X: 900, Y: 900, VX: 1, Life: 5})
			others := slices.Clone(a.ships)
			before := a.Checksum()
			a.HandOver(1)
			if *s == others[1] || !s.Alive() || s.Score != 0 || s.Kills != 0 || s.Deaths != 0 || s.Hull != a.cfg.Hull || s.Guard != a.cfg.GuardTicks {
				t.Errorf("the ship that was handed over: %+v", *s)
			}
			if slices.ContainsFunc(a.bullets, func(b Bullet) bool { return b.Owner == 1 }) {
				t.Error("bullets of the former player fly on")
			}
			others[1] = *s
			if !slices.Equal(others, a.ships) {
				t.Error("other ships have changed")
			}
			if a.Checksum() == before {
				t.Error("the checksum is the same")
			}
			var first int32
			for _, row := range a.Result() {
				if row.Player == 1 && row.Score != 0 {
					t.Errorf("he begins with %d points", row.Score)
				}
				if row.Player == 0 {
					first = int32(row.Place)
				}
			}
			if teams == 2 && first != 1 {
				t.Errorf("the team has lost what its former player had: place %d", first)
			}
		})
	}
}

// TestHandOverNowhere is of seats that there are not, and after the end.
func TestHandOverNowhere(t *testing.T) {
	t.Parallel()
	a := New(Config{Players: 2, Ticks: 20}, 1)
	for _, seat := range []int{-1, 2, MaxPlayers} {
		before := a.Checksum()
		a.HandOver(seat)
		if a.Checksum() != before {
			t.Errorf("handing seat %d over changes something", seat)
		}
	}
	play(t, a, noise(1), 20)
	before := a.Checksum()
	a.HandOver(0)
	if a.Checksum() != before {
		t.Error("a match that is over changes")
	}
}
