package actor

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector exposes what the System counts. All of it is labelled with the kind of actor (its state's type), never with a name, and
// handlers also with the message's type. Latency is that of one message in sixteen, which is measured precisely.
//
//	actor_actors               actors that have not stopped         actor_panics_total    panics of handlers and hooks
//	actor_mailbox_depth        messages queued at all of them       actor_restarts_total  restarts after a panic
//	actor_mailbox_depth_max    at the fullest of them               actor_rejected_total  messages that found no room
//	actor_handled_total        messages handled                     actor_expired_total   queued until after their deadline
//	actor_failed_total         of them, those that ended in error   actor_dropped_total   queued when their actor crashed
//	actor_handler_seconds      latency of handlers
func (s *System) Collector() prometheus.Collector { return collector{s} }

type collector struct{ sys *System }

// A family is a metric that a kind has one number of.
type family struct {
	desc  *prometheus.Desc
	value func(*kind) uint64
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("actor_"+name, help, labels, nil)
}

func (collector) describe() (d struct {
	actors, depth, deepest, handled, failed, latency *prometheus.Desc
	kinds                                            []family
}) {
	d.actors = describe("actors", "Actors that have not stopped.", "actor")
	d.depth = describe("mailbox_depth", "Messages queued at all actors of a kind.", "actor")
	d.deepest = describe("mailbox_depth_max", "Messages queued at the fullest mailbox of a kind.", "actor")
	d.handled = describe("handled_total", "Messages handled.", "actor", "message")
	d.failed = describe("failed_total", "Messages whose handling ended in an error.", "actor", "message")
	d.latency = describe("handler_seconds", "Time in the handler, of one message in sixteen.", "actor", "message")
	d.kinds = []family{
		{describe("panics_total", "Panics of handlers and hooks.", "actor"), func(k *kind) uint64 { return k.panics.Load() }},
		{describe("restarts_total", "Restarts after a panic.", "actor"), func(k *kind) uint64 { return k.restarts.Load() }},
		{describe("rejected_total", "Messages that found the mailbox full.", "actor"), func(k *kind) uint64 { return k.rejected.Load() }},
		{describe("expired_total", "Messages that were queued until after their deadline.", "actor"), func(k *kind) uint64 { return k.expired.Load() }},
		{describe("dropped_total", "Messages that were queued when their actor crashed.", "actor"), func(k *kind) uint64 { return k.dropped.Load() }},
	}
	return d
}

// Describe is for Prometheus.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	d := c.describe()
	for _, desc := range []*prometheus.Desc{d.actors, d.depth, d.deepest, d.handled, d.failed, d.latency} {
		out <- desc
	}
	for _, f := range d.kinds {
		out <- f.desc
	}
}

// Collect is for Prometheus. It looks at every actor.
func (c collector) Collect(out chan<- prometheus.Metric) {
	d := c.describe()
	for name, l := range c.sys.census() {
		out <- prometheus.MustNewConstMetric(d.actors, prometheus.GaugeValue, float64(l.actors), name)
		out <- prometheus.MustNewConstMetric(d.depth, prometheus.GaugeValue, float64(l.depth), name)
		out <- prometheus.MustNewConstMetric(d.deepest, prometheus.GaugeValue, float64(l.deepest), name)
		for _, f := range d.kinds {
			out <- prometheus.MustNewConstMetric(f.desc, prometheus.CounterValue, float64(l.sum(f.value)), name)
		}
		for message, r := range l.routes() {
			out <- prometheus.MustNewConstMetric(d.handled, prometheus.CounterValue, float64(r.handled), name, message)
			out <- prometheus.MustNewConstMetric(d.failed, prometheus.CounterValue, float64(r.failed), name, message)
			out <- prometheus.MustNewConstHistogram(d.latency, r.count, time.Duration(r.sum).Seconds(), r.buckets, name, message)
		}
	}
}
