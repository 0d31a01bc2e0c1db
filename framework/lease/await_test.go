package lease_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

// claimed is a row of a process that does nothing any more.
func claimed(t *testing.T, db *gorm.DB, node id.Node, holder string, left time.Duration) {
	t.Helper()
	err := store.InTx(t.Context(), db, func(tx *gorm.DB) error {
		now, err := store.Clock(tx)
		if err != nil {
			return err
		}
		return tx.Exec("INSERT INTO node_ids (node, boot, holder, alive_until) VALUES (?, ?, ?, ?)", node, 7, holder, now+left.Milliseconds()).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAwaitNodes(t *testing.T) {
	t.Parallel()
	nodes := []id.Node{1, 2, 3}
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		db := cluster(t, s)
		var told []string
		var count int
		waiting := func(holder string, nodes int, left time.Duration) {
			if left <= 0 || left > time.Hour {
				t.Errorf("it waits for %v", left)
			}
			told, count = append(told, holder), nodes
		}

		claimed(t, db, 1, "dead", -time.Second)
		claimed(t, db, 4, "of no interest", time.Hour)
		if err := lease.AwaitNodes(t.Context(), db, nodes, waiting); err != nil || len(told) > 0 {
			t.Fatalf("with ended claims and others: %v; it waits for %v", err, told)
		}

		claimed(t, db, 2, "stale", 2*time.Second)
		if err := lease.AwaitNodes(t.Context(), db, nodes, waiting); err != nil {
			t.Fatal(err)
		}
		if len(told) != 1 || told[0] != "stale" || count != 1 {
			t.Errorf("told %v of %d nodes; want stale, of 1", told, count)
		}
		_, again, err := lease.ClaimNode(t.Context(), db, 2, 8, time.Minute)
		if err != nil {
			t.Fatalf("a claim that was waited for is still there: %v", err)
		}
		release(t, again)

		_, live, err := lease.ClaimNode(t.Context(), db, 2, 9, 6*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if err := lease.AwaitNodes(t.Context(), db, nodes, waiting); err != nil {
			t.Fatal(err)
		}
		if _, _, err := lease.ClaimNode(t.Context(), db, 2, 10, time.Minute); !errors.Is(err, lease.ErrClaimed) {
			t.Errorf("a live claim was waited out: %v", err)
		}
		release(t, live)

		claimed(t, db, 3, "for long", time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err = lease.AwaitNodes(ctx, db, nodes, func(string, int, time.Duration) { cancel() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended while waiting: %v", err)
		}
	})
}
