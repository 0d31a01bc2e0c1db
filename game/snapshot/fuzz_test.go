package snapshot_test

import (
	"encoding/binary"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/game/arena"
	"loumiao/game/pb"
	"loumiao/game/snapshot"
)

// A client survives any snapshots, and what it shows stays within what an arena can hold.
func FuzzApply(f *testing.F) {
	b, enc := newBattle(3), snapshot.NewEncoder(room)
	var sample []byte
	for tick := int32(1); tick <= 60; tick++ {
		b.step()
		m, err := proto.Marshal(enc.Encode(tick, 0, tick-3, b.near(0)))
		if err != nil {
			f.Fatal(err)
		}
		sample = append(binary.BigEndian.AppendUint16(sample, uint16(len(m))), m...)
		if tick%20 == 0 {
			f.Add(sample)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dec := snapshot.NewDecoder(joined(0))
		luck := arena.NewRand(1)
		for len(data) >= 2 {
			size := min(int(binary.BigEndian.Uint16(data)), len(data)-2)
			var m pb.Snapshot
			err := proto.Unmarshal(data[2:2+size], &m)
			data = data[2+size:]
			if err != nil {
				continue
			}
			before := dec.Tick()
			m.Room = room
			if err := dec.Apply(&m); err != nil && (dec.Seen() != 0 || dec.Tick() != before) {
				t.Fatal("a refused snapshot counts")
			}
			if dec.Tick() < before || dec.Seen() != 0 && dec.Seen() != dec.Tick() {
				t.Fatalf("seen %d at %d, after %d", dec.Seen(), dec.Tick(), before)
			}
			v := dec.View()
			if len(v.Ships) > arena.MaxPlayers || len(v.Shards) > 2048 || len(v.Bullets) > 2048 {
				t.Fatalf("%d ships, %d shards, %d bullets", len(v.Ships), len(v.Shards), len(v.Bullets))
			}
			for i := 1; i < len(v.Bullets); i++ {
				if v.Bullets[i].ID <= v.Bullets[i-1].ID {
					t.Fatal("bullets out of order")
				}
			}
			arena.Decide(v, luck)
		}
	})
}
