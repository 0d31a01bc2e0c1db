package pod

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/id"
)

func TestTiers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		specs []Spec
		want  [][]id.Node
	}{
		{name: "none"},
		{name: "one", specs: []Spec{{Type: "a", ID: 1}}, want: [][]id.Node{{1}}},
		{name: "two of a type", specs: []Spec{{Type: "a", ID: 1}, {Type: "a", ID: 2}}, want: [][]id.Node{{1, 2}}},
		{name: "a chain, in any order", want: [][]id.Node{{3}, {2}, {1}},
			specs: []Spec{{Type: "c", ID: 1, Needs: []string{"b"}}, {Type: "b", ID: 2, Needs: []string{"a"}}, {Type: "a", ID: 3}}},
		{name: "the longest way counts", want: [][]id.Node{{1}, {2}, {3}},
			specs: []Spec{{Type: "a", ID: 1}, {Type: "b", ID: 2, Needs: []string{"a"}}, {Type: "c", ID: 3, Needs: []string{"a", "b"}}}},
		{name: "what runs elsewhere does not count", specs: []Spec{{Type: "a", ID: 1, Needs: []string{"elsewhere"}}}, want: [][]id.Node{{1}}},
		{name: "a type that needs itself", specs: []Spec{{Type: "a", ID: 1, Needs: []string{"a"}}}, want: [][]id.Node{nil, {1}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := tiers(test.specs); !slices.EqualFunc(got, test.want, slices.Equal) {
				t.Errorf("tiers %v, want %v", got, test.want)
			}
		})
	}
}

// TestUp has a standby count only beside one of its type that is ready, wherever that one runs.
func TestUp(t *testing.T) {
	t.Parallel()
	at := func(n id.Node, typ string, s cluster.State) cluster.Member {
		return cluster.Member{Node: n, Boot: 1, Type: typ, State: s}
	}
	tests := []struct {
		name    string
		members []cluster.Member
		want    bool
	}{
		{name: "it is not there"},
		{name: "joining", members: []cluster.Member{at(1, "queue", cluster.Joining)}},
		{name: "ready", members: []cluster.Member{at(1, "queue", cluster.Ready)}, want: true},
		{name: "draining", members: []cluster.Member{at(1, "queue", cluster.Draining)}},
		{name: "standing by alone", members: []cluster.Member{at(1, "queue", cluster.Standby), at(2, "queue", cluster.Joining), at(3, "db", cluster.Ready)}},
		{name: "standing by", members: []cluster.Member{at(1, "queue", cluster.Standby), at(2, "queue", cluster.Ready)}, want: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := up(cluster.NewStatic(test.members...).Snapshot(), Spec{Type: "queue", ID: 1}); got != test.want {
				t.Errorf("up: %v", got)
			}
		})
	}
}

// TestTiersOfACircle only has to end, with each node once.
func TestTiersOfACircle(t *testing.T) {
	t.Parallel()
	all := slices.Concat(tiers([]Spec{{Type: "a", ID: 1, Needs: []string{"b"}}, {Type: "b", ID: 2, Needs: []string{"a"}}})...)
	if slices.Sort(all); !slices.Equal(all, []id.Node{1, 2}) {
		t.Errorf("nodes %v", all)
	}
}

// runnerFunc makes a function a Runner.
type runnerFunc func(ctx context.Context, spec Spec, seeds []string, life *Life) error

func (f runnerFunc) Run(ctx context.Context, spec Spec, seeds []string, life *Life) error {
	return f(ctx, spec, seeds, life)
}

// adopt starts the pod's nodes without a node of its own, in a cluster whose members are those of the pod.
func adopt(p *Pod) *cluster.Static {
	members := cluster.NewStatic()
	for _, s := range p.specs {
		members.Set(cluster.Member{Node: s.ID, Type: s.Type})
	}
	p.log, p.members = slog.New(slog.DiscardHandler), members
	p.adopt([]string{"seed"})
	return members
}

// TestRestarts counts the seconds, on a clock of the test's own, at which a node is started that fails at once, then stays well for a
// while, and fails again.
func TestRestarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var starts []time.Duration
		p := New(Config{MinBackoff: time.Second, MaxBackoff: 4 * time.Second, Healthy: 10 * time.Second}, []Spec{{Type: "a", ID: 1}},
			runnerFunc(func(ctx context.Context, spec Spec, seeds []string, _ *Life) error {
				if spec.ID != 1 || !slices.Equal(seeds, []string{"seed"}) {
					t.Errorf("the runner is to run %+v at %v", spec, seeds)
				}
				starts = append(starts, time.Since(began)/time.Second) // in whole seconds
				switch len(starts) {
				case 2:
					panic("broken")
				case 5: // well until it is healthy
					time.Sleep(10 * time.Second)
				case 8:
					<-ctx.Done()
					return nil
				}
				return errors.New("broken")
			}))
		adopt(p)
		time.Sleep(time.Hour)
		if err := p.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		// Pauses of 1, 2, 4 and 4 seconds; 10 seconds of health; then again from 1 on.
		if want := []time.Duration{0, 1, 3, 7, 11, 22, 24, 28}; !slices.Equal(starts, want) {
			t.Errorf("started after seconds %d, want %d", starts, want)
		}
	})
}

// TestStopDuringPause stops a node that is not running now.
func TestStopDuringPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		starts := 0
		p := New(Config{MinBackoff: time.Hour, MaxBackoff: time.Hour, Healthy: time.Minute}, []Spec{{Type: "a", ID: 1}},
			runnerFunc(func(context.Context, Spec, []string, *Life) error {
				starts++
				return nil // that, too, is not what it was asked to do
			}))
		adopt(p)
		time.Sleep(time.Minute)
		if err := p.Stop(t.Context()); err != nil || starts != 1 {
			t.Errorf("stop: %v after %d starts", err, starts)
		}
	})
}

// TestStopOrder stops each node when all that need it have left the cluster, or have ended without leaving.
func TestStopOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var (
			began   = time.Now()
			members *cluster.Static
			mu      sync.Mutex
			stopped = map[id.Node]time.Duration{}
		)
		specs := []Spec{
			{Type: "db", ID: 1}, {Type: "world", ID: 2, Needs: []string{"db"}}, {Type: "world", ID: 3, Needs: []string{"db"}},
			{Type: "gate", ID: 4, Needs: []string{"world"}},
		}
		p := New(Defaults(), specs, runnerFunc(func(ctx context.Context, spec Spec, _ []string, _ *Life) error {
			<-ctx.Done()
			mu.Lock()
			stopped[spec.ID] = time.Since(began)
			mu.Unlock()
			time.Sleep(time.Duration(spec.ID) * time.Second) // those that stop first take longest
			if spec.ID != 3 {
				members.Remove(spec.ID)
				time.Sleep(time.Minute) // closing
			}
			return errors.New("some trouble while stopping is only logged")
		}))
		members = adopt(p)
		synctest.Wait()
		if err := p.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if want := (map[id.Node]time.Duration{4: 0, 2: 4 * time.Second, 3: 4 * time.Second, 1: 7 * time.Second}); !maps.Equal(stopped, want) {
			t.Errorf("told to stop at %v, want %v", stopped, want)
		}
		if took := time.Since(began); took != 68*time.Second {
			t.Errorf("the pod stopped after %s; it waits for the last to close, which takes 68s", took)
		}
	})
}

// TestStopGivesUp names the nodes that do not stop in time; the others are told to, too.
func TestStopGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		p := New(Defaults(), []Spec{{Type: "db", ID: 1}, {Type: "gate", ID: 2, Needs: []string{"db"}}},
			runnerFunc(func(ctx context.Context, spec Spec, _ []string, _ *Life) error {
				<-ctx.Done()
				if spec.Type == "gate" {
					<-stuck
				}
				return nil
			}))
		adopt(p)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.Stop(ctx); err == nil || !strings.Contains(err.Error(), "gate 2") {
			t.Errorf("stop: %v; want one that names the gate", err)
		}
		close(stuck)
		for _, c := range p.children {
			<-c.done
		}
	})
}
