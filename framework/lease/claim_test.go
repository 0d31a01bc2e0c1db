package lease_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

func release(t *testing.T, claim func(context.Context) error) {
	t.Helper()
	if err := claim(context.Background()); err != nil {
		t.Error(err)
	}
}

// expire makes claims look as if their holders had died long ago.
func expire(t *testing.T, db *gorm.DB, table string) {
	t.Helper()
	err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { return tx.Exec("UPDATE " + table + " SET alive_until = 1").Error })
	if err != nil {
		t.Fatal(err)
	}
}

func TestNodeIDsAreClaimedOnce(t *testing.T) {
	t.Parallel()
	processes(t, func(t *testing.T, a, b *store.Stores) {
		dbs := []*gorm.DB{cluster(t, a), cluster(t, b)}
		var mu sync.Mutex
		claims := map[id.Node]func(context.Context) error{}
		var wg sync.WaitGroup
		const n = 24
		for i := range n {
			wg.Go(func() {
				node, claim, err := lease.ClaimNode(t.Context(), dbs[i%2], 0, id.Boot(i+1), time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if node < lease.FirstFreeNode || claims[node] != nil {
					t.Errorf("node %v was given out twice, or is too small", node)
				}
				claims[node] = claim
			})
		}
		wg.Wait()
		for _, c := range claims {
			release(t, c)
			release(t, c)
		}
	})
}

func TestConfiguredNodeID(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		db := cluster(t, s)
		claim := func(boot id.Boot) (func(context.Context) error, error) {
			node, c, err := lease.ClaimNode(t.Context(), db, 3, boot, time.Minute)
			if err == nil && node != 3 {
				t.Errorf("claimed node %v", node)
			}
			return c, err
		}
		held := func(boot id.Boot) {
			t.Helper()
			_, err := claim(boot)
			if !errors.Is(err, lease.ErrClaimed) || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) {
				t.Errorf("a live claim: %v, want ErrClaimed that names this process", err)
			}
		}
		first, err := claim(1)
		if err != nil {
			t.Fatal(err)
		}
		held(2)
		if err := lease.ForgetNode(t.Context(), db, 3, os.Getpid()+1); err != nil {
			t.Fatal(err)
		}
		held(2) // for another process has died
		if err := lease.ForgetNode(t.Context(), db, 3, os.Getpid()); err != nil {
			t.Fatal(err)
		}
		second, err := claim(2)
		if err != nil {
			t.Fatalf("a forgotten claim: %v", err)
		}
		release(t, first) // must not release the second's
		held(3)
		expire(t, db, "node_ids")
		third, err := claim(3)
		if err != nil {
			t.Fatalf("a dead claim was not taken over: %v", err)
		}
		release(t, second)
		held(4)
		release(t, third)
		fourth, err := claim(4)
		if err != nil {
			t.Fatalf("a released claim: %v", err)
		}
		release(t, fourth)
	})
}

// A claim is alive for longer than its TTL, because it is renewed.
func TestClaimIsRenewed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		db := cluster(t, s)
		_, c, err := lease.ClaimNode(t.Context(), db, 3, 1, 3*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer release(t, c)
		throughout(4*time.Second, func() {
			if _, _, err := lease.ClaimNode(t.Context(), db, 3, 2, time.Minute); !errors.Is(err, lease.ErrClaimed) {
				t.Fatalf("a live claim was taken: %v", err)
			}
		})
	})
}

func TestDatabaseHasOneStack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		db := cluster(t, s)
		claim := func(stack, where string) (func(), error) {
			return lease.ClaimDatabase(t.Context(), db, stack, where, time.Minute)
		}
		one, err := claim("red", "hostA:1")
		if err != nil {
			t.Fatal(err)
		}
		two, err := claim("red", "hostA:2")
		if err != nil {
			t.Fatalf("the same stack, another process: %v", err)
		}
		one()
		one() // again does nothing
		if _, err = claim("blue", "hostB:3"); !errors.Is(err, lease.ErrClaimed) {
			t.Errorf("another stack: %v", err)
		} else if text := err.Error(); !strings.Contains(text, "red") || !strings.Contains(text, "hostA:2") {
			t.Errorf("%q does not say who is there", text)
		}
		expire(t, db, "stacks")
		three, err := claim("blue", "hostB:3")
		if err != nil {
			t.Fatalf("a dead stack was not taken over: %v", err)
		}
		two()
		three()
		if _, err := claim("", "x"); err == nil {
			t.Error("a stack without an id")
		}
	})
}

// Of two stacks that come at the same moment, one wins.
func TestStacksThatRace(t *testing.T) {
	t.Parallel()
	processes(t, func(t *testing.T, a, b *store.Stores) {
		dbs := map[string]*gorm.DB{"red": cluster(t, a), "blue": cluster(t, b)}
		won := make(chan func(), len(dbs))
		var wg sync.WaitGroup
		for stack, db := range dbs {
			wg.Go(func() {
				c, err := lease.ClaimDatabase(t.Context(), db, stack, stack, time.Minute)
				if err == nil {
					won <- c
				} else if !errors.Is(err, lease.ErrClaimed) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Errorf("%d stacks have the database", len(won))
		}
		for range len(won) {
			(<-won)()
		}
	})
}
