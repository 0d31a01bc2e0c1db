package arena

import "testing"

func TestDecide(t *testing.T) {
	t.Parallel()
	self := Ship{Player: 0, X: 10000, Y: 9000, Hull: 100}
	enemy := Ship{Player: 1, X: 13000, Y: 9000, Hull: 100}
	tests := map[string]struct {
		view View
		want func(in Input) bool
	}{
		"a lost ship does nothing": {
			View{Self: Ship{Respawn: 3}, Ships: []Ship{enemy}}, func(in Input) bool { return in == Input{} }},
		"goes for the nearest shard": {
			View{Self: self, Shards: []Shard{{X: 10000, Y: 15000}, {X: 10000, Y: 7000}}},
			func(in Input) bool { return in.DX == 0 && in.DY == -127 && !in.Fire }},
		"shoots at who is in range": {
			View{Self: self, Ships: []Ship{enemy}},
			func(in Input) bool { return in.Fire && (in.Aim < 50 || in.Aim > turn-50) }},
		"leads a moving target": {
			View{Self: self, Ships: []Ship{{Player: 1, X: 18000, Y: 9000, VY: 300}}},
			func(in Input) bool { return in.Fire && in.Aim > 100 && in.Aim < 400 }},
		"does not shoot at a lost ship": {
			View{Self: self, Ships: []Ship{{Player: 1, X: 13000, Y: 9000, Respawn: 5}}},
			func(in Input) bool { return !in.Fire }},
		"does not shoot beyond range": {
			View{Self: self, Ships: []Ship{{Player: 1, X: 28000, Y: 9000}}},
			func(in Input) bool { return !in.Fire && in.DX == 127 }},
		"flees with a low hull": {
			View{Self: Ship{X: 10000, Y: 9000, Hull: 10}, Ships: []Ship{enemy}, Shards: []Shard{{X: 12000, Y: 9000}}},
			func(in Input) bool { return in.DX == -127 }},
		"dodges across a bullet's path": {
			View{Self: self, Bullets: []Bullet{{Owner: 1, X: 12000, Y: 9000, VX: -800}}},
			func(in Input) bool { return in.DX == 0 && (in.DY == 127 || in.DY == -127) }},
		"ignores its own bullets": {
			View{Self: self, Bullets: []Bullet{{Owner: 0, X: 12000, Y: 9000, VX: -800}}, Shards: []Shard{{X: 20000, Y: 9000}}},
			func(in Input) bool { return in.DX == 127 && in.DY == 0 }},
		"brakes before a shard": {
			View{Self: Ship{X: 10000, Y: 9000, VX: 300, Hull: 100}, Shards: []Shard{{X: 11000, Y: 9000}}},
			func(in Input) bool { return in.DX == -127 }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint32(20) {
				if in := Decide(tt.view, NewRand(seed)); !tt.want(in) || in != in.normal() {
					t.Fatalf("seed %d: %+v", seed, in)
				}
			}
		})
	}
}
