package world

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/line"
	"loumiao/game/api"
)

// TestLingerBeginsAnew keeps a player for the whole of the time since his client went last, whenever it went before.
func TestLingerBeginsAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := actor.NewSystem(actor.Config{Logger: slog.New(slog.DiscardHandler)})
		defer func() { _ = sys.Stop(t.Context()) }()
		w := New(Config{Linger: time.Minute})
		pool := actor.NewPool(sys, w.arrive, actor.PoolConfig{Name: "player"})
		actor.HandleTell(pool.Behavior(), (*Player).detached)
		actor.HandleTell(pool.Behavior(), (*Player).lingered)
		ref, err := pool.Create(api.PlayerID(1))
		if err != nil {
			t.Fatal(err)
		}
		gone := func() {
			t.Helper()
			if err := ref.Tell(&line.Detached{}); err != nil {
				t.Fatal(err)
			}
		}
		gone()
		time.Sleep(50 * time.Second)
		gone() // he was here again, and goes
		time.Sleep(50 * time.Second)
		select {
		case <-ref.Done():
			t.Error("the player is not kept for the whole time since his client went")
		default:
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		select {
		case <-ref.Done():
		default:
			t.Error("the player is kept for ever")
		}
	})
}
