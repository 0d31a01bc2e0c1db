package arena

// Step simulates one tick with the players' inputs by seat. Seats without an input do nothing in it, inputs without a seat are
// ignored, and after the match's end nothing happens. It does not allocate.
func (a *Arena) Step(inputs []Input) {
	if a.Done() {
		return
	}
	var in [MaxPlayers]Input
	copy(in[:len(a.ships)], inputs)
	for i := range in {
		in[i] = in[i].normal()
	}

	a.moveShips(&in)
	a.moveBullets()
	a.shoot(&in)
	a.collect()
	if a.tick%int(a.cfg.ShardTicks) == 0 && len(a.shards) < int(a.cfg.Shards) {
		a.addShard()
	}
	a.tick++
}

// moveShips counts down the ships' timers, brings lost ones back and flies the others.
func (a *Arena) moveShips(in *[MaxPlayers]Input) {
	r := a.cfg.ShipRadius
	for i := range a.ships {
		s := &a.ships[i]
		if s.Reload > 0 {
			s.Reload--
		}
		if !s.Alive() {
			if s.Respawn--; s.Alive() {
				a.respawn(s)
			}
			continue
		}
		if s.Guard > 0 {
			s.Guard--
		}
		dx, dy := onCircle(int32(in[i].DX), int32(in[i].DY))
		s.Aim = in[i].Aim
		s.VX = a.slow(s.VX + a.cfg.Thrust*dx/fullStick)
		s.VY = a.slow(s.VY + a.cfg.Thrust*dy/fullStick)
		s.X, s.VX = bounce(s.X+s.VX, s.VX, r, a.cfg.Width-r)
		s.Y, s.VY = bounce(s.Y+s.VY, s.VY, r, a.cfg.Height-r)
	}
}

// slow is a speed after a tick's drag. The one point more brings a drifting ship to rest, where the share rounds to nothing.
func (a *Arena) slow(v int32) int32 {
	v -= v * a.cfg.Drag / 256
	switch {
	case v > 0:
		return v - 1
	case v < 0:
		return v + 1
	}
	return 0
}

// bounce keeps a coordinate between least and most; at a wall the ship turns back with half of its speed.
func bounce(at, speed, least, most int32) (int32, int32) {
	switch {
	case at < least:
		return least, -speed / 2
	case at > most:
		return most, -speed / 2
	}
	return at, speed
}

// moveBullets flies each bullet for one tick, oldest first. What it meets first on its way it hits.
func (a *Arena) moveBullets() {
	flying := a.bullets[:0]
	for _, b := range a.bullets {
		if target := a.target(b); target != nil {
			a.hit(target, b.Owner)
			continue
		}
		b.X, b.Y, b.Life = b.X+b.VX, b.Y+b.VY, b.Life-1
		if b.Life > 0 && b.X >= 0 && b.X <= a.cfg.Width && b.Y >= 0 && b.Y <= a.cfg.Height {
			flying = append(flying, b)
		}
	}
	a.bullets = flying
}

// target is the ship that b hits in this tick, or nil. Bullets pass through the ships of their own team.
func (a *Arena) target(b Bullet) *Ship {
	var target *Ship
	var nearest int32
	for i := range a.ships {
		s := a.inTurn(i)
		if a.cfg.Team(s.Player) == a.cfg.Team(b.Owner) || !s.Alive() {
			continue
		}
		along, touches := sweep(s.X-b.X, s.Y-b.Y, b.VX, b.VY, a.cfg.BulletSpeed, a.cfg.ShipRadius)
		if touches && (target == nil || along < nearest) {
			target, nearest = s, along
		}
	}
	return target
}

// hit takes a bullet's damage from s; a guarded ship stops the bullet unharmed.
func (a *Arena) hit(s *Ship, by int) {
	if s.Guard > 0 {
		return
	}
	s.Hull = max(0, s.Hull-a.cfg.BulletDamage)
	if s.Hull > 0 {
		return
	}
	s.VX, s.VY = 0, 0
	s.Respawn = a.cfg.RespawnTicks
	s.Deaths++
	s.Score = max(0, s.Score-a.cfg.DeathCost)
	a.ships[by].Kills++
	a.ships[by].Score += a.cfg.KillScore
}

// shoot fires the loaded guns of the ships that want it. The bullets move from the next tick on.
func (a *Arena) shoot(in *[MaxPlayers]Input) {
	for i := range a.ships {
		s := a.inTurn(i)
		if !in[s.Player].Fire || !s.Alive() || s.Reload > 0 {
			continue
		}
		s.Reload = a.cfg.ReloadTicks
		s.Guard = 0
		a.bullets = append(a.bullets, Bullet{
			ID: a.newID(), Owner: s.Player, X: s.X, Y: s.Y,
			VX: a.cfg.BulletSpeed * cos(s.Aim) / one, VY: a.cfg.BulletSpeed * sin(s.Aim) / one, Life: a.cfg.BulletTicks,
		})
	}
}

// collect gives each shard that a ship touches to it.
func (a *Arena) collect() {
	lying := a.shards[:0]
	for _, shard := range a.shards {
		if s := a.collector(shard); s != nil {
			s.Score += a.cfg.ShardScore
			continue
		}
		lying = append(lying, shard)
	}
	a.shards = lying
}

func (a *Arena) collector(shard Shard) *Ship {
	for i := range a.ships {
		s := a.inTurn(i)
		if s.Alive() && within(s.X-shard.X, s.Y-shard.Y, a.cfg.ShipRadius+a.cfg.ShardRadius) {
			return s
		}
	}
	return nil
}

// inTurn is the i-th ship of this tick's order, which begins with another seat each tick: no seat wins all ties.
func (a *Arena) inTurn(i int) *Ship { return &a.ships[(a.tick+i)%len(a.ships)] }
