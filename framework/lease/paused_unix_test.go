//go:build unix

package lease_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

// withChild runs test with stores, on each engine, and with a child process on the same ones.
func withChild(t *testing.T, part string, test func(t *testing.T, s *store.Stores, c *child)) {
	run := func(t *testing.T, cfg store.Config) {
		s := storetest.Open(t, cfg)
		db := cluster(t, s)
		err := store.InTx(t.Context(), db, func(tx *gorm.DB) error {
			if err := tx.Exec("CREATE TABLE saves (player BIGINT PRIMARY KEY, value BIGINT)").Error; err != nil {
				return err
			}
			return tx.Exec("INSERT INTO saves VALUES (1, 0), (2, 0), (3, 0)").Error
		})
		if err != nil {
			t.Fatal(err)
		}
		test(t, s, begin(t, part, s, cfg))
	}
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		run(t, storetest.EmbeddedConfig(t))
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		run(t, storetest.RealConfig(t))
	})
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

func saved(t *testing.T, db *gorm.DB, player int64) (value int) {
	t.Helper()
	if err := db.Raw("SELECT value FROM saves WHERE player = ?", player).Scan(&value).Error; err != nil {
		t.Fatal(err)
	}
	return value
}

// TestPausedWorldChangesNothing stops a process between its asking whether it still owns its players and its saving them, until they have
// moved on. When it goes on, nothing that it does has an effect.
func TestPausedWorldChangesNothing(t *testing.T) {
	t.Parallel()
	withChild(t, "world", func(t *testing.T, s *store.Stores, c *child) {
		c.says("owns")
		c.signal(syscall.SIGSTOP)
		owners := lease.NewOwners(s, "player")
		eventually(t, "the paused world's lease ends", func() bool {
			_, ok, err := owners.Lookup(t.Context(), players[0])
			if err != nil {
				t.Fatal(err)
			}
			return !ok
		})

		// The players move on to this process.
		db, err := s.SQL("cluster")
		if err != nil {
			t.Fatal(err)
		}
		start(t, lease.New(s, 2, 1, lease.Config{TTL: time.Minute}, storetest.Log(t)))
		moved := map[int64]lease.Binding{}
		for _, p := range players {
			if got := saved(t, db, p); got != 1 {
				t.Errorf("player %d comes with %d; want what the first world has saved, 1", p, got)
			}
			epoch, err := lease.NextEpoch(t.Context(), db, fenceOf(p))
			if err != nil {
				t.Fatal(err)
			}
			moved[p] = lease.Binding{Node: 2, Boot: 1, Epoch: epoch}
			if err := owners.Bind(t.Context(), p, moved[p]); err != nil {
				t.Fatal(err)
			}
			if err := save(t.Context(), db, p, epoch, 2); err != nil {
				t.Fatal(err)
			}
		}

		c.signal(syscall.SIGCONT)
		c.tell()
		for range players {
			c.says("save fenced")
		}
		c.says("lost")
		for range players {
			c.says("bind fenced")
			c.says("unbind done") // of nothing: the binding is another's
			c.says("save fenced")
		}
		c.says("done")
		for _, p := range players {
			if got, ok, err := owners.Lookup(t.Context(), p); got != moved[p] || !ok || err != nil {
				t.Errorf("player %d belongs to %+v, %v, %v; want %+v", p, got, ok, err, moved[p])
			}
			if err := save(t.Context(), db, p, moved[p].Epoch, saved(t, db, p)+1); err != nil {
				t.Errorf("the new owner of player %d cannot save: %v", p, err)
			}
			if got := saved(t, db, p); got != 3 {
				t.Errorf("player %d has %d; want 3", p, got)
			}
		}
	})
}

// TestPausedSingletonChangesNothing does the same to the one holder of a name.
func TestPausedSingletonChangesNothing(t *testing.T) {
	t.Parallel()
	withChild(t, "singleton", func(t *testing.T, s *store.Stores, c *child) {
		db, err := s.SQL("cluster")
		if err != nil {
			t.Fatal(err)
		}
		c.says("leads 1")
		c.signal(syscall.SIGSTOP)
		second := candidateFor(t, s, 2, lease.Config{TTL: time.Minute, Renew: 500 * time.Millisecond}, nil)
		epoch := <-second.active
		if epoch != 2 {
			t.Errorf("the second holder has epoch %d after 1", epoch)
		}
		c.signal(syscall.SIGCONT)
		c.tell()
		c.says("save fenced")
		c.says("lost true")
		if got := saved(t, db, 1); got != 0 {
			t.Errorf("the paused holder has written %d", got)
		}
		select {
		case <-second.lost:
			t.Error("the second holder lost its place to one that was paused")
		default:
		}
		second.stop()
		c.says(fmt.Sprint("leads ", epoch+1)) // in its turn
		c.tell()
		c.says("save done")
		if got := saved(t, db, 1); got != int(epoch)+1 {
			t.Errorf("the holder has written %d", got)
		}
	})
}

// TestPausedSingletonHasLostItsLease stops the holder until another has led and gone: the lease is free again, but what was done meanwhile was done under a
// newer epoch, and the one that was paused must not go on under its own.
func TestPausedSingletonHasLostItsLease(t *testing.T) {
	t.Parallel()
	withChild(t, "singleton", func(t *testing.T, s *store.Stores, c *child) {
		c.says("leads 1")
		c.signal(syscall.SIGSTOP)
		second := candidateFor(t, s, 2, lease.Config{TTL: time.Minute, Renew: 500 * time.Millisecond}, nil)
		epoch := <-second.active
		second.stop()
		c.signal(syscall.SIGCONT)
		c.tell()
		c.says("save fenced")
		c.says("lost true")
		c.says(fmt.Sprint("leads ", epoch+1))
		c.tell()
		c.says("save done")
	})
}
