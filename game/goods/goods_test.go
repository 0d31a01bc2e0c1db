package goods_test

import (
	"strings"
	"testing"

	"loumiao/game/goods"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	if err := goods.Defaults().Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(c *goods.Config){
		"slots: is 0":           func(c *goods.Config) { c.Slots = 0 },
		"slots: is 10001":       func(c *goods.Config) { c.Slots = 10_001 },
		"rename.gold: is -1":    func(c *goods.Config) { c.Rename = map[string]int64{"gold": -1} },
		`rename: "Gold" is not`: func(c *goods.Config) { c.Rename = map[string]int64{"Gold": 1} },
	} {
		cfg := goods.Defaults()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported: %v", want, err)
		}
	}
}
