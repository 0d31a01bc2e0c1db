package config_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"loumiao/configs"
	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/lease"
	"loumiao/framework/live"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/config"
	"loumiao/game/pb"
	"loumiao/migrations"
)

const patience = time.Minute // after which something that must happen has not

func TestMain(m *testing.M) { frameworktest.Main(m) }

// A stack is a few nodes on one pair of stores.
type stack struct {
	*frameworktest.Cluster
	t      *testing.T
	caller *frameworktest.Node
}

func start(t *testing.T, stores *store.Stores) *stack {
	t.Helper()
	c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster"), Shared: stores})
	storetest.Migrated(t, stores, "config", migrations.FS("config"))
	feed := live.Open(t.Context(), live.NewBoard(stores), "", storetest.Log(t))
	t.Cleanup(feed.Close)
	c.Env.Live = feed
	return &stack{Cluster: c, t: t, caller: c.Start(node.Config{Type: "caller"}, idle{})}
}

type idle struct{}

func (idle) Start(context.Context, *node.Node) error { return nil }
func (idle) Ready(context.Context) error             { return nil }
func (idle) Stop(context.Context) error              { return nil }

// begin begins a centre.
func (s *stack) begin(cfg config.Config) *frameworktest.Node {
	s.t.Helper()
	return s.Begin(node.Config{Type: api.Config}, config.New(cfg, schema(s.t)))
}

func schema(t *testing.T) *live.Schema {
	t.Helper()
	s, err := api.LiveSchema()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// try calls until somebody leads.
func try[R any](s *stack, call func(ctx context.Context) (R, error)) (R, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		reply, err := call(ctx)
		if fault.CodeOf(err) != fault.Unavailable || ctx.Err() != nil {
			return reply, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *stack) read() *pb.ReadConfigReply {
	s.t.Helper()
	reply, err := try(s, func(ctx context.Context) (*pb.ReadConfigReply, error) {
		return api.ReadConfig.Call(ctx, s.caller.RPC(), &pb.ReadConfig{}, rpc.Any)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return reply
}

func (s *stack) publish(base uint64, changes ...*pb.ConfigChange) (uint64, error) {
	s.t.Helper()
	reply, err := try(s, func(ctx context.Context) (*pb.PublishConfigReply, error) {
		m := &pb.PublishConfig{Base: base, Author: "ann", Reason: "a test", Changes: changes}
		return api.PublishConfig.Call(ctx, s.caller.RPC(), m, rpc.Any)
	})
	return reply.GetVersion(), err
}

func set(name, text string) *pb.ConfigChange { return &pb.ConfigChange{Name: name, Text: text} }

func table(t *testing.T, name string) string {
	t.Helper()
	content, err := fs.ReadFile(configs.Tables(), name+".csv")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestPublishCheckRollBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		s.begin(config.Config{}).Ready()
		if now := s.read(); now.GetVersion() != 0 || len(now.GetKeys()) != len(schema(t).Specs()) {
			t.Fatalf("begins with %v", now)
		}
		capacity, designed := api.QueueCapacity.Or(s.caller.Live(), 7), api.Tables.Of(s.caller.Live())
		changed := make(chan struct{}, 100)
		capacity.OnChange(func() { changed <- struct{}{} })
		began := time.Now()
		version, err := s.publish(0, set("queue.capacity", "100"), &pb.ConfigChange{Name: "queue.capacity", Area: 2, Text: "200"})
		if err != nil || version != 1 {
			t.Fatalf("version %d, %v", version, err)
		}
		select {
		case <-changed:
			t.Logf("a node had it after %v", time.Since(began))
		case <-time.After(patience):
			t.Fatal("a node hears nothing")
		}
		if capacity.In(1) != 100 || capacity.In(2) != 200 {
			t.Errorf("the node has %d and %d", capacity.In(1), capacity.In(2))
		}

		broken := strings.Replace(table(t, "shop"), "boost_3,gold=120", "boost_3,gold=0", 1)
		_, err = s.publish(1, set("tables.shop", broken), set("queue.capacity", "5"))
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "shop.csv:6: price: has \"gold=0\"") {
			t.Errorf("a broken table: %v", err)
		}
		broken = strings.Replace(table(t, "items"), "boost,", "turbo,", 1)
		if _, err = s.publish(1, set("tables.items", broken)); !strings.Contains(fmt.Sprint(err), `shop.csv:6: gives: "boost" is not in items.csv`) {
			t.Errorf("a table that others refer to: %v", err)
		}
		for name, m := range map[string]*pb.PublishConfig{
			"no reason": {Changes: []*pb.ConfigChange{set("queue.rate", "1")}, Base: 1, Author: "ann"},
			"no author": {Changes: []*pb.ConfigChange{set("queue.rate", "1")}, Base: 1, Reason: "x"},
			"nothing":   {Base: 1, Author: "ann", Reason: "x"},
			"area":      {Changes: []*pb.ConfigChange{{Name: "queue.rate", Area: 1 << 16, Text: "1"}}, Base: 1, Author: "ann", Reason: "x"},
			"cut":       {Changes: []*pb.ConfigChange{{Name: "queue.rate", Text: "1", Cut: true}}, Base: 1, Author: "ann", Reason: "x"},
		} {
			if _, err := api.PublishConfig.Call(t.Context(), s.caller.RPC(), m, rpc.Any); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		many := &pb.PublishConfig{Base: 1, Author: "ann", Reason: "x", Changes: make([]*pb.ConfigChange, live.MaxChanges+1)}
		for i := range many.Changes {
			many.Changes[i] = set("queue.rate", "1")
		}
		if _, err := api.PublishConfig.Call(t.Context(), s.caller.RPC(), many, rpc.Any); fault.CodeOf(err) != fault.TooLarge {
			t.Errorf("many: %v", err)
		}
		if now := s.read(); now.GetVersion() != 1 || len(now.GetEntries()) != 2 {
			t.Errorf("what was refused left %v", now.GetEntries())
		}

		dearer := strings.Replace(table(t, "shop"), "boost_3,gold=120", "boost_3,gold=150", 1)
		checked, err := api.CheckConfig.Call(t.Context(), s.caller.RPC(), &pb.CheckConfig{Changes: []*pb.ConfigChange{
			set("tables.shop", dearer), set("queue.capacity", "100"), {Name: "queue.capacity", Area: 2, Remove: true},
		}}, rpc.Any)
		if err != nil || checked.GetVersion() != 1 || len(checked.GetDiffs()) != 2 || len(checked.GetProblems()) != 0 || checked.GetDiffs()[1].GetBefore() != "200" {
			t.Errorf("a check says %v, %v", checked, err)
		}
		if version, err = s.publish(1, set("tables.shop", dearer), &pb.ConfigChange{Name: "queue.capacity", Area: 2, Remove: true}); err != nil || version != 2 {
			t.Fatalf("version %d, %v", version, err)
		}
		if _, err := s.publish(1, set("tables.shop", dearer)); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("somebody else's change was overwritten: %v", err)
		}
		frameworktest.Eventually(t, "the node has what was published", func() bool { e, _ := designed.Get().ShopEntry("boost_3"); return e.Price["gold"] == 150 })

		back := &pb.RollBackConfig{Version: 1, Base: 1, Author: "bob", Reason: "too dear"}
		if _, err := api.RollBackConfig.Call(t.Context(), s.caller.RPC(), back, rpc.Any); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("back from what nobody has looked at: %v", err)
		}
		back.Base = 2
		if reply, err := api.RollBackConfig.Call(t.Context(), s.caller.RPC(), back, rpc.Any); err != nil || reply.GetVersion() != 3 {
			t.Fatalf("roll back: %v, %v", reply, err)
		}
		back.Base = 3
		if _, err := api.RollBackConfig.Call(t.Context(), s.caller.RPC(), back, rpc.Any); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("back to where it is: %v", err)
		}
		frameworktest.Eventually(t, "the node has what was published", func() bool {
			e, _ := designed.Get().ShopEntry("boost_3")
			return e.Price["gold"] == 120 && capacity.In(2) == 200
		})
		history, err := api.ListConfigHistory.Call(t.Context(), s.caller.RPC(), &pb.ListConfigHistory{}, rpc.Any)
		if err != nil || len(history.GetVersions()) != 3 || history.GetVersions()[0].GetAuthor() != "bob" || !history.GetVersions()[1].GetChanges()[1].GetCut() {
			t.Errorf("history %v, %v", history, err)
		}
	})
}

// TestRollBackBesideAPublication: what a version had is what all of the next one has, or the one who goes back is told that there is news.
func TestRollBackBesideAPublication(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		s.begin(config.Config{}).Ready()
		version, err := s.publish(0, set("queue.rate", "1"))
		for round := range 20 {
			if err == nil {
				version, err = s.publish(version, set("queue.capacity", fmt.Sprint(100+round)))
			}
			if err != nil {
				t.Fatal(err)
			}
			var other uint64
			var work sync.WaitGroup
			work.Go(func() {
				var err error
				if other, err = s.publish(version, set("queue.rate", fmt.Sprint(10+round))); err != nil {
					t.Error(err)
				}
			})
			back := &pb.RollBackConfig{Version: 1, Base: version, Author: "bob", Reason: "a test"}
			reply, rerr := api.RollBackConfig.Call(t.Context(), s.caller.RPC(), back, rpc.Any)
			work.Wait()
			if rerr == nil && reply.GetVersion() > other {
				t.Errorf("version %d is said to be version 1 again, and has the rate of version %d", reply.GetVersion(), other)
			} else if rerr != nil && fault.CodeOf(rerr) != fault.FailedPrecondition {
				t.Error(rerr)
			}
			version = max(other, reply.GetVersion())
			if version, err = s.publish(version, set("queue.rate", "1")); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAStandbyTakesOver(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	quick := config.Config{Lease: lease.Config{TTL: 3 * time.Second}} // not so short that a busy machine loses it
	first := s.begin(quick)
	first.Ready()
	if _, err := s.publish(0, set("queue.rate", "1")); err != nil {
		t.Fatal(err)
	}
	standby := s.begin(quick)
	first.Kill() // leaves its lease behind
	standby.Ready()
	if version, err := s.publish(1, set("queue.rate", "2")); err != nil || version != 2 {
		t.Errorf("the standby published version %d, %v", version, err)
	}
	// What Redis loses is there again.
	board := live.NewBoard(s.Stores())
	if err := s.Stores().Redis().Del(t.Context(), s.Stores().Key("live", "{board}")).Err(); err != nil {
		t.Fatal(err)
	}
	frameworktest.Eventually(t, "version 2 is shown again", func() bool { v, ok, err := board.Version(t.Context()); return v == 2 && ok && err == nil })
}

// When SQL was set back, what it has becomes the newest version, and every node takes it.
func TestSQLThatWasSetBack(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	if err := live.NewBoard(s.Stores()).Put(t.Context(), live.Snapshot{Version: 41, Entries: []live.Entry{{Name: "queue.rate", Text: "9", Version: 41}}}); err != nil {
		t.Fatal(err)
	}
	rate := api.QueueRate.Or(s.caller.Live(), 3)
	frameworktest.Eventually(t, "the rate is 9", func() bool { return rate.Get() == 9 })
	s.begin(config.Config{}).Ready()
	if now := s.read(); now.GetVersion() != 42 || len(now.GetEntries()) != 0 {
		t.Errorf("leads with %v", now)
	}
	frameworktest.Eventually(t, "the rate is 3", func() bool { return rate.Get() == 3 })
}
