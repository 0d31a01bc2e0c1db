package world_test

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"loumiao/configs"
	"loumiao/framework/fault"
	"loumiao/framework/live"
	"loumiao/framework/store/storetest"
	"loumiao/game/pb"
)

// TestThoseInsideAreTold changes settings under players: they hear of maintenance in their area and of new tables, and matches close.
func TestThoseInsideAreTold(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	board := live.NewBoard(p.env.Stores)
	feed := live.Open(t.Context(), board, "", storetest.Log(t))
	t.Cleanup(feed.Close)
	p.env.Live = feed
	version := uint64(0)
	publish := func(entries ...live.Entry) {
		t.Helper()
		version++
		must(t, board.Put(t.Context(), live.Snapshot{Version: version, Entries: entries}))
	}
	p.world(nil)
	s := p.connect(1)
	before := s.enter().GetTablesVersion()
	if before == "" {
		t.Error("the client is not told the version of the tables")
	}

	end := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	publish(live.Entry{Name: "maintenance.on", Area: 200, Text: "true"}) // elsewhere
	publish(
		live.Entry{Name: "maintenance.on", Text: "true"}, live.Entry{Name: "maintenance.notice", Text: "new servers"},
		live.Entry{Name: "maintenance.end", Text: end.Format(time.RFC3339)}, live.Entry{Name: "feature.match", Text: "off"},
	)
	if n := next[*pb.MaintenanceNotice](s); !n.GetOn() || n.GetNotice() != "new servers" || n.GetEndMs() != end.UnixMilli() {
		t.Errorf("the client is told %v", n)
	}
	if _, err := try[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"}); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("a match that is switched off: %v", err)
	}
	s.greet() // who is inside plays on

	items, err := fs.ReadFile(configs.Tables(), "items.csv")
	must(t, err)
	publish(live.Entry{Name: "tables.items", Text: strings.Replace(string(items), "boost,consumable,20", "boost,consumable,21", 1)})
	if n := next[*pb.MaintenanceNotice](s); n.GetOn() {
		t.Errorf("at the end of it the client is told %v", n)
	}
	changed := next[*pb.TablesChanged](s).GetVersion()
	if changed == before {
		t.Error("the tables have changed and not their version")
	}
	if now := p.connect(2).enter().GetTablesVersion(); now != changed {
		t.Errorf("who enters now is told version %s and not %s", now, changed)
	}
	ask[*pb.StartMatchReply](s, &pb.StartMatch{Mode: "arena"})
}
