package arena

// respawnChoices is how many places a returning ship chooses from.
const respawnChoices = 4

// respawn brings s back at the one of a few random places that is farthest from its nearest opponent.
func (a *Arena) respawn(s *Ship) {
	var x, y int32
	safest := int32(-1)
	for range respawnChoices {
		cx, cy := a.randomPoint(a.cfg.ShipRadius)
		room := a.cfg.Width + a.cfg.Height
		for _, other := range a.ships {
			if a.cfg.Team(other.Player) != a.cfg.Team(s.Player) && other.Alive() {
				room = min(room, apart(cx, cy, other.X, other.Y))
			}
		}
		if room > safest {
			x, y, safest = cx, cy, room
		}
	}
	a.place(s, x, y)
}

// place puts a whole, guarded ship at rest. Its reload time goes on: it bounds the bullets in flight.
func (a *Arena) place(s *Ship, x, y int32) {
	s.X, s.Y, s.VX, s.VY = x, y, 0, 0
	s.Hull, s.Guard = a.cfg.Hull, a.cfg.GuardTicks
}

func (a *Arena) addShard() {
	x, y := a.randomPoint(a.cfg.ShardRadius)
	a.shards = append(a.shards, Shard{ID: a.newID(), X: x, Y: y})
}

// randomPoint is a point at least margin from every wall.
func (a *Arena) randomPoint(margin int32) (x, y int32) {
	x = margin + a.rand.Below(a.cfg.Width-2*margin+1)
	y = margin + a.rand.Below(a.cfg.Height-2*margin+1)
	return x, y
}

func (a *Arena) newID() uint32 {
	a.lastID++
	return a.lastID
}
