package arena

import (
	"fmt"
	"testing"
)

// Rules at the ends of every bound, where overflow and division by zero would show first.
func extremeRules() map[string]Config {
	var least, most Config
	least.visit(func(_ string, _, _, low, _ int) int { return low })
	most.visit(func(_ string, _, _, _, high int) int { return high })
	least.Players, least.Ticks, most.Ticks = MaxPlayers, 600, 600

	fast := most // the highest speed: full thrust, least drag
	fast.Teams = 1
	fast.Drag, fast.ReloadTicks, fast.RespawnTicks = 4, 1, 1
	crowded := fast // the same in the smallest arena, with the largest ships
	crowded.Width, crowded.Height, crowded.Hull = 4096, 4096, 1
	teams := crowded
	teams.Teams = 4
	return map[string]Config{"default": {}, "least": least, "most": most, "fast": fast, "crowded": crowded, "teams": teams}
}

// A script makes the inputs of a tick.
type script func(a *Arena) []Input

// noise is any 32 bits a player a tick.
func noise(seed uint32) script {
	r := NewRand(seed)
	return func(a *Arena) []Input {
		in := make([]Input, len(a.Ships()))
		for i := range in {
			in[i] = Unpack(r.Next())
		}
		return in
	}
}

// bots lets a bot decide for each seat, from what it can see around it.
func bots(seed uint32) script {
	r := NewRand(seed)
	var v View
	return func(a *Arena) []Input {
		in := make([]Input, len(a.Ships()))
		for i := range in {
			a.Near(i, 12000, &v)
			in[i] = Decide(v, r)
		}
		return in
	}
}

// rush holds every stick in the same far corner and fires, aiming around.
func rush(a *Arena) []Input {
	in := make([]Input, len(a.Ships()))
	for i := range in {
		in[i] = Input{DX: -128, DY: -128, Aim: uint16(a.Tick()*97 + i), Fire: true}
	}
	return in
}

// check tells what is wrong with the state, if anything.
func check(a *Arena) error {
	cfg := a.Config()
	if len(a.Ships()) != cfg.Players {
		return fmt.Errorf("%d ships for %d players", len(a.Ships()), cfg.Players)
	}
	if len(a.Shards()) > int(cfg.Shards) {
		return fmt.Errorf("%d shards, at most %d", len(a.Shards()), cfg.Shards)
	}
	for i, s := range a.Ships() {
		r := cfg.ShipRadius
		switch {
		case s.Player != i:
			return fmt.Errorf("ship %d says it is %d", i, s.Player)
		case s.X < r || s.X > cfg.Width-r || s.Y < r || s.Y > cfg.Height-r:
			return fmt.Errorf("ship out of bounds: %+v", s)
		case max(abs(s.VX), abs(s.VY)) > 1<<12:
			return fmt.Errorf("ship too fast: %+v", s)
		case s.Score < 0 || s.Score > 1<<26 || s.Kills < 0 || s.Deaths < 0:
			return fmt.Errorf("counts out of range: %+v", s)
		case s.Hull < 0 || s.Hull > cfg.Hull || (s.Hull == 0) == s.Alive():
			return fmt.Errorf("hull does not fit: %+v", s)
		case s.Guard < 0 || s.Guard > cfg.GuardTicks || s.Reload < 0 || s.Reload > cfg.ReloadTicks || s.Respawn < 0 || s.Respawn > cfg.RespawnTicks:
			return fmt.Errorf("timer out of range: %+v", s)
		}
	}
	var kills, deaths int32
	for _, s := range a.Ships() {
		kills, deaths = kills+s.Kills, deaths+s.Deaths
	}
	if kills != deaths {
		return fmt.Errorf("%d kills, %d deaths", kills, deaths)
	}
	seen := make(map[uint32]bool)
	for _, b := range a.Bullets() {
		if b.X < 0 || b.X > cfg.Width || b.Y < 0 || b.Y > cfg.Height || b.Life <= 0 || b.Life > cfg.BulletTicks || b.Owner < 0 || b.Owner >= cfg.Players {
			return fmt.Errorf("bullet out of range: %+v", b)
		}
		if max(abs(b.VX), abs(b.VY)) > cfg.BulletSpeed {
			return fmt.Errorf("bullet too fast: %+v", b)
		}
		if seen[b.ID] || b.ID == 0 {
			return fmt.Errorf("bullet's id is taken: %+v", b)
		}
		seen[b.ID] = true
	}
	for _, s := range a.Shards() {
		if s.X < 0 || s.X > cfg.Width || s.Y < 0 || s.Y > cfg.Height || seen[s.ID] || s.ID == 0 {
			return fmt.Errorf("bad shard: %+v", s)
		}
		seen[s.ID] = true
	}
	return nil
}

// play steps a to its end or for so many ticks, and fails the test at the first bad state.
func play(t testing.TB, a *Arena, next script, ticks int) {
	t.Helper()
	for range ticks {
		if a.Done() {
			return
		}
		a.Step(next(a))
		if err := check(a); err != nil {
			t.Fatalf("tick %d: %v", a.Tick(), err)
		}
	}
}

// empty is an arena of two ships at rest far apart, loaded and unguarded, without shards, for a test to arrange.
func empty(t testing.TB) *Arena {
	t.Helper()
	a := New(Config{Players: 2, ShardTicks: 1200}, 1)
	a.tick = 1 // past the tick that adds a shard
	a.shards = a.shards[:0]
	for i := range a.ships {
		a.ships[i].Guard = 0
		a.ships[i].X, a.ships[i].Y = 8000+16000*int32(i), 9000
	}
	return a
}
