package snapshot_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/game/arena"
	"loumiao/game/pb"
	"loumiao/game/snapshot"
)

// views is what a player sees at each tick of a busy minute.
func views(b *testing.B) []arena.View {
	fight := newBattle(1)
	all := make([]arena.View, 1200)
	for i := range all {
		fight.step()
		fight.arena.Near(0, radius, &all[i])
	}
	b.ResetTimer()
	return all
}

func BenchmarkEncode(b *testing.B) {
	for _, bb := range []struct {
		name string
		lag  int32 // ticks between a snapshot and what it builds on; 0: keyframes
	}{{"keyframe", 0}, {"delta of 2 ticks", 2}, {"delta of 4 ticks", 4}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			all, enc := views(b), snapshot.NewEncoder(room)
			tick, size := int32(0), 0
			var data []byte
			for b.Loop() {
				tick++
				seen := tick - bb.lag
				if bb.lag == 0 || tick%1200 == 0 {
					seen = 0
				}
				m := enc.Encode(tick, 1, seen, &all[tick%1200])
				data, _ = proto.MarshalOptions{}.MarshalAppend(data[:0], m)
				size += len(data)
			}
			b.ReportMetric(float64(size)/float64(tick), "bytes/snapshot")
		})
	}
}

func BenchmarkApply(b *testing.B) {
	b.ReportAllocs()
	all, enc := views(b), snapshot.NewEncoder(room)
	msgs := make([]*pb.Snapshot, len(all))
	for i := range all {
		msgs[i] = proto.CloneOf(enc.Encode(int32(i)+1, 1, int32(i), &all[i]))
	}
	dec := snapshot.NewDecoder(joined(0))
	b.ResetTimer()
	i := 0
	for b.Loop() {
		if i == len(msgs) {
			i, dec = 0, snapshot.NewDecoder(joined(0))
		}
		if err := dec.Apply(msgs[i]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
