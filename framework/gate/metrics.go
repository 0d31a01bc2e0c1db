package gate

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// stats are counted as things happen, by single atomic additions.
type stats struct {
	accepted, opened, resumed                atomic.Int64
	framesIn, framesOut, bytesOut            atomic.Int64
	refused, limited, stale, stray, dropped  atomic.Int64
	kicks, violations, slow, silent, noHello atomic.Int64
	pushedOut, overloaded, unauthenticated   atomic.Int64
	crowded, compressed, moved, fenced       atomic.Int64
}

// A metric is one figure of a gate.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(g *Gate) float64
}

func counter(name, help string, of func(*stats) *atomic.Int64) metric {
	return metric{
		desc: prometheus.NewDesc("gate_"+name, help, nil, nil), kind: prometheus.CounterValue,
		read: func(g *Gate) float64 { return float64(of(&g.stats).Load()) },
	}
}

func gauge(name, help string, read func(*Gate) float64) metric {
	return metric{desc: prometheus.NewDesc("gate_"+name, help, nil, nil), kind: prometheus.GaugeValue, read: read}
}

// A collector shows a gate's figures to Prometheus.
type collector struct {
	gate    *Gate
	metrics []metric
}

// Collector shows the gate's figures to Prometheus.
func (g *Gate) Collector() prometheus.Collector {
	return &collector{gate: g, metrics: []metric{
		gauge("sessions", "Sessions that are open or in their handshake.", func(g *Gate) float64 { return float64(g.Count()) }),
		gauge("waiting_connections", "Connections that have not said hello.", func(g *Gate) float64 { return float64(g.lobby.size()) }),
		counter("connections_total", "Connections accepted.", func(s *stats) *atomic.Int64 { return &s.accepted }),
		counter("sessions_total", "Sessions opened.", func(s *stats) *atomic.Int64 { return &s.opened }),
		counter("resumed_total", "Sessions whose client came back, here or from another gate.", func(s *stats) *atomic.Int64 { return &s.resumed }),
		counter("frames_in_total", "Frames from clients.", func(s *stats) *atomic.Int64 { return &s.framesIn }),
		counter("frames_out_total", "Frames from backends to clients.", func(s *stats) *atomic.Int64 { return &s.framesOut }),
		counter("bytes_out_total", "Bytes written to clients.", func(s *stats) *atomic.Int64 { return &s.bytesOut }),
		counter("refused_total", "Frames from clients that were refused.", func(s *stats) *atomic.Int64 { return &s.refused }),
		counter("rate_limited_total", "Frames from clients over their rate.", func(s *stats) *atomic.Int64 { return &s.limited }),
		counter("stale_total", "Frames from clients that had not seen a reset.", func(s *stats) *atomic.Int64 { return &s.stale }),
		counter("stray_total", "Frames from backends for sessions that are not theirs, or gone.", func(s *stats) *atomic.Int64 { return &s.stray }),
		counter("moved_total", "Streams that went on at another backend without their clients' noticing.", func(s *stats) *atomic.Int64 { return &s.moved }),
		counter("fenced_total", "Backends refused for an old epoch, once a stream.", func(s *stats) *atomic.Int64 { return &s.fenced }),
		counter("compressed_total", "Bodies compressed; one for any number of clients.", func(s *stats) *atomic.Int64 { return &s.compressed }),
		counter("dropped_total", "Droppable frames that a slow client was not sent.", func(s *stats) *atomic.Int64 { return &s.dropped }),
		counter("kicks_total", "Sessions ended by the gate with a reason.", func(s *stats) *atomic.Int64 { return &s.kicks }),
		counter("violations_total", "Sessions ended because the client broke the protocol.", func(s *stats) *atomic.Int64 { return &s.violations }),
		counter("slow_total", "Sessions ended because the client did not read.", func(s *stats) *atomic.Int64 { return &s.slow }),
		counter("silent_total", "Sessions ended because the client sent nothing.", func(s *stats) *atomic.Int64 { return &s.silent }),
		counter("no_hello_total", "Connections that did not say hello in time.", func(s *stats) *atomic.Int64 { return &s.noHello }),
		counter("pushed_out_total", "Connections that made room for newer ones before they said hello.", func(s *stats) *atomic.Int64 { return &s.pushedOut }),
		counter("overloaded_total", "Sessions refused because the gate was full.", func(s *stats) *atomic.Int64 { return &s.overloaded }),
		counter("crowded_total", "Connections refused because their address had too many.", func(s *stats) *atomic.Int64 { return &s.crowded }),
		counter("unauthenticated_total", "Tokens refused.", func(s *stats) *atomic.Int64 { return &s.unauthenticated }),
	}}
}

// Describe is for Prometheus.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		ch <- m.desc
	}
}

// Collect is for Prometheus.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c.metrics {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.read(c.gate))
	}
}
