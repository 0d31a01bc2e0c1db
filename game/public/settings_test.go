package public

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// A centre is a configuration centre with one setting, and one long text.
type centre struct {
	mu       sync.Mutex
	versions []*pb.ConfigVersion // the newest last
}

func (c *centre) Start(_ context.Context, n *node.Node) error {
	rpc.HandleFunc(n, api.ReadConfig, func(context.Context, *pb.ReadConfig) (*pb.ReadConfigReply, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		reply := &pb.ReadConfigReply{Version: uint64(len(c.versions)), Keys: []*pb.ConfigKey{
			{Name: "queue.rate", Type: "int", Default: "0", PerArea: true}, {Name: "tables.shop", Type: "table", Default: strings.Repeat("é", listedText)},
		}}
		for _, v := range c.versions {
			reply.Entries = []*pb.ConfigEntry{{Name: "queue.rate", Area: 2, Text: v.GetChanges()[0].GetText(), Version: v.GetVersion()}}
		}
		return reply, nil
	})
	rpc.HandleFunc(n, api.CheckConfig, func(_ context.Context, m *pb.CheckConfig) (*pb.CheckConfigReply, error) {
		reply := &pb.CheckConfigReply{Version: 1, Problems: []string{"no"}}
		for _, change := range m.GetChanges() {
			reply.Diffs = append(reply.Diffs, &pb.ConfigDiff{Change: change, Had: true, Before: "old"})
		}
		if m.BackTo != nil {
			reply.Version = m.GetBackTo()
		}
		return reply, nil
	})
	rpc.HandleFunc(n, api.PublishConfig, func(_ context.Context, m *pb.PublishConfig) (*pb.PublishConfigReply, error) {
		return c.add(m.GetBase(), &pb.ConfigVersion{Author: m.GetAuthor(), Reason: m.GetReason(), Changes: m.GetChanges(), AtMs: 7})
	})
	rpc.HandleFunc(n, api.RollBackConfig, func(_ context.Context, m *pb.RollBackConfig) (*pb.PublishConfigReply, error) {
		c.mu.Lock()
		changes := c.versions[m.GetVersion()-1].GetChanges()
		c.mu.Unlock()
		return c.add(m.GetBase(), &pb.ConfigVersion{Author: m.GetAuthor(), Reason: m.GetReason(), Changes: changes})
	})
	rpc.HandleFunc(n, api.ListConfigHistory, func(_ context.Context, m *pb.ListConfigHistory) (*pb.ListConfigHistoryReply, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		reply := &pb.ListConfigHistoryReply{}
		for i := len(c.versions) - 1; i >= 0 && len(reply.GetVersions()) < int(m.GetLimit()); i-- {
			if v := c.versions[i]; m.GetBefore() == 0 || v.GetVersion() < m.GetBefore() {
				reply.Versions = append(reply.Versions, v)
			}
		}
		return reply, nil
	})
	return nil
}

func (c *centre) add(base uint64, v *pb.ConfigVersion) (*pb.PublishConfigReply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if base != uint64(len(c.versions)) {
		return nil, fault.New(fault.FailedPrecondition, "somebody else was faster")
	}
	v.Version = base + 1
	c.versions = append(c.versions, v)
	return &pb.PublishConfigReply{Version: v.Version}, nil
}

func (*centre) Ready(context.Context) error { return nil }
func (*centre) Stop(context.Context) error  { return nil }

// TestSettings has operators read, check, publish and roll back what the configuration centre has, each publication once and under their own name.
func TestSettings(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	public := s.lead(settings())
	s.Start(node.Config{Type: api.Config}, &centre{})
	s.eventually("public knows the centre", func() bool { return len(public.Cluster().Snapshot().ByType(api.Config)) == 1 })
	change := []command.SettingChange{{Name: "queue.rate", Area: 2, Text: "5"}}
	answer := func(r command.Result, into any) {
		t.Helper()
		if err := r.Err(); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(r.Value, into); err != nil {
			t.Fatal(err)
		}
	}
	back := uint64(9)
	var checked command.Checked
	answer(order(t, s, "check", command.Check, command.CheckArgs{Changes: change, BackTo: &back}), &checked)
	if d := checked.Diffs; checked.Version != 9 || len(d) != 1 || d[0].Area != 2 || d[0].Text != "5" || d[0].Before != "old" || checked.Problems[0] != "no" {
		t.Errorf("checked: %+v", checked)
	}
	for range 2 { // submitted again it is not published again
		var made command.Published
		answer(order(t, s, "publish", command.Publish, command.PublishArgs{Changes: change}), &made)
		if made.Version != 1 {
			t.Errorf("published: %+v", made)
		}
	}
	if r := order(t, s, "late", command.Publish, command.PublishArgs{Changes: change}); r.Code != fault.FailedPrecondition {
		t.Errorf("for a version that is gone: %+v", r)
	}
	var made command.Published
	answer(order(t, s, "back", command.RollBack, command.RollBackArgs{Version: 1, Base: 1}), &made)
	var list, one command.SettingsList
	answer(order(t, s, "list", command.Settings, command.SettingsArgs{}), &list)
	answer(order(t, s, "one", command.Settings, command.SettingsArgs{Name: "tables.shop"}), &one)
	if list.Version != 2 || len(list.Settings) != 2 || !list.Settings[1].Cut || len(list.Settings[1].Default) > listedText {
		t.Errorf("listed: %+v", list)
	}
	if v := list.Settings[0].Values; len(v) != 1 || v[0].Area != 2 || v[0].Text != "5" || v[0].Version != 2 || v[0].Author != "ann" {
		t.Errorf("its value: %+v", v)
	}
	if len(one.Settings) != 1 || one.Settings[0].Cut || one.Settings[0].Default != strings.Repeat("é", listedText) {
		t.Errorf("one: %+v", one)
	}
	var history command.PublishedList
	answer(order(t, s, "history", command.History, command.HistoryArgs{Before: 2, Limit: 5}), &history)
	if v := history.Versions; len(v) != 1 || v[0].Version != 1 || v[0].At != 7 || v[0].Changes[0].Text != "5" {
		t.Errorf("history: %+v", history)
	}
}
