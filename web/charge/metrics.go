package charge

import (
	"github.com/prometheus/client_golang/prometheus"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
)

// metrics is what can be seen of a charge node from outside.
type metrics struct {
	orders    *prometheus.CounterVec // by state
	callbacks *prometheus.CounterVec // by provider and result
	events    *prometheus.CounterVec // by provider, what it says, and outcome
	work      *prometheus.CounterVec // by kind and result
	debts     prometheus.Counter
	found     *prometheus.CounterVec // by how it fell through
	stuck     *prometheus.GaugeVec   // by state
	backlog   *prometheus.GaugeVec   // by what
	oldest    *prometheus.GaugeVec   // by what
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, label string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{label})
	}
	return &metrics{
		orders:    counter("charge_orders_total", "Orders that came to a state on this node.", "state"),
		callbacks: counter("charge_callbacks_total", "Callbacks of payment providers, by result: stored, repeated or an error code.", "provider", "result"),
		events:    counter("charge_events_total", "Payment events that were processed, by what they say and what came of it.", "provider", "says", "outcome"),
		work:      counter("charge_work_total", "Work of the outbox, by kind and result (ok or an error code).", "kind", "result"),
		debts:     prometheus.NewCounter(prometheus.CounterOpts{Name: "charge_debts_total", Help: "Refunded orders whose goods were spent."}),
		found:     counter("charge_fell_through_total", "Orders that the audit found: orphan, callback_missing, not_in_ledger.", "how"),
		stuck:     gauge("charge_stuck_orders", "Orders that have been in a state for over five minutes, up to a hundred.", "state"),
		backlog:   gauge("charge_backlog", "Events and work that are not done.", "what"),
		oldest:    gauge("charge_backlog_oldest_seconds", "How long the oldest of them has waited.", "what"),
	}
}

// moved counts that an order has come to a state.
func (m *metrics) moved(to order.State) { m.orders.WithLabelValues(string(to)).Inc() }

// result is err as a label.
func result(err error) string { return fault.CodeOf(err).String() }

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

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.orders, m.callbacks, m.events, m.work, m.debts, m.found, m.stuck, m.backlog, m.oldest}
}
