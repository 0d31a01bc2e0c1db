package node_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/frameworktest"
	"loumiao/framework/lease"
	"loumiao/framework/node"
)

// candidate is a service that does nothing but lead. Each lead of it says its epoch, and lasts until ctx ends or abdicate has an error.
func candidate(led chan<- uint64, abdicate <-chan error) *service {
	var leader *node.Leader
	svc := &service{}
	svc.start = func(_ context.Context, n *node.Node) error {
		leader = n.NewLeader("test", "cluster", lease.Config{TTL: time.Second}, func(ctx context.Context, epoch uint64, ready func()) error {
			ready()
			led <- epoch
			select {
			case <-ctx.Done():
				return nil
			case err := <-abdicate:
				if err == nil {
					panic("a leader panics")
				}
				return err
			}
		})
		return nil
	}
	svc.ready = func(ctx context.Context) error { return leader.Ready(ctx) }
	svc.stop = func(context.Context) error {
		leader.Stop()
		return nil
	}
	return svc
}

// TestLeader has the lead go on: from one that stops, one that is killed, one that fails and one that panics.
func TestLeader(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *frameworktest.Cluster) {
		led, abdicate := make(chan uint64), make(chan error)
		begin := func() *frameworktest.Node { return c.Begin(node.Config{Type: "a"}, candidate(led, abdicate)) }
		epoch := uint64(0)
		reigns := func(n *frameworktest.Node) {
			t.Helper()
			epoch++
			if got := <-led; got != epoch {
				t.Errorf("leads with epoch %d, want %d", got, epoch)
			}
			n.Ready()
		}
		leader := begin()
		reigns(leader)
		endings := []func(n *frameworktest.Node){
			(*frameworktest.Node).Stop,
			(*frameworktest.Node).Kill,
			func(n *frameworktest.Node) {
				abdicate <- errors.New("broken")
				if err := n.Wait(); !errors.Is(err, node.ErrLeadLost) || !strings.Contains(err.Error(), "broken") {
					t.Errorf("a leader that failed ended with %v", err)
				}
			},
			func(n *frameworktest.Node) {
				abdicate <- nil
				if err := n.Wait(); !errors.Is(err, node.ErrLeadLost) || !strings.Contains(err.Error(), "a leader panics") {
					t.Errorf("a leader that panicked ended with %v", err)
				}
			},
		}
		for _, end := range endings {
			standby := begin()
			frameworktest.Eventually(t, "the standby stands by", func() bool { return standby.State() == cluster.Standby })
			if status, body := get(t, standby, "/readyz"); status != http.StatusOK || body != "standby\n" {
				t.Errorf("the readiness of a standby: %d %q", status, body)
			}
			frameworktest.Eventually(t, "the leader knows the standby and its addresses", func() bool {
				m, ok := leader.Cluster().Snapshot().Node(standby.ID())
				at, err := node.Addresses(t.Context(), standby.Stores(), standby.ID(), standby.Boot())
				return ok && m.State == cluster.Standby && err == nil && at["admin"] == standby.AdminAddr()
			})
			end(leader)
			reigns(standby)
			leader = standby
		}
		leader.Stop()
	})
}
