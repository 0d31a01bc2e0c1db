package queue

import "github.com/prometheus/client_golang/prometheus"

// stats is what the node counts.
type stats struct {
	admitted prometheus.Counter
	waiting  *prometheus.GaugeVec
}

func newStats() *stats {
	return &stats{
		admitted: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "queue", Name: "admitted_total", Help: "Players who were let in."}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "queue", Name: "waiting",
			Help: "Players who are connected and wait."}, []string{"area", "lane"}),
	}
}

// register has reg show everything.
func (s *stats) register(reg prometheus.Registerer) error {
	if err := reg.Register(s.admitted); err != nil {
		return err
	}
	return reg.Register(s.waiting)
}
