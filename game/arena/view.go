package arena

// A View is what one player sees: what a zone sends in state mode, and what a bot decides from.
type View struct {
	Rules   Config // what the match is played by; zero fields are the defaults
	Self    Ship
	Ships   []Ship // the others, lost ones included
	Bullets []Bullet
	Shards  []Shard
}

// Near fills into with what is at most radius points from the ship of that seat along each axis: a square, as a screen is. Each list is in
// the order of the arena's own. The view's slices are reused and do not share memory with the arena; a view filled once or
// twice is filled again without allocation. A seat that does not exist sees nothing.
func (a *Arena) Near(ship int, radius int32, into *View) {
	*into = View{Rules: a.cfg, Ships: into.Ships[:0], Bullets: into.Bullets[:0], Shards: into.Shards[:0]}
	if ship < 0 || ship >= len(a.ships) {
		return
	}
	self := a.ships[ship]
	into.Self = self
	for _, s := range a.ships {
		if s.Player != ship && apart(self.X, self.Y, s.X, s.Y) <= radius {
			into.Ships = append(into.Ships, s)
		}
	}
	for _, b := range a.bullets {
		if apart(self.X, self.Y, b.X, b.Y) <= radius {
			into.Bullets = append(into.Bullets, b)
		}
	}
	for _, s := range a.shards {
		if apart(self.X, self.Y, s.X, s.Y) <= radius {
			into.Shards = append(into.Shards, s)
		}
	}
}
