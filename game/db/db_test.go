package db_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/framework/wire"
	"loumiao/game/api"
	"loumiao/game/db"
	"loumiao/game/pb"
	"loumiao/game/store/player"
	"loumiao/migrations"
)

const patience = time.Minute // after which something that must happen has not

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Gossip looks at the other members in turn in a goroutine that ends when the one it looks at has answered or not.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))
}

// A caller is a node that calls db, as a world or a zone does.
type caller struct {
	t      *testing.T
	env    node.Env
	node   *node.Node
	tables *player.Store
}

// each runs test against two db nodes on the tables of each engine, after prepare, and audits the books at the end.
func each(t *testing.T, test func(t *testing.T, c *caller), prepare ...func(t *testing.T, c *caller)) {
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		storetest.Migrated(t, stores, "cluster", migrations.FS("cluster"))
		tables := player.New(storetest.Migrated(t, stores, "player", migrations.FS("player")), id.NewGenerator(1, nil), nil)
		registry, err := wire.NewRegistry()
		if err != nil {
			t.Fatal(err)
		}
		c := &caller{t: t, tables: tables, env: node.Env{
			Stores: stores, Registry: registry, GossipKey: bytes.Repeat([]byte{1}, 32), LinkKey: bytes.Repeat([]byte{2}, 32),
			Owned: "player", Debug: true, Log: slog.New(slog.DiscardHandler),
		}}
		for _, p := range prepare {
			p(t, c)
		}
		c.node = c.run("caller", idle{})
		for range 2 {
			c.run(api.DB, db.New())
		}
		c.eventually("the caller knows both", func() bool {
			ready := 0
			for _, m := range c.node.Cluster().Snapshot().ByType(api.DB) {
				if m.State == cluster.Ready {
					ready++
				}
			}
			return ready == 2
		})
		test(t, c)
		if off, err := tables.Audit(context.Background()); len(off) != 0 || err != nil {
			t.Errorf("wallets and ledger differ: %+v, %v", off, err)
		}
	})
}

// idle is a service that only calls.
type idle struct{}

func (idle) Start(context.Context, *node.Node) error { return nil }
func (idle) Ready(context.Context) error             { return nil }
func (idle) Stop(context.Context) error              { return nil }

// run runs a node until the test ends, and returns when it is ready.
func (c *caller) run(typ string, svc node.Service) *node.Node {
	c.t.Helper()
	n, err := node.New(c.env, node.Config{Type: typ}, svc)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	ended := false
	c.t.Cleanup(func() {
		cancel()
		if !ended {
			if err := <-done; err != nil {
				c.t.Errorf("node %s ended with: %v", typ, err)
			}
		}
	})
	c.eventually("node "+typ+" is ready", func() bool {
		select {
		case err := <-done:
			ended = true
			c.t.Fatalf("node %s: %v", typ, err)
		default:
		}
		return n.State() == cluster.Ready
	})
	if len(c.env.Join) == 0 {
		self, _ := n.Cluster().Snapshot().Node(n.ID())
		c.env.Join = []string{self.Gossip}
	}
	return n
}

func (c *caller) eventually(what string, so func() bool) {
	c.t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-again.C:
		case <-late:
			c.t.Fatalf("it does not come to be that %s", what)
		}
	}
}

// target is how a player's db is chosen; any other node must serve as well.
func target(player int64) rpc.Target { return rpc.ByKey(player) }

// load has the caller hold the player, who is account 1000 and the player's number.
func (c *caller) load(player int64) *pb.PlayerRecord {
	c.t.Helper()
	r, err := api.LoadPlayer.Call(c.t.Context(), c.node.RPC(), &pb.LoadPlayer{Player: player, Account: 1000 + player, Area: 1}, target(player))
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *caller) save(player int64, epoch uint64, state string, schema int32) error {
	m := &pb.SavePlayer{Player: player, Epoch: epoch, State: []byte(state), Schema: schema}
	_, err := api.SavePlayer.Call(c.t.Context(), c.node.RPC(), m, rpc.Any) // by whichever node: all keep the fence
	return err
}

func (c *caller) profile(player int64) *pb.Profile {
	c.t.Helper()
	p, err := api.ReadProfile.Call(c.t.Context(), c.node.RPC(), &pb.ReadProfile{Player: player}, target(player))
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// record stores a match that the players have ended in that order.
func (c *caller) record(match int64, players ...int64) (*pb.RecordMatchReply, error) {
	m := &pb.RecordMatch{Match: match, Mode: "arena", Area: 1, Seed: 7, StartedMs: 1_000, EndedMs: 61_000}
	for i, p := range players {
		m.Standings = append(m.Standings, &pb.Standing{Player: p, Place: int32(i + 1), Score: int32(10 - i), Kills: int32(len(players) - i), Deaths: int32(i)})
	}
	return api.RecordMatch.Call(c.t.Context(), c.node.RPC(), m, rpc.Any)
}

func (c *caller) ledger(player, before int64, limit int32) []*pb.LedgerEntry {
	c.t.Helper()
	r, err := api.ListLedger.Call(c.t.Context(), c.node.RPC(), &pb.ListLedger{Player: player, Before: before, Limit: limit}, target(player))
	if err != nil {
		c.t.Fatal(err)
	}
	return r.GetEntries()
}

func (c *caller) wantCode(what string, err error, want fault.Code) {
	c.t.Helper()
	if fault.CodeOf(err) != want {
		c.t.Errorf("%s: %v; want %v", what, err, want)
	}
}

func wallet(amount int64) string { return fmt.Sprint(map[string]int64{player.Gold: amount}) }
