package keypoint

import "github.com/prometheus/client_golang/prometheus"

// metrics is what can be seen of a keypoint node from outside.
type metrics struct {
	events    *prometheus.CounterVec // by what became of them
	malformed *prometheus.CounterVec // by reason
	refused   *prometheus.CounterVec // batches, by error code
	backlog   prometheus.Gauge
}

func newMetrics() *metrics {
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	return &metrics{
		events:    counter("keypoint_events_total", "Events: accepted into the stream, stored in SQL, or repeated and so not stored again.", "what"),
		malformed: counter("keypoint_malformed_total", "Events and batches that went into quarantine, by reason.", "reason"),
		refused:   counter("keypoint_refused_total", "Batches that were not taken, by error code.", "code"),
		backlog:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "keypoint_backlog_bytes", Help: "What is in the stream and not in SQL yet, when last seen."}),
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.events, m.malformed, m.refused, m.backlog}
}

// Describe is every metric's description.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
}

// Collect is every metric's value.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(ch)
	}
}
