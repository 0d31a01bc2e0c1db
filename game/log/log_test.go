package log_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/framework/wire"
	"loumiao/game/api"
	"loumiao/game/log"
	"loumiao/game/pb"
	"loumiao/migrations"
)

func TestMain(m *testing.M) { frameworktest.Main(m) }

// idle is a service that only calls.
type idle struct{}

func (idle) Start(context.Context, *node.Node) error { return nil }
func (idle) Ready(context.Context) error             { return nil }
func (idle) Stop(context.Context) error              { return nil }

// TestEachOnce sends random batches to two nodes, many of them again, kills a node between them and starts another: page by page each record is found
// once, the newest first.
func TestEachOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		registry, err := wire.NewRegistry()
		if err != nil {
			t.Fatal(err)
		}
		c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster"), Shared: stores, Registry: registry})
		nodes := []*frameworktest.Node{c.Start(node.Config{Type: api.Log}, log.New(log.Defaults())), c.Start(node.Config{Type: api.Log}, log.New(log.Defaults()))}
		caller := c.Start(node.Config{Type: "caller"}, idle{})
		c.Converge()
		rnd := rand.New(rand.NewPCG(1, 2))
		var all []*pb.LogRecord
		send := func(records []*pb.LogRecord) {
			t.Helper()
			frameworktest.Eventually(t, "a node takes the batch", func() bool {
				_, err := api.AppendLog.Call(t.Context(), caller.RPC(), &pb.AppendLog{Records: records}, rpc.Any)
				return err == nil
			})
		}
		now := time.Now()
		for round := range 20 {
			var batch []*pb.LogRecord
			for range rnd.IntN(min(len(all), 20) + 1) {
				batch = append(batch, all[rnd.IntN(len(all))]) // once more
			}
			for range 1 + rnd.IntN(30) {
				r := &pb.LogRecord{
					Player: 1 + rnd.Int64N(3), Id: int64(len(all) + 1), Kind: []string{api.LogEconomy, api.LogBattle}[rnd.IntN(2)], Area: 1,
					AtMs: now.Add(-time.Duration(rnd.IntN(3*24*60)) * time.Minute).UnixMilli(), Details: `{"n":1}`,
				}
				all, batch = append(all, r), append(batch, r)
			}
			send(batch)
			if rnd.IntN(2) == 0 {
				send(batch)
			}
			if round%7 == 3 {
				nodes[0].Kill()
				nodes = append(nodes[1:], c.Start(node.Config{Type: api.Log}, log.New(log.Defaults())))
			}
		}
		for _, q := range []*pb.FindLog{{Player: 2}, {Kind: api.LogBattle}, {Player: 1, Kind: api.LogEconomy, FromMs: now.Add(-24 * time.Hour).UnixMilli()}} {
			var want []string
			for _, r := range newestFirst(all) {
				if (q.Player == 0 || q.Player == r.Player) && (q.Kind == "" || q.Kind == r.Kind) && r.AtMs >= q.FromMs {
					want = append(want, fmt.Sprint(r.Player, r.Id, r.Kind, r.Area, r.AtMs, r.Details))
				}
			}
			var got []string
			q.Limit = 7
			for more := true; more; {
				reply, err := api.FindLog.Call(t.Context(), caller.RPC(), q, rpc.Any)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range reply.GetRecords() {
					got, q.After = append(got, fmt.Sprint(r.Player, r.Id, r.Kind, r.Area, r.AtMs, r.Details)), r
				}
				more = reply.GetMore()
			}
			if !slices.Equal(got, want) {
				t.Errorf("player %d, kind %q: %d records; want %d", q.Player, q.Kind, len(got), len(want))
			}
		}
		for name, bad := range map[string]*pb.FindLog{"of all": {}, "a long page": {Player: 1, Limit: 201}, "less than none": {Player: 1, Limit: -1}} {
			if _, err := api.FindLog.Call(t.Context(), caller.RPC(), bad, rpc.Any); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, bad := range map[string][]*pb.LogRecord{"many": make([]*pb.LogRecord, 1001), "empty": {{}}, "area": {{Player: 1, Id: 1, Kind: "a", Area: 1 << 16, Details: "{}"}}} {
			for i := range bad {
				if bad[i] == nil {
					bad[i] = &pb.LogRecord{}
				}
			}
			if _, err := api.AppendLog.Call(t.Context(), caller.RPC(), &pb.AppendLog{Records: bad}, rpc.Any); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// newestFirst is a sorted copy.
func newestFirst(records []*pb.LogRecord) []*pb.LogRecord {
	sorted := slices.Clone(records)
	slices.SortFunc(sorted, func(a, b *pb.LogRecord) int {
		if a.AtMs != b.AtMs {
			return int(b.AtMs - a.AtMs)
		}
		return int(b.Id - a.Id)
	})
	return sorted
}
