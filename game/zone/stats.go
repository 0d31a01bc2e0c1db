package zone

import "github.com/prometheus/client_golang/prometheus"

// stats is what a zone shows of itself.
type stats struct {
	rooms   prometheus.GaugeFunc
	battles *prometheus.CounterVec
	ticks   prometheus.Histogram

	checksums *prometheus.CounterVec
}

func newStats(rooms func() int) *stats {
	return &stats{
		rooms: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zone_rooms", Help: "Rooms that have work to do.",
		}, func() float64 { return float64(rooms()) }),
		battles: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zone_battles_total", Help: "Battles by how they ended: recorded, aborted, or lost with their result.",
		}, []string{"outcome"}),
		checksums: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zone_checksums_total", Help: "Checksums of clients in frame mode, by whether their simulation agreed with the zone's: agreed or desync.",
		}, []string{"outcome"}),
		ticks: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "zone_tick_seconds", Help: "Time to simulate one tick of one battle and to send its snapshots. There are 50 ms.",
			Buckets: prometheus.ExponentialBuckets(20e-6, 2.5, 10),
		}),
	}
}

func (s *stats) register(r prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{s.rooms, s.battles, s.ticks, s.checksums} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}
