package keypoint

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/store/storetest"
)

// BenchmarkIngest is batches of 200 gzip events over HTTP until they are in SQL, on real stores:
//
//	scripts/real.sh go test -run '^$' -bench Ingest ./web/keypoint
func BenchmarkIngest(b *testing.B) {
	const events = 200
	s := start(b, storetest.Real(b))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(b.Context())
	}()
	b.Cleanup(func() { <-done })
	var number atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n, list := number.Add(1), make([]string, events)
			for i := range list {
				list[i] = one(fmt.Sprintf("%016x-%d", n, i), "match_start", fmt.Sprint("player-", (n*events+int64(i))%50_000), time.Now())
			}
			status, body := s.send("POST", "/v1/events", writing, zipped(b, batchOf(list...)), "Content-Encoding", "gzip")
			if status != http.StatusAccepted {
				b.Errorf("%d %s", status, body)
			}
		}
	})
	taken := b.Elapsed()
	for s.length() > 0 {
		time.Sleep(time.Millisecond)
	}
	all := float64(number.Load() * events)
	b.ReportMetric(all/taken.Seconds(), "events-taken/s")
	b.ReportMetric(all/b.Elapsed().Seconds(), "events-stored/s")
}
