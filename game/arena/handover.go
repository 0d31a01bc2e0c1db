package arena

// HandOver gives a seat to another player, between two ticks: he begins at nothing, with a fresh ship far from his opponents, and what the one before him
// has shot is gone. For a team it counts on what its former players had. A seat that does not exist, and one of a match that is over, stays as it is.
func (a *Arena) HandOver(seat int) {
	if seat < 0 || seat >= len(a.ships) || a.Done() {
		return
	}
	s := &a.ships[seat]
	was := &a.former[seat]
	was.score, was.kills, was.deaths = was.score+s.Score, was.kills+s.Kills, was.deaths+s.Deaths
	flying := a.bullets[:0]
	for _, b := range a.bullets {
		if b.Owner != seat {
			flying = append(flying, b)
		}
	}
	a.bullets = flying
	*s = Ship{Player: seat}
	a.respawn(s)
}

// counts is what a seat's former players had together.
type counts struct{ score, kills, deaths int32 }
