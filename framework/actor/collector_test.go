package actor_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"loumiao/framework/actor"
)

// gather is every sample as "name{label values}" and its value; of a histogram, the number of observations.
func gather(t *testing.T, sys *actor.System) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(sys.Collector()); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetValue())
			}
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue()
			if h := m.GetHistogram(); h != nil {
				value = float64(h.GetSampleCount())
			}
			samples[strings.TrimPrefix(f.GetName(), "actor_")+"{"+strings.Join(labels, ",")+"}"] = value
		}
	}
	return samples
}

func TestCollector(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, _ := setup(t, actor.Config{})
		// Two behaviors of one state type share their label.
		x := must[actor.Ref](t)(actor.Spawn(sys, "", echoes(), &echo{}, actor.Options{Mailbox: 3}))
		y := must[actor.Ref](t)(actor.Spawn(sys, "", echoes(), nil, actor.Options{
			Supervise: actor.Restart(func() (*echo, error) { return &echo{}, nil }, actor.RestartLimits{}),
		}))
		for range 80 {
			tell(t, y, &add{1})
		}
		tell(t, y, &ping{})
		tell(t, y, &boom{})
		synctest.Wait()
		release := block(t, x)
		tell(t, x, &add{1})
		tell(t, x, &add{2})
		_ = x.Deliver(&add{3}, nil, time.Now().Add(time.Second))
		_ = x.Tell(&add{4})
		time.Sleep(2 * time.Second)

		got := gather(t, sys)
		release()
		synctest.Wait()
		tell(t, x, &boom{})
		_ = x.Tell(&add{5}) // it stops, or has stopped already
		synctest.Wait()
		later := gather(t, sys)
		for _, c := range []struct {
			samples map[string]float64
			name    string
			want    float64
		}{
			{got, "actors{actor_test.echo}", 2},
			{got, "mailbox_depth{actor_test.echo}", 3},
			{got, "mailbox_depth_max{actor_test.echo}", 3},
			{got, "rejected_total{actor_test.echo}", 1},
			{got, "handled_total{actor_test.echo,actor_test.add}", 80},
			{got, "handled_total{actor_test.echo,unknown}", 1},
			{got, "failed_total{actor_test.echo,unknown}", 1},
			{got, "failed_total{actor_test.echo,actor_test.boom}", 1},
			{got, "panics_total{actor_test.echo}", 1},
			{got, "restarts_total{actor_test.echo}", 1},
			{later, "actors{actor_test.echo}", 1},
			{later, "mailbox_depth{actor_test.echo}", 0},
			{later, "expired_total{actor_test.echo}", 1},
			{later, "panics_total{actor_test.echo}", 2},
			{later, "handled_total{actor_test.echo,actor_test.add}", 82},
		} {
			if c.samples[c.name] != c.want {
				t.Errorf("%s is %v, want %v", c.name, c.samples[c.name], c.want)
			}
		}
		if n := got["handler_seconds{actor_test.echo,actor_test.add}"]; n < 4 || n > 6 {
			t.Errorf("of 80 messages %v were measured", n)
		}
		stop(t, sys)
	})
}

// latencies is, by message, how many handlers were measured and how long they took together.
func latencies(t *testing.T, sys *actor.System) (count map[string]uint64, sum map[string]time.Duration) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(sys.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	count, sum = map[string]uint64{}, map[string]time.Duration{}
	for _, f := range families {
		for _, m := range f.Metric {
			if h := m.GetHistogram(); h != nil {
				message := m.Label[1].GetValue()
				count[message] = h.GetSampleCount()
				sum[message] = time.Duration(h.GetSampleSum() * float64(time.Second)).Round(time.Millisecond)
			}
		}
	}
	return count, sum
}

// TestLatencyByMessage has messages of several types take turns: each type is measured, and has its own latency.
func TestLatencyByMessage(t *testing.T) {
	t.Parallel()
	type (
		second struct{}
		minute struct{}
		third  struct{}
	)
	for name, mix := range map[string][]any{
		"two in turn":   {&second{}, &minute{}},
		"three in turn": {&second{}, &minute{}, &third{}},
		"one is rare":   {&second{}, &second{}, &second{}, &second{}, &second{}, &second{}, &second{}, &minute{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sys, _ := setup(t, actor.Config{SlowHandler: -1})
				b := actor.NewBehavior[struct{}]()
				actor.HandleTell(b, func(*struct{}, *actor.Context, *second) error { time.Sleep(time.Second); return nil })
				actor.HandleTell(b, func(*struct{}, *actor.Context, *minute) error { time.Sleep(time.Minute); return nil })
				actor.HandleTell(b, func(*struct{}, *actor.Context, *third) error { return nil })
				ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &struct{}{}, actor.Options{}))
				const each = 960
				sent := map[string]int{}
				for n := range each {
					msg := mix[n%len(mix)]
					sent[strings.TrimPrefix(fmt.Sprintf("%T", msg), "*")]++
					tell(t, ref, msg)
				}
				ref.Stop()
				<-ref.Done()
				count, sum := latencies(t, sys)
				for message, n := range sent {
					if got := int(count[message]); got < n/16-3 || got > n/16+3 {
						t.Errorf("of %d messages of type %s %d were measured", n, message, got)
					}
				}
				for message, d := range map[string]time.Duration{"actor_test.second": time.Second, "actor_test.minute": time.Minute, "actor_test.third": 0} {
					if want := time.Duration(count[message]) * d; sum[message] != want {
						t.Errorf("%d messages of type %s took %s; want %s", count[message], message, sum[message], want)
					}
				}
				stop(t, sys)
			})
		})
	}
}
