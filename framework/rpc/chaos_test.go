package rpc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// Many callers, while nodes crash, come back in new lives, drain and leave: every call ends exactly once, with its own reply or with an error that may be; handlers see a call
// that is not idempotent at most once; and nothing is left over.
func TestEveryCallEndsOnceWhateverHappens(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w way) {
		view := cluster.NewStatic()
		caller := w.newNode(t, view, 1, "caller")
		view.Set(caller.member)
		var handled sync.Map // request -> *atomic.Int32
		start := func(n id.Node, boot id.Boot) *testNode {
			node := w.startNode(t, view, n, "echo", func(c *Config) { c.Self.Boot += boot; c.Links.Self.Boot += boot })
			HandleFunc(node, echo, func(ctx context.Context, m *text) (*text, error) {
				count, _ := handled.LoadOrStore(m.Value, &atomic.Int32{})
				count.(*atomic.Int32).Add(1)
				switch rand.IntN(8) {
				case 0:
					return nil, fault.New(fault.NotFound, m.Value)
				case 1:
					select {
					case <-ctx.Done():
					case <-time.After(rand.N(20 * time.Millisecond)):
					}
				}
				return m, nil
			})
			view.Set(node.member)
			return node
		}
		const nodes, callers, each = 3, 16, 150
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() { // the adversary
			defer close(stopped)
			var lives [nodes]*testNode
			for i := range lives {
				lives[i] = start(id.Node(2+i), 0)
			}
			for boot := id.Boot(1); ; boot++ {
				select {
				case <-stop:
					for _, n := range lives {
						n.stop()
					}
					return
				case <-time.After(5 * time.Millisecond):
				}
				i := rand.IntN(nodes)
				switch rand.IntN(3) {
				case 0: // crash: the link breaks first
					lives[i].cut()
					view.Remove(id.Node(2 + i))
				case 1: // leave: membership says so first
					view.Remove(id.Node(2 + i))
				case 2: // in order
					lives[i].set(func(m *cluster.Member) { m.State = cluster.Draining })
				}
				lives[i].stop()
				lives[i] = start(id.Node(2+i), boot)
			}
		}()
		var wg sync.WaitGroup
		var ok atomic.Int32
		for c := range callers {
			wg.Go(func() {
				for i := range each {
					value := fmt.Sprintf("%d.%d", c, i)
					ctx, cancel := context.WithCancel(t.Context())
					switch rand.IntN(4) {
					case 0:
						ctx, cancel = context.WithTimeout(t.Context(), rand.N(20*time.Millisecond))
					case 1:
						time.AfterFunc(rand.N(20*time.Millisecond), cancel)
					}
					target := []Target{Any, ByKey(value), To(id.Node(2 + rand.IntN(nodes)))}[rand.IntN(3)]
					reply, err := echo.Call(ctx, caller.rpc, wrapperspb.String(value), target)
					cancel()
					switch code, text := fault.Outside(err); code {
					case fault.OK:
						ok.Add(1)
						if reply.Value != value {
							t.Errorf("the reply to %s is %s", value, reply.Value)
						}
					case fault.NotFound:
						if text != value {
							t.Errorf("the error of %s is %v", value, err)
						}
					case fault.Lost, fault.Unavailable, fault.Deadline, fault.Cancelled:
					default:
						t.Errorf("%s: %v", value, err)
					}
				}
			})
		}
		wg.Wait()
		close(stop)
		<-stopped
		handled.Range(func(value, count any) bool {
			if n := count.(*atomic.Int32).Load(); n > 1 {
				t.Errorf("%s was handled %d times", value, n)
			}
			return true
		})
		if ok.Load() == 0 {
			t.Error("not one call succeeded")
		}
		settled(t, caller)
	})
}
