package journal

import "github.com/prometheus/client_golang/prometheus"

// Collector exposes [Journal.Stats].
//
//	journal_written_total    records taken        journal_dropped_total  records that found no room
//	journal_delivered_total  records delivered    journal_refused_total  records that the receiver will never take
//	journal_spool_bytes      what is on disk
func (j *Journal) Collector() prometheus.Collector { return collector{j} }

type collector struct{ j *Journal }

var (
	written   = prometheus.NewDesc("journal_written_total", "Records that were taken.", nil, nil)
	delivered = prometheus.NewDesc("journal_delivered_total", "Records that the receiver has taken.", nil, nil)
	dropped   = prometheus.NewDesc("journal_dropped_total", "Records that found no room.", nil, nil)
	refused   = prometheus.NewDesc("journal_refused_total", "Records that the receiver will never take.", nil, nil)
	spooled   = prometheus.NewDesc("journal_spool_bytes", "Bytes on disk.", nil, nil)
)

// Describe names the metrics.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{written, delivered, dropped, refused, spooled} {
		ch <- d
	}
}

// Collect reads them.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	s := c.j.Stats()
	count := func(d *prometheus.Desc, n uint64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n))
	}
	count(written, s.Written)
	count(delivered, s.Delivered)
	count(dropped, s.Dropped)
	count(refused, s.Refused)
	ch <- prometheus.MustNewConstMetric(spooled, prometheus.GaugeValue, float64(s.Spooled))
}
