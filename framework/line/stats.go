package line

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// stats count what happens on a server's lines.
type stats struct {
	sessions atomic.Int64
	kept     atomic.Int64  // of these, those whose client is away
	resumed  atomic.Uint64 // sessions whose client came back
	in       atomic.Uint64 // clients' messages, each for one handler
	out      atomic.Uint64 // frames queued for gates
	lost     atomic.Uint64 // frames that could not be
	repeated atomic.Uint64 // clients' messages that had been seen before
	refused  atomic.Uint64 // clients' messages that no handler got
}

// Collector exposes the server's metrics to Prometheus.
func (s *Server) Collector() prometheus.Collector { return collector{s} }

type collector struct{ s *Server }

// metric is one row of what is exposed.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*Server) float64
}

func metrics() []metric {
	row := func(name, help string, kind prometheus.ValueType, read func(*Server) float64) metric {
		return metric{prometheus.NewDesc("line_"+name, help, nil, nil), kind, read}
	}
	counter := func(name, help string, field func(*stats) *atomic.Uint64) metric {
		return row(name, help, prometheus.CounterValue, func(s *Server) float64 { return float64(field(&s.stats).Load()) })
	}
	return []metric{
		row("gates", "Gates that have a line here.", prometheus.GaugeValue, func(s *Server) float64 { return float64(s.Gates()) }),
		row("sessions", "Sessions attached here, or kept for a client who may come back.", prometheus.GaugeValue, func(s *Server) float64 { return float64(s.Sessions()) }),
		row("sessions_kept", "Sessions kept for a client who may come back.", prometheus.GaugeValue, func(s *Server) float64 { return float64(s.stats.kept.Load()) }),
		counter("sessions_resumed_total", "Times that a client came back to its session.", func(c *stats) *atomic.Uint64 { return &c.resumed }),
		counter("messages_in_total", "Messages of clients.", func(c *stats) *atomic.Uint64 { return &c.in }),
		counter("frames_out_total", "Frames queued for gates.", func(c *stats) *atomic.Uint64 { return &c.out }),
		counter("frames_lost_total", "Frames that could not be queued for a gate.", func(c *stats) *atomic.Uint64 { return &c.lost }),
		counter("messages_repeated_total", "Messages of clients that had been seen before.", func(c *stats) *atomic.Uint64 { return &c.repeated }),
		counter("messages_refused_total", "Messages of clients that no handler got.", func(c *stats) *atomic.Uint64 { return &c.refused }),
	}
}

// Describe lists the metrics.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range metrics() {
		ch <- m.desc
	}
}

// Collect reads the metrics.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, m := range metrics() {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.read(c.s))
	}
}
