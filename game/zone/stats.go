package zone

import "github.com/prometheus/client_golang/prometheus"

// stats is what a zone shows of itself.
type stats struct {
	rooms   prometheus.GaugeFunc
	battles *prometheus.CounterVec
	ticks   prometheus.Histogram

	checksums *prometheus.CounterVec
	fills     *prometheus.CounterVec
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
		fills: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zone_fills_total", Help: "Players who were put on the seats of those who had left, by whether they came: joined or lapsed.",
		}, []string{"outcome"}),
		ticks: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "zone_tick_seconds", Help: "Time to simulate one tick of one battle and to send its snapshots. There are 50 ms.",
			Buckets: prometheus.ExponentialBuckets(20e-6, 2.5, 10),
		}),
	}
}

func (s *stats) register(r prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{s.rooms, s.battles, s.ticks, s.checksums, s.fills} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// fieldStats is what a zone shows of its fields.
type fieldStats struct {
	lines, players         prometheus.GaugeFunc
	updates, lost, refused prometheus.Counter
	ticks                  prometheus.Histogram
}

func newFieldStats(f *fields) *fieldStats {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	return &fieldStats{
		lines: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zone_field_lines", Help: "Lines of maps that the node hosts.",
		}, func() float64 { return float64(len(f.all())) }),
		players: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zone_field_players", Help: "Players who are on a field, or have a place there.",
		}, func() float64 {
			n := int64(0)
			for _, h := range f.all() {
				n += h.players.Load()
			}
			return float64(n)
		}),
		updates: counter("zone_field_updates_total", "Updates that were made, each for all players in one cell."),
		lost:    counter("zone_field_updates_lost_total", "Updates that not every gate has taken."),
		refused: counter("zone_field_moves_refused_total", "Moves of clients that were refused: off the map, too far, too often."),
		ticks: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "zone_field_tick_seconds", Help: "Time to show one tick of one field to everybody on it. There are 100 ms.",
			Buckets: prometheus.ExponentialBuckets(20e-6, 2.5, 12),
		}),
	}
}

func (s *fieldStats) register(r prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{s.lines, s.players, s.updates, s.lost, s.refused, s.ticks} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}
