package match

import "github.com/prometheus/client_golang/prometheus"

// stats is what the node counts.
type stats struct {
	made, filled, declined, putBack, takenOver, abandoned, untold, unattended prometheus.Counter
	waiting                                                                   *prometheus.GaugeVec
	expired                                                                   *prometheus.CounterVec
	waited                                                                    *prometheus.HistogramVec
}

// poolStats is the part of stats that belongs to one pool.
type poolStats struct {
	waiting prometheus.Gauge
	expired prometheus.Counter
	waited  prometheus.Observer
}

func newStats() *stats {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "match", Name: name, Help: help})
	}
	labels := []string{"area", "mode"}
	return &stats{
		made:       counter("made_total", "Matches that were made and told to their players."),
		filled:     counter("filled_total", "Players who were put on the seats of those who had left, and told so."),
		declined:   counter("declined_total", "Matches that came to nothing because somebody did not accept them."),
		putBack:    counter("put_back_total", "Matches whose tickets went back into the pool, because no room was to be had."),
		takenOver:  counter("taken_over_total", "Matches taken over from a node that did not finish them."),
		abandoned:  counter("abandoned_total", "Matches given up because nobody finished them in time."),
		untold:     counter("untold_total", "Players who could not be told how their ticket ended."),
		unattended: counter("unattended_total", "Tickets given up because no world stood for them any more."),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "match", Name: "waiting",
			Help: "Tickets in the pools whose passes this node runs."}, labels),
		expired: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "match", Name: "expired_total",
			Help: "Tickets given up because they had waited too long."}, labels),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "match", Name: "waited_seconds",
			Help: "How long tickets waited until their match.", Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80, 160}}, labels),
	}
}

func (s *stats) pool(p Pool) poolStats {
	area := p.Area.String()
	return poolStats{
		waiting: s.waiting.WithLabelValues(area, p.Mode),
		expired: s.expired.WithLabelValues(area, p.Mode),
		waited:  s.waited.WithLabelValues(area, p.Mode),
	}
}

// register has reg show everything.
func (s *stats) register(reg prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{s.made, s.filled, s.declined, s.putBack, s.takenOver, s.abandoned, s.untold, s.unattended, s.waiting, s.expired, s.waited} {
		if err := reg.Register(c); err != nil {
			return err
		}
	}
	return nil
}
