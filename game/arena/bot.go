package arena

// Decide is what a simple bot does in the view: it dodges bullets, flees when its hull is low, else goes for the nearest shard, or
// the nearest opponent when there is none, and shoots at opponents in range with some error. It keeps nothing between ticks.
// Views may come from outside: any values are safe. r must not be nil.
func Decide(v View, r *Rand) Input {
	if !v.Self.Alive() {
		return Input{}
	}
	bot := bot{rules: v.Rules.bounded(), self: v.Self}
	opponent, distance := bot.opponent(v.Ships)

	var in Input
	if opponent != nil && distance < bot.rules.BulletSpeed*bot.rules.BulletTicks {
		in.Aim = bot.lead(opponent, distance, r)
		in.Fire = true
	} else {
		in.Aim = Angle(v.Self.VX, v.Self.VY)
	}
	dx, dy := bot.heading(v, opponent, distance, r)
	in.DX, in.DY = stick(dx, dy)
	return in
}

// bot is the part of a view that every decision needs.
type bot struct {
	rules Config
	self  Ship
}

// opponent is the nearest ship of another team that flies, and its distance; nil if there is none.
func (b bot) opponent(ships []Ship) (*Ship, int32) {
	var nearest *Ship
	var distance int32
	for i := range ships {
		s := &ships[i]
		if b.friend(s.Player) {
			continue
		}
		if d := apart(b.self.X, b.self.Y, s.X, s.Y); s.Alive() && (nearest == nil || d < distance) {
			nearest, distance = s, d
		}
	}
	return nearest, distance
}

// friend tells whether a seat is of the bot's own team.
func (b bot) friend(seat int) bool { return b.rules.Team(seat) == b.rules.Team(b.self.Player) }

// lead aims at where s will be when a bullet arrives, give or take 4 degrees.
func (b bot) lead(s *Ship, distance int32, r *Rand) uint16 {
	const spread = turn / 90
	ticks := distance / b.rules.BulletSpeed
	aim := int32(Angle(s.X+s.VX*ticks-b.self.X, s.Y+s.VY*ticks-b.self.Y))
	return uint16(aim+turn+r.Below(2*spread+1)-spread) % turn
}

// heading is where to fly, as a vector of any length.
func (b bot) heading(v View, opponent *Ship, distance int32, r *Rand) (dx, dy int32) {
	const lowHull, close = 4, 16 // a quarter of the hull; 16 ship's radii
	if dx, dy, danger := b.dodge(v.Bullets); danger {
		return dx, dy
	}
	if opponent != nil && b.self.Hull < b.rules.Hull/lowHull && distance < close*b.rules.ShipRadius {
		return b.self.X - opponent.X, b.self.Y - opponent.Y
	}
	if len(v.Shards) > 0 {
		nearest := v.Shards[0]
		for _, s := range v.Shards[1:] {
			if apart(b.self.X, b.self.Y, s.X, s.Y) < apart(b.self.X, b.self.Y, nearest.X, nearest.Y) {
				nearest = s
			}
		}
		return b.towards(nearest.X, nearest.Y)
	}
	if opponent != nil && distance > close/2*b.rules.ShipRadius {
		return b.towards(opponent.X, opponent.Y)
	}
	return b.towards(r.Below(b.rules.Width), r.Below(b.rules.Height))
}

// dodge is the way across the path of the first bullet that is about to hit.
func (b bot) dodge(bullets []Bullet) (dx, dy int32, danger bool) {
	const ticksAhead = 4
	for _, bullet := range bullets {
		mx, my := b.self.X-bullet.X, b.self.Y-bullet.Y
		if b.friend(bullet.Owner) || max(abs(mx), abs(my)) > ticksAhead*b.rules.BulletSpeed {
			continue
		}
		cross := bullet.VX*my - bullet.VY*mx
		if mx*bullet.VX+my*bullet.VY > 0 && abs(cross) < 2*b.rules.ShipRadius*b.rules.BulletSpeed {
			if cross < 0 {
				return bullet.VY, -bullet.VX, true
			}
			return -bullet.VY, bullet.VX, true
		}
	}
	return 0, 0, false
}

// towards heads for a point and brakes for what would carry the ship past it.
func (b bot) towards(x, y int32) (dx, dy int32) {
	const coasting = 8 // ticks
	return x - b.self.X - coasting*b.self.VX, y - b.self.Y - coasting*b.self.VY
}

// stick is a full push in the direction of (dx, dy).
func stick(dx, dy int32) (int8, int8) {
	if dx == 0 && dy == 0 {
		return 0, 0
	}
	a := Angle(dx, dy)
	return int8(cos(a) * fullStick / one), int8(sin(a) * fullStick / one)
}
