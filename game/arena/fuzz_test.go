package arena

import (
	"encoding/binary"
	"testing"
)

// Any inputs keep the state in bounds and replay to the same checksum.
func FuzzInputs(f *testing.F) {
	f.Add(uint32(1), uint8(8), uint8(0), []byte{})
	f.Add(uint32(2), uint8(2), uint8(1), []byte("\x7f\x80\xff\xff\x00\x00\x00\x10 and whatever follows"))
	f.Add(uint32(3), uint8(1), uint8(2), []byte("\x80\x80\x80\x80\x80\x80\x80\x80"))
	names := []string{"default", "least", "most", "fast", "crowded"}
	f.Fuzz(func(t *testing.T, seed uint32, players, rules uint8, raw []byte) {
		cfg := extremeRules()[names[int(rules)%len(names)]]
		cfg.Players, cfg.Ticks = int(players), 256
		a := New(cfg, seed)
		var record [][]Input
		next := func(a *Arena) []Input {
			var in []Input
			for range a.Ships() {
				if len(raw) < 4 {
					break
				}
				u := binary.LittleEndian.Uint32(raw)
				raw = raw[4:]
				if again := Unpack(u); Unpack(again.Pack()) != again {
					t.Fatalf("%#x does not survive packing: %+v", u, again)
				}
				in = append(in, Unpack(u))
			}
			record = append(record, in)
			return in
		}
		for len(raw) >= 4 && !a.Done() {
			play(t, a, next, 1)
		}
		if replay := Replay(cfg, seed, record); replay.Checksum() != a.Checksum() {
			t.Fatal("the replay differs")
		}
	})
}

// Any view, whatever a server claims, gives an input in range.
func FuzzDecide(f *testing.F) {
	f.Add(uint32(1), []byte{})
	f.Add(uint32(1), []byte("\x00\x00\x00\x80\x00\x00\x00\x80\xff\xff\xff\x7f\xff\xff\xff\x7f\x00\x00\x00\x80"))
	f.Fuzz(func(t *testing.T, seed uint32, raw []byte) {
		next := func() int32 {
			if len(raw) < 4 {
				return 0
			}
			n := int32(binary.LittleEndian.Uint32(raw))
			raw = raw[4:]
			return n
		}
		v := View{Self: Ship{X: next(), Y: next(), VX: next(), VY: next(), Hull: next()}}
		v.Rules.visit(func(string, int, int, int, int) int { return int(next()) })
		for len(raw) >= 4 {
			v.Ships = append(v.Ships, Ship{Player: 1, X: next(), Y: next(), VX: next(), VY: next()})
			v.Bullets = append(v.Bullets, Bullet{Owner: 1, X: next(), Y: next(), VX: next(), VY: next()})
			v.Shards = append(v.Shards, Shard{X: next(), Y: next()})
		}
		if in := Decide(v, NewRand(seed)); in != in.normal() {
			t.Fatalf("out of range: %+v", in)
		}
	})
}
