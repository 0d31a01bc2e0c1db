package field

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/game/pb"
)

// One tick of a field with 1,000 walkers who all move, with its updates encoded once for each group. There are ten a second: share is the part of one core.
func BenchmarkTick(b *testing.B) {
	for _, side := range []int32{16_000, 32_000, 64_000} {
		b.Run(fmt.Sprint("side=", side), func(b *testing.B) {
			rules := Rules{Width: side, Height: side, View: 2000, Cell: 1000, Speed: 600, Capacity: 1000}
			f := New[int](1<<60, rules)
			rng := rand.New(rand.NewPCG(1, 2))
			var walkers []*Walker[int]
			for i := range 1000 {
				w, err := f.Enter(int64(1)<<60+int64(i), fmt.Sprint("Player ", i), Point{rng.Int32N(side), rng.Int32N(side)}, i)
				if err != nil {
					b.Fatal(err)
				}
				walkers = append(walkers, w)
			}
			var body []byte
			bytes, frames, ticks := 0, 0, 0
			send := func(to []int, u *pb.FieldUpdate) {
				body, _ = proto.MarshalOptions{}.MarshalAppend(body[:0], u)
				bytes += len(to) * len(body)
				frames++
			}
			f.Show(send)
			bytes, frames = 0, 0
			b.ReportAllocs()
			for b.Loop() {
				for _, w := range walkers {
					at := w.At()
					_ = f.Move(w, Point{at.X + rng.Int32N(101) - 50, at.Y + rng.Int32N(101) - 50}, w.Corrections())
				}
				f.Show(send)
				ticks++
			}
			b.ReportMetric(float64(bytes)/float64(ticks)/1000*TicksPerSecond, "bytes/s/player")
			b.ReportMetric(float64(frames)/float64(ticks), "encodings/tick")
			b.ReportMetric(b.Elapsed().Seconds()/float64(ticks)*TicksPerSecond*100, "%core")
		})
	}
}
