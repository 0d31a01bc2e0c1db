package keypoint

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/frameworktest"
	"loumiao/framework/node"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/migrations"
)

// TestKilledNodes has clients send batches to two nodes all the time, and again until they are answered, while one node after the other is killed as the end of its
// process would, and comes back; the last does not, and what it has taken is the other's. What was answered is stored, once, and nothing else than was sent.
func TestKilledNodes(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, stores store.Config) {
		c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster"), Stores: stores})
		storetest.Migrated(t, c.Stores(), "keypoint", migrations.FS("keypoint"))
		cfg := Defaults()
		cfg.Listen, cfg.Keys = "127.0.0.1:0", []Key{{App: "arena", Key: writing}}
		var addresses [2]atomic.Pointer[string]
		var services [2]*Node
		begun := func(i int) *Node {
			services[i] = NewNode(cfg, declaredEvents(t), 0)
			return services[i]
		}
		known := func(i int) {
			at := services[i].server.Addr()
			addresses[i].Store(&at)
		}
		var nodes [2]*frameworktest.Node
		for i := range nodes {
			nodes[i] = c.Start(node.Config{Type: "keypoint", Observer: true}, begun(i))
			known(i)
		}

		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
		post := func(at string, batch []byte) bool {
			req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+at+"/v1/events", bytes.NewReader(batch))
			if err != nil {
				t.Error(err)
				return true
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Bearer "+writing)
			resp, err := client.Do(req)
			if err != nil {
				return false
			}
			_ = resp.Body.Close()
			return resp.StatusCode == http.StatusAccepted
		}
		var mu sync.Mutex
		sent, answered := map[string]bool{}, map[string]bool{}
		over := make(chan struct{})
		var clients sync.WaitGroup
		end := sync.OnceFunc(func() { close(over); clients.Wait() })
		defer end()
		for n := range 3 {
			clients.Go(func() {
				for batch := 0; ; batch++ {
					var ids, events []string
					for e := range 1 + rand.IntN(20) {
						id := fmt.Sprintf("client-%d-%05d-%02d", n, batch, e)
						ids, events = append(ids, id), append(events, one(id, "login", fmt.Sprint("p", e), time.Now()))
					}
					mu.Lock()
					for _, id := range ids {
						sent[id] = true
					}
					mu.Unlock()
					for try := n; !post(*addresses[try%2].Load(), batchOf(events...)); try++ {
						select {
						case <-over:
							return
						case <-t.Context().Done():
							return
						default:
						}
					}
					mu.Lock()
					for _, id := range ids {
						answered[id] = true
					}
					mu.Unlock()
					select {
					case <-over:
						return
					default:
					}
				}
			})
		}
		more := func() {
			t.Helper()
			mu.Lock()
			had := len(answered)
			mu.Unlock()
			frameworktest.Eventually(t, "more is answered", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(answered) > had+50
			})
		}
		const kills = 4
		for i := range kills {
			more()
			nodes[i%2].Kill()
			more() // by the other
			nodes[i%2] = nodes[i%2].Restart(begun(i % 2))
			nodes[i%2].Ready()
			known(i % 2)
		}
		more()
		nodes[1].Kill()
		end()

		heir := *services[0].service.writers[0]
		heir.idle = 0 // nobody waits here for half a minute
		frameworktest.Eventually(t, "everything is stored", func() bool {
			if _, err := heir.takeOver(t.Context()); err != nil {
				t.Fatal(err)
			}
			left, err := c.Stores().Redis().XLen(t.Context(), heir.stream.key("stream")).Result()
			return err == nil && left == 0
		})
		stored := map[string]int{}
		for _, id := range (&setup{t: t, stores: c.Stores()}).stored() {
			stored[id]++
		}
		for id := range answered {
			if stored[id] != 1 {
				t.Errorf("%s was answered and is stored %d times", id, stored[id])
			}
		}
		for id := range stored {
			if !sent[id] {
				t.Errorf("%s was never sent", id)
			}
		}
	}
	t.Run("embedded", func(t *testing.T) { t.Parallel(); run(t, storetest.EmbeddedConfig(t)) })
	t.Run("real", func(t *testing.T) { t.Parallel(); run(t, storetest.RealConfig(t)) })
}
