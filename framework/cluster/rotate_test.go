package cluster

import (
	"bytes"
	"context"
	"encoding/base64"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"loumiao/framework/id"
)

// TestRotateKey changes the key under a running cluster: everybody stays, and the old key opens nothing any more.
func TestRotateKey(t *testing.T) {
	t.Parallel()
	ring := filepath.Join(t.TempDir(), "keys.json")
	cfg := config(1, 1)
	cfg.Keyring, cfg.Stretch = ring, 100 // nobody dies here
	first := start(t, cfg)
	all := []*Cluster{first}
	for i := 2; i <= 5; i++ {
		cfg := config(id.Node(i), 1, first.Addr())
		cfg.Stretch = 100
		all = append(all, start(t, cfg))
	}
	awaitCount(t, all, 5)

	next := bytes.Repeat([]byte{9}, KeySize)
	rotateKey(t, all[2], next)
	if got, want := keysHeld(t, first), map[string]int{base64.StdEncoding.EncodeToString(next): 5}; !maps.Equal(got, want) {
		t.Errorf("keys, and how many nodes hold each: %v, want %v", got, want)
	}
	all[4].SetState(Draining) // travels under the new key
	for _, c := range all {
		await(t, c, "everybody, and that node 5 drains", func(s *Snapshot) bool {
			m, _ := s.Node(5)
			return len(s.All()) == 5 && m.State == Draining
		})
		if err := c.Cause(); err != nil {
			t.Errorf("node %d is lost: %v", c.Self().Node, err)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	outdated := start(t, config(8, 8))
	if err := outdated.Join(ctx, []string{first.Addr()}); err == nil {
		t.Error("joined with the key that was rotated away")
	}
	cfg = config(6, 6, all[1].Addr())
	cfg.GossipKey = next
	all = append(all, start(t, cfg))
	awaitCount(t, all, 6)

	// The file is the truth at the next start, whatever the configuration says.
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg = config(1, 10, all[1].Addr())
	cfg.Keyring = ring
	all[0] = start(t, cfg)
	awaitCount(t, all, 6)
}

// rotateKey tries again when a member was too busy to answer in time: it is told again, as an operator would.
func rotateKey(t *testing.T, c *Cluster, key []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := c.RotateKey(ctx, key)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		t.Logf("once more: %v", err)
	}
}

// keysHeld is every key that any member holds, and how many hold it.
func keysHeld(t *testing.T, c *Cluster) map[string]int {
	t.Helper()
	s, err := c.running()
	if err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(patience); ; {
		held, err := s.KeyManager().ListKeys()
		if err := keysAnswered(held, err); err == nil {
			return held.Keys
		} else if time.Now().After(late) {
			t.Fatal(err)
		}
	}
}
