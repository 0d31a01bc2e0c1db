package arena

import (
	"maps"
	"slices"
	"testing"
)

func TestStateStaysInBounds(t *testing.T) {
	t.Parallel()
	for name, cfg := range extremeRules() {
		for how, next := range map[string]script{"noise": noise(11), "bots": bots(12), "rush": rush} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				a := New(cfg, 13)
				if err := check(a); err != nil {
					t.Fatal("at the start:", err)
				}
				room := cap(a.bullets)
				play(t, a, next, 600)
				if cap(a.bullets) != room || cap(a.shards) != int(a.cfg.Shards) {
					t.Errorf("room for %d bullets was not enough: now %d", room, cap(a.bullets))
				}
			})
		}
	}
}

func TestBotsPlay(t *testing.T) {
	t.Parallel()
	a := New(Config{}, 1)
	play(t, a, bots(2), 1<<20)
	var score, kills int32
	for _, s := range a.Result() {
		score, kills = score+s.Score, kills+s.Kills
	}
	if !a.Done() || a.Tick() != 1200 || score < 50 || kills < 5 {
		t.Errorf("after %d ticks: score %d, kills %d: %+v", a.Tick(), score, kills, a.Result())
	}
}

func TestStepTakesAnyNumberOfInputs(t *testing.T) {
	t.Parallel()
	thrust := Input{DX: 127}
	many, few, right := New(Config{Players: 2}, 1), New(Config{Players: 2}, 1), New(Config{Players: 2}, 1)
	many.Step(slices.Repeat([]Input{thrust}, 20))
	few.Step([]Input{thrust})
	right.Step([]Input{thrust, thrust})
	if many.Checksum() != right.Checksum() {
		t.Error("inputs without a seat count")
	}
	if few.Ships()[0] != right.Ships()[0] || few.Ships()[1].VX != 0 {
		t.Error("a missing input is not an idle one")
	}
	few.Step(nil)
	if few.Tick() != 2 {
		t.Error("no tick without inputs")
	}
}

// A bot within the server and a client over the wire have the same effect, whatever they hand in.
func TestStepTakesInputsOutOfRange(t *testing.T) {
	t.Parallel()
	given, packed := empty(t), empty(t)
	in := Input{DX: -128, Aim: 65000, Fire: true}
	given.Step([]Input{in})
	packed.Step([]Input{Unpack(in.Pack())})
	if given.Checksum() != packed.Checksum() || given.Ships()[0].Aim >= turn {
		t.Errorf("given %+v\npacked %+v", given.Ships()[0], packed.Ships()[0])
	}
}

func TestNothingHappensAfterTheEnd(t *testing.T) {
	t.Parallel()
	a := New(Config{Ticks: 3}, 1)
	play(t, a, noise(1), 3)
	end := a.Checksum()
	a.Step(rush(a))
	if !a.Done() || a.Tick() != 3 || a.Checksum() != end {
		t.Error("the match goes on after its end")
	}
}

func TestShipFlies(t *testing.T) {
	t.Parallel()
	fly := func(in Input) (*Arena, Ship) {
		a := empty(t)
		for range 25 {
			a.Step([]Input{in})
		}
		return a, a.Ships()[0]
	}
	a, straight := fly(Input{DX: 127})
	if straight.VX < 200 || straight.VX > 320 || straight.X < 10000 || straight.VY != 0 || straight.Y != 9000 {
		t.Errorf("at full stick: %+v", straight)
	}
	_, diagonal := fly(Input{DX: 127, DY: 127})
	if diagonal.VX != diagonal.VY || 2*diagonal.VX*diagonal.VX > straight.VX*straight.VX {
		t.Errorf("diagonally %+v, faster than straight %+v", diagonal, straight)
	}
	for range 60 {
		a.Step(nil)
	}
	if s := a.Ships()[0]; s.VX != 0 || s.VY != 0 || s.X <= straight.X {
		t.Errorf("without a push: %+v", s)
	}
}

func TestTopSpeed(t *testing.T) {
	t.Parallel()
	for name, cfg := range extremeRules() {
		a, speed := New(cfg, 1), int32(0)
		for range 10000 {
			speed = a.slow(speed + a.cfg.Thrust)
		}
		// Where a tick's drag takes what its thrust gives; drag rounds down by less than one point a tick.
		least := (a.cfg.Thrust*(256-a.cfg.Drag) - 256) / a.cfg.Drag
		most := min(least+256/a.cfg.Drag, 1<<12)
		if speed <= 0 || speed < least || speed > most {
			t.Errorf("%s: top speed %d, want %d to %d", name, speed, least, most)
		}
	}
}

func TestWallTurnsShipBack(t *testing.T) {
	t.Parallel()
	a := empty(t)
	a.ships[0].X, a.ships[0].VX = a.cfg.ShipRadius+10, -200
	a.Step(nil)
	if s := a.Ships()[0]; s.X != a.cfg.ShipRadius || s.VX <= 0 || s.VX > 100 {
		t.Errorf("at the wall: %+v", s)
	}
}

// shootAt lets ship 0 fire once at ship 1, which stands in range, and steps until the bullet is gone.
func shootAt(a *Arena) {
	a.ships[1].X = a.ships[0].X + 5000
	a.Step([]Input{{Fire: true}})
	for len(a.Bullets()) > 0 {
		a.Step(nil)
	}
}

func TestHits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		arrange func(a *Arena)
		want    func(shooter, target Ship) bool
	}{
		"cost hull": {func(*Arena) {}, func(s, v Ship) bool { return v.Hull == 80 && s.Score == 0 && s.Hull == 100 }},
		"pass when aimed elsewhere": {
			func(a *Arena) { a.ships[1].Y += 1000 }, func(s, v Ship) bool { return v.Hull == 100 }},
		"do nothing to a guarded ship": {
			func(a *Arena) { a.ships[1].Guard = 30 }, func(s, v Ship) bool { return v.Hull == 100 }},
		"do nothing to a lost ship": {
			func(a *Arena) { a.ships[1].Respawn, a.ships[1].Hull = 60, 0 }, func(s, v Ship) bool { return v.Deaths == 0 && s.Kills == 0 }},
		"kill": {
			func(a *Arena) { a.ships[1].Hull, a.ships[1].Score = 20, 7 },
			func(s, v Ship) bool {
				return s.Score == 5 && s.Kills == 1 && v.Deaths == 1 && v.Score == 5 && v.Hull == 0 && !v.Alive()
			}},
		"never take score below zero": {
			func(a *Arena) { a.ships[1].Hull, a.ships[1].Score = 1, 1 },
			func(s, v Ship) bool { return v.Deaths == 1 && v.Score == 0 }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := empty(t)
			tt.arrange(a)
			shootAt(a)
			if s, v := a.Ships()[0], a.Ships()[1]; !tt.want(s, v) {
				t.Errorf("shooter %+v\ntarget %+v", s, v)
			}
		})
	}
}

func TestBulletHitsTheNearerShip(t *testing.T) {
	t.Parallel()
	for tick := range 3 { // whoever is first in the tick's order
		a := New(Config{Players: 3, BulletSpeed: 2048, ShardTicks: 1200}, 1)
		a.tick = tick + 1
		for i, x := range []int32{8000, 9500, 8900} {
			a.ships[i].X, a.ships[i].Y, a.ships[i].Guard = x, 9000, 0
		}
		a.Step([]Input{{Fire: true}})
		a.Step(nil)
		if a.Ships()[2].Hull != 80 || a.Ships()[1].Hull != 100 {
			t.Errorf("first in order %d: %+v", tick, a.Ships())
		}
	}
}

func TestLostShipComesBack(t *testing.T) {
	t.Parallel()
	a := empty(t)
	a.ships[1].Hull, a.ships[1].VX = 20, 0
	shootAt(a)
	wreck := a.Ships()[1]
	for i := range wreck.Respawn {
		if s := a.Ships()[1]; s.Alive() || s.X != wreck.X || s.Y != wreck.Y || s.VX != 0 {
			t.Fatalf("%d ticks after its loss: %+v", i, s)
		}
		a.Step([]Input{{}, {DX: 127, Fire: true}})
		if len(a.Bullets()) > 0 && i < wreck.Respawn-1 {
			t.Fatal("a lost ship shoots")
		}
	}
	if s := a.Ships()[1]; !s.Alive() || s.Hull != 100 || s.X == wreck.X {
		t.Errorf("after its time: %+v", s)
	}
}

func TestShipComesBackFarFromOpponents(t *testing.T) {
	t.Parallel()
	for seed := range uint32(50) {
		a := New(Config{}, seed)
		a.ships[2].Respawn = 9 // lost: to be ignored
		luck, best, want := a.rand, int32(-1), Ship{}
		for range respawnChoices {
			x := 320 + luck.Below(32768-640+1)
			y := 320 + luck.Below(18432-640+1)
			nearest := int32(1 << 30)
			for _, i := range []int{0, 1, 4, 5, 6, 7} {
				nearest = min(nearest, max(abs(a.ships[i].X-x), abs(a.ships[i].Y-y)))
			}
			if nearest > best {
				best, want.X, want.Y = nearest, x, y
			}
		}
		a.respawn(&a.ships[3])
		if s := a.ships[3]; s.X != want.X || s.Y != want.Y || s.Guard != 30 {
			t.Errorf("seed %d: %+v, want at (%d, %d)", seed, s, want.X, want.Y)
		}
	}
}

func TestGuardEnds(t *testing.T) {
	t.Parallel()
	a := New(Config{}, 1)
	a.Step([]Input{{Fire: true}})
	if a.Ships()[0].Guard != 0 || a.Ships()[1].Guard != 29 {
		t.Errorf("guards %d and %d, want 0 for who fired and 29", a.Ships()[0].Guard, a.Ships()[1].Guard)
	}
}

func TestGunReloads(t *testing.T) {
	t.Parallel()
	a := empty(t)
	var shots []int
	for tick := range 20 {
		before := len(a.Bullets())
		a.Step([]Input{{Fire: true, Aim: 2048}})
		if len(a.Bullets()) > before {
			shots = append(shots, tick)
		}
	}
	if !slices.Equal(shots, []int{0, 6, 12, 18}[:len(shots)]) || len(shots) < 2 {
		t.Errorf("shots at %v, want one each 6 ticks", shots)
	}
}

func TestShards(t *testing.T) {
	t.Parallel()
	a := empty(t)
	s := a.ships[0]
	touch := a.cfg.ShipRadius + a.cfg.ShardRadius
	a.shards = append(a.shards, Shard{ID: 1001, X: s.X + touch + 1, Y: s.Y}, Shard{ID: 1002, X: s.X, Y: s.Y - touch})
	a.Step(nil)
	if got := a.Ships()[0].Score; got != 1 {
		t.Errorf("score %d, want 1", got)
	}
	if got := a.Shards(); len(got) != 1 || got[0].ID != 1001 {
		t.Errorf("left: %+v, want the one beyond reach", got)
	}

	full := New(Config{Players: 1, Shards: 4, ShardTicks: 1, Width: 131072, Height: 131072}, 1)
	for range 10 {
		full.Step(nil)
	}
	if len(full.Shards()) != 4 {
		t.Errorf("%d shards, want the most of 4", len(full.Shards()))
	}
}

func TestTiesGoToEachSeatInTurn(t *testing.T) {
	t.Parallel()
	a := empty(t)
	a.ships[1] = a.ships[0]
	a.ships[1].Player = 1
	for range 10 {
		a.shards = append(a.shards[:0], Shard{ID: 1001, X: a.ships[0].X, Y: a.ships[0].Y})
		a.Step(nil)
	}
	if a.Ships()[0].Score != 5 || a.Ships()[1].Score != 5 {
		t.Errorf("scores %d and %d of ten ties", a.Ships()[0].Score, a.Ships()[1].Score)
	}
}

func TestResult(t *testing.T) {
	t.Parallel()
	a := New(Config{Players: 5}, 1)
	for i, s := range []Ship{{Score: 3}, {Score: 9, Kills: 1}, {Score: 3}, {Score: 9, Kills: 2}, {Score: 3, Deaths: 1}} {
		a.ships[i].Score, a.ships[i].Kills, a.ships[i].Deaths = s.Score, s.Kills, s.Deaths
	}
	want := []Standing{{3, 9, 2, 0, 1}, {1, 9, 1, 0, 2}, {0, 3, 0, 0, 3}, {2, 3, 0, 0, 3}, {4, 3, 0, 1, 5}}
	if got := a.Result(); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestNear(t *testing.T) {
	t.Parallel()
	a := New(Config{}, 3)
	var v View
	sizes := make(map[bool]int)
	for range 300 {
		play(t, a, noise(uint32(a.Tick())), 1)
		for ship := range a.Ships() {
			for _, radius := range []int32{-1, 0, 3000, 12000, 1 << 30} {
				a.Near(ship, radius, &v)
				want := seenFrom(a, ship, radius)
				if v.Self != want.Self || v.Rules != a.Config() || !slices.Equal(v.Ships, want.Ships) ||
					!slices.Equal(v.Bullets, want.Bullets) || !slices.Equal(v.Shards, want.Shards) {
					t.Fatalf("ship %d, radius %d: %+v\nwant %+v", ship, radius, v, want)
				}
				sizes[len(v.Ships) < len(a.Ships())-1]++
			}
		}
	}
	if len(sizes) != 2 {
		t.Error("saw always all or never all:", maps.Collect(maps.All(sizes)))
	}
	for _, ship := range []int{-1, MaxPlayers} {
		a.Near(ship, 1<<30, &v)
		if v.Self != (Ship{}) || len(v.Ships)+len(v.Bullets)+len(v.Shards) > 0 {
			t.Errorf("seat %d sees %+v", ship, v)
		}
	}
}

// seenFrom is what Near lists, written the plain way.
func seenFrom(a *Arena, ship int, radius int32) View {
	v := View{Self: a.Ships()[ship]}
	sees := func(x, y int32) bool {
		return x >= v.Self.X-radius && x <= v.Self.X+radius && y >= v.Self.Y-radius && y <= v.Self.Y+radius
	}
	for i, s := range a.Ships() {
		if i != ship && sees(s.X, s.Y) {
			v.Ships = append(v.Ships, s)
		}
	}
	for _, b := range a.Bullets() {
		if sees(b.X, b.Y) {
			v.Bullets = append(v.Bullets, b)
		}
	}
	for _, s := range a.Shards() {
		if sees(s.X, s.Y) {
			v.Shards = append(v.Shards, s)
		}
	}
	return v
}
