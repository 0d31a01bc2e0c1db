package link

import (
	"encoding/binary"
	"sync"
	"testing"
)

// pinger answers each frame with itself; ponger gives one token per frame that came back to whoever sent it.
type pinger struct{ *recorder }

func (pinger) Frame(c *Conn, f []byte) { _ = c.Write(put(f)) }

type ponger struct {
	*recorder
	back []chan struct{}
}

func (p ponger) Frame(_ *Conn, f []byte) { p.back[binary.BigEndian.Uint32(f)] <- struct{}{} }

// Round trips of 64-byte frames over loopback, both ends in this process. "write" leaves the sending to the writer goroutine, "write now" is done by the sender.
func BenchmarkRoundTrip(b *testing.B) {
	for _, callers := range []struct {
		name string
		n    int
	}{{"1", 1}, {"64", 64}, {"512", 512}} {
		for _, how := range []string{"write", "write now"} {
			b.Run(callers.name+"/"+how, func(b *testing.B) {
				b.ReportAllocs()
				addr, _ := serve(b, testConfig(2), pinger{newRecorder()})
				p := ponger{newRecorder(), make([]chan struct{}, callers.n)}
				for i := range p.back {
					p.back[i] = make(chan struct{}, 1)
				}
				c := connect(b, addr, testConfig(1), p)
				var wg sync.WaitGroup
				b.ResetTimer()
				for i, back := range p.back {
					var frame [64]byte
					binary.BigEndian.PutUint32(frame[:], uint32(i))
					n := b.N / callers.n
					if i == 0 {
						n += b.N % callers.n
					}
					wg.Go(func() {
						for range n {
							if how == "write" {
								_ = c.Write(put(frame[:]))
							} else {
								_ = c.WriteNow(put(frame[:]), callers.n > 1)
							}
							<-back
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1000, "k/s")
			})
		}
	}
}
