package arena

import (
	"strings"
	"testing"
)

func TestTeam(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  Config
		want string // the team of each seat
	}{
		"everybody for himself": {Config{Players: 4}, "0123"},
		"one team is none":      {Config{Players: 4, Teams: 1}, "0123"},
		"two of two":            {Config{Players: 4, Teams: 2}, "0011"},
		"four of the default":   {Config{Teams: 4}, "00112233"},
		"as many as players":    {Config{Players: 3, Teams: 3}, "012"},
		"no equal ones":         {Config{Players: 3, Teams: 2}, "012"},
		"more than players":     {Config{Players: 2, Teams: 4}, "01"},
	} {
		var got strings.Builder
		for seat := range len(c.want) {
			got.WriteByte(byte('0' + c.cfg.Team(seat)))
			if is := New(c.cfg, 1).Config(); is.Team(seat) != c.cfg.Team(seat) {
				t.Errorf("%s: seat %d is in team %d, and in %d in play", name, seat, c.cfg.Team(seat), is.Team(seat))
			}
		}
		if got.String() != c.want {
			t.Errorf("%s: teams %s, want %s", name, &got, c.want)
		}
	}
	if err := (Config{Players: 3, Teams: 2}).Validate(); err == nil {
		t.Error("two teams of three players are valid")
	}
	if err := (Config{Players: 6, Teams: 3}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestNoFriendlyFire shoots at a ship of the own team and, in the same place, at an opponent.
func TestNoFriendlyFire(t *testing.T) {
	t.Parallel()
	for teams, want := range map[int]int32{1: 80, 2: 100} {
		a := New(Config{Players: 4, Teams: teams}, 1)
		for i := range a.ships {
			a.ships[i].Guard = 0
			a.place(&a.ships[i], 4000+8000*int32(i), 4000)
			a.ships[i].Guard = 0
		}
		a.bullets = append(a.bullets, Bullet{ID: 1, Owner: 0, X: a.ships[1].X - 700, Y: 4000, VX: a.cfg.BulletSpeed, Life: 2})
		a.Step(nil)
		if got := a.ships[1].Hull; got != want {
			t.Errorf("%d teams: the hull of the next seat is %d, want %d", teams, got, want)
		}
		if passed := len(a.bullets) == 1; passed != (teams == 2) {
			t.Errorf("%d teams: the bullet flies on: %v", teams, passed)
		}
	}
}

func TestTeamResult(t *testing.T) {
	t.Parallel()
	a := New(Config{Players: 6, Teams: 3}, 1)
	for i, score := range []int32{9, 0, 5, 6, 1, 8} { // together 9, 11 and 9
		a.ships[i].Score = score
	}
	want := []Standing{
		{Player: 3, Score: 6, Place: 1}, {Player: 2, Score: 5, Place: 1},
		{Player: 0, Score: 9, Place: 3}, {Player: 1, Place: 3},
		{Player: 5, Score: 8, Place: 3}, {Player: 4, Score: 1, Place: 3},
	}
	got := a.Result()
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("row %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

// TestBotsSpareTheirTeam has a bot that sees only a team-mate, in range.
func TestBotsSpareTheirTeam(t *testing.T) {
	t.Parallel()
	view := View{Self: Ship{Player: 0, Hull: 100, X: 9000, Y: 9000}, Ships: []Ship{{Player: 1, Hull: 100, X: 10000, Y: 9000}}}
	for teams, want := range map[int]bool{1: true, 2: false} {
		view.Rules = Config{Players: 4, Teams: teams}
		if in := Decide(view, NewRand(1)); in.Fire != want {
			t.Errorf("%d teams: fires %v, want %v", teams, in.Fire, want)
		}
	}
}
