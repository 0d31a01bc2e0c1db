package api_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/live"
	"loumiao/game/api"
)

// TestLiveSchema holds that every setting is declared well, and every default good: those of the embedded tables too.
func TestLiveSchema(t *testing.T) {
	t.Parallel()
	schema, err := api.LiveSchema()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"log.level", "queue.capacity", "maintenance.on", "tables.items"} {
		if !schema.Knows(name) {
			t.Errorf("there is no %s", name)
		}
	}
	set := func(name, text string) live.Change { return live.Change{Name: name, Area: 3, Text: text} }
	for _, test := range []struct {
		change live.Change
		want   string
	}{
		{set("maintenance.on", "true"), ""},
		{set("maintenance.end", "2027-01-02T03:04:05+08:00"), ""},
		{set("maintenance.end", "tomorrow"), "must be a time"},
		{set("maintenance.testers", "1, 2,,9223372036854775807"), ""},
		{set("maintenance.testers", "1,-2"), `has "-2"`},
		{set("maintenance.testers", "1 2"), `has "1 2"`},
		{set("maintenance.testers", strings.Join(many(1001), ",")), "has 1001 accounts"},
		{set("tables.items", "id"), "cannot have a value of its own in an area"},
	} {
		problems := schema.Check(live.Snapshot{}, []live.Change{test.change})
		if test.want == "" && len(problems) != 0 || test.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].String(), test.want)) {
			t.Errorf("%.60q: %v, want %q", test.change.Text, problems, test.want)
		}
	}
}

// TestRenamePrice has the price of a name be in a currency that there is, at the start and whenever the table of currencies changes.
func TestRenamePrice(t *testing.T) {
	t.Parallel()
	schema, err := api.LiveSchema(api.RenamePrice(map[string]int64{"pearl": 1, "gold": 5}))
	if !strings.Contains(fmt.Sprint(err), `goods.rename: "pearl" is not in currencies.csv`) || strings.Contains(fmt.Sprint(err), `"gold"`) {
		t.Errorf("a currency that there is not: %v", err)
	}
	for text, good := range map[string]bool{"id\ngold\ngem\npearl\n": true, "id\ngold\ngem\nshell\n": false} {
		problems := schema.Check(live.Snapshot{}, []live.Change{{Name: "tables.currencies", Text: text}})
		if (len(problems) == 0) != good {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

func many(n int) []string {
	words := make([]string, n)
	for i := range words {
		words[i] = strconv.Itoa(i + 1)
	}
	return words
}

func TestMaintenanceSaysWhatAndUntilWhen(t *testing.T) {
	t.Parallel()
	off := api.MaintenanceState{Notice: "x", End: time.Now()}
	if err := off.Admits(1); err != nil {
		t.Errorf("no maintenance: %v", err)
	}
	on := api.MaintenanceState{On: true, Notice: "new servers", End: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)}
	want := "the game is under maintenance: new servers (planned to end at 2027-01-02T03:04:05Z)"
	if code, text := fault.Outside(on.Admits(1)); code != fault.Unavailable || text != want {
		t.Errorf("%v %q", code, text)
	}
}
