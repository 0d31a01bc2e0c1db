package robot

import (
	"testing"

	"loumiao/game/pb"
)

// TestAgainst holds what a player was told to have against a ledger that goes on: it may be of any moment since what he was told of, between two operations, and of no other.
func TestAgainst(t *testing.T) {
	t.Parallel()
	a := account{sums: map[string]int64{"gold": 100, "item:shield": 1}, later: []*pb.LedgerEntry{
		{Id: 9, Key: "match:2", Asset: "gold", Amount: 10},
		{Id: 8, Key: "shop:x", Asset: "item:shield", Amount: 1},
		{Id: 7, Key: "shop:x", Asset: "gold", Amount: -30},
	}}
	for name, test := range map[string]struct {
		gold, shields int64
		differ        bool
	}{
		"now":                        {100, 1, false},
		"before the other match":     {90, 1, false},
		"at what was looked for":     {120, 0, false},
		"in the midst of a buy":      {90, 0, true},
		"before what was looked for": {110, 0, true},
		"at no time":                 {385, 1, true},
	} {
		told := map[string]int64{"gold": test.gold}
		if test.shields != 0 {
			told["item:shield"] = test.shields
		}
		if got := a.against(told); (got != "") != test.differ {
			t.Errorf("%s: %q", name, got)
		}
	}
	if a.sums["gold"] != 100 {
		t.Errorf("the account is changed: %v", a.sums)
	}
}
