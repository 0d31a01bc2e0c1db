package lease_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

// A realm is a world that keeps its bindings as a game's world does: it binds again when Redis has lost them, and lets go of whoever has moved on.
type realm struct {
	t      *testing.T
	node   id.Node
	db     *gorm.DB
	owners *lease.Owners
	saves  atomic.Int64

	mu     sync.Mutex
	epochs map[int64]uint64 // of the players that it owns
}

func (r *realm) all() map[int64]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.epochs)
}

func (r *realm) drop(player int64, epoch uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.epochs[player] == epoch {
		delete(r.epochs, player)
	}
}

// enter takes a player from whoever has him. He counts as owned before he is bound, so that a flush in between is made good.
func (r *realm) enter(player int64) {
	epoch, err := lease.NextEpoch(r.t.Context(), r.db, fenceOf(player))
	if err != nil {
		r.t.Error(err)
		return
	}
	r.mu.Lock()
	r.epochs[player] = epoch
	r.mu.Unlock()
	if err := r.owners.Bind(r.t.Context(), player, lease.Binding{Node: r.node, Boot: 1, Epoch: epoch}); err != nil {
		r.t.Errorf("bind player %d with the newest epoch, %d: %v", player, epoch, err)
	}
}

func (r *realm) rebind() {
	for player, epoch := range r.all() {
		err := r.owners.Bind(context.Background(), player, lease.Binding{Node: r.node, Boot: 1, Epoch: epoch})
		if errors.Is(err, lease.ErrFenced) {
			r.drop(player, epoch)
		} else if err != nil {
			r.t.Error(err)
		}
	}
}

// saveAll saves everybody; whoever cannot be saved must have moved on.
func (r *realm) saveAll() {
	for player, epoch := range r.all() {
		err := save(r.t.Context(), r.db, player, epoch, int(epoch))
		switch {
		case err == nil:
			r.saves.Add(1)
		case !errors.Is(err, lease.ErrFenced):
			r.t.Error(err)
		case newestEpoch(r.t, r.db, player) <= epoch:
			r.t.Errorf("a save of player %d with the newest epoch, %d, was refused", player, epoch)
		default:
			r.drop(player, epoch)
		}
	}
}

func newestEpoch(t *testing.T, db *gorm.DB, player int64) (epoch uint64) {
	t.Helper()
	if err := db.Raw("SELECT epoch FROM fences WHERE name = ?", fenceOf(player)).Scan(&epoch).Error; err != nil {
		t.Error(err)
	}
	return epoch
}

// forget has Redis lose everything of this stack at one moment, as FLUSHALL would on a Redis of its own.
func forget(t *testing.T, s *store.Stores) {
	t.Helper()
	script := redis.NewScript(`for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end return 0`)
	if err := script.Run(t.Context(), s.Redis(), nil, s.Prefix()+":*").Err(); err != nil {
		t.Fatal(err)
	}
}

// TestRedisFlushedInMidPlay has Redis lose everything, again and again, while two worlds save their players and take them from each other. No
// save of an owner is refused, and in the end everybody is found where the newest epoch is.
func TestRedisFlushedInMidPlay(t *testing.T) {
	t.Parallel()
	const crowd, flushes = 12, 4
	processes(t, func(t *testing.T, a, b *store.Stores) {
		db := cluster(t, a)
		err := store.InTx(t.Context(), db, func(tx *gorm.DB) error {
			return tx.Exec("CREATE TABLE saves (player BIGINT PRIMARY KEY, value BIGINT)").Error
		})
		if err != nil {
			t.Fatal(err)
		}
		var realms []*realm
		regained := make(chan struct{}, 2*flushes+2)
		for i, s := range []*store.Stores{a, b} {
			db, err := s.SQL("cluster")
			if err != nil {
				t.Fatal(err)
			}
			r := &realm{t: t, node: id.Node(1 + i), db: db, owners: lease.NewOwners(s, "player"), epochs: map[int64]uint64{}}
			l := lease.New(s, r.node, 1, lease.Config{TTL: time.Minute, Renew: time.Second}, storetest.Log(t))
			l.OnRegained(func() {
				r.rebind()
				regained <- struct{}{}
			})
			start(t, l)
			realms = append(realms, r)
		}
		for p := range int64(crowd) {
			realms[p%2].enter(p)
		}

		var play sync.WaitGroup
		over := make(chan struct{})
		end := sync.OnceFunc(func() {
			close(over)
			play.Wait()
		})
		defer end()
		again := func(do func()) { // at a pace that leaves room for the others in the one file of the embedded SQL
			play.Go(func() {
				pace := time.NewTicker(5 * time.Millisecond)
				defer pace.Stop()
				for {
					select {
					case <-over:
						return
					case <-pace.C:
						do()
					}
				}
			})
		}
		for _, r := range realms {
			again(r.saveAll)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		again(func() { realms[rng.IntN(2)].enter(rng.Int64N(crowd)) })

		saves := func() int64 { return realms[0].saves.Load() + realms[1].saves.Load() }
		for range flushes {
			forget(t, a)
			for range realms {
				wait(t, "a world holds its lease anew", regained)
			}
			before := saves()
			eventually(t, "the worlds save on", func() bool { return saves() > before })
		}
		end()

		lookup := lease.NewOwners(a, "player")
		for p := range int64(crowd) {
			newest := newestEpoch(t, db, p)
			got, ok, err := lookup.Lookup(t.Context(), p)
			if err != nil || !ok || got.Epoch != newest || realms[got.Node-1].all()[p] != newest {
				t.Errorf("player %d belongs to %+v, %v, %v; want the world with epoch %d", p, got, ok, err, newest)
			}
		}
	})
}
