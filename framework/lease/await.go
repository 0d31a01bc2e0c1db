package lease

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/id"
	"loumiao/framework/store"
)

// awaitEvery is the longest time between two looks at claims that are waited for.
const awaitEvery = 500 * time.Millisecond

// AwaitNodes waits for the claims that dead processes have left on the nodes, for a stack that starts again after a crash. It returns when
// each has ended or has been renewed, which only a live process does: whoever claims such a node then gets [ErrClaimed]. If there is anything to
// wait for, waiting is called once, with the name of a holder, how many nodes are claimed, and how long they may be. db is the handle of owner "cluster".
func AwaitNodes(ctx context.Context, db *gorm.DB, nodes []id.Node, waiting func(holder string, nodes int, left time.Duration)) error {
	var first map[id.Node]nodeID
	for {
		claims, now, err := claimsOf(ctx, db, nodes)
		if err != nil {
			return fmt.Errorf("lease: wait for claims of nodes: %w", err)
		}
		begin := first == nil
		if begin {
			first = map[id.Node]nodeID{}
			for _, c := range claims {
				first[c.Node] = c
			}
		}
		var last nodeID // the one that will end last
		left := 0
		for _, c := range claims {
			if c.AliveUntil > now && c == first[c.Node] {
				left++
				if c.AliveUntil > last.AliveUntil {
					last = c
				}
			}
		}
		if left == 0 {
			return nil
		}
		remaining := time.Duration(last.AliveUntil-now) * time.Millisecond
		if begin {
			waiting(last.Holder, left, remaining)
		}
		timer := time.NewTimer(min(remaining, awaitEvery))
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("lease: wait for claims of nodes: %w", ctx.Err())
		case <-timer.C:
		}
	}
}

// claimsOf is the claims of the nodes, ended ones too, and the database's time.
func claimsOf(ctx context.Context, db *gorm.DB, nodes []id.Node) (claims []nodeID, now int64, err error) {
	err = store.InTx(ctx, db, func(tx *gorm.DB) error {
		if now, err = store.Clock(tx); err != nil {
			return err
		}
		return tx.Find(&claims, "node IN ?", nodes).Error
	})
	return claims, now, err
}
