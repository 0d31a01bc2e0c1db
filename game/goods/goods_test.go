package goods_test

import (
	"strings"
	"testing"

	"loumiao/game/goods"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg := goods.Defaults()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	c := goods.New(cfg)
	if size, ok := c.Stack("shield"); !ok || size != 20 {
		t.Errorf("a stack of shields is %d, %t", size, ok)
	}
	if _, ok := c.Stack("sword"); ok {
		t.Error("there is a sword")
	}
	if item, ok := c.Item("exp_book"); !ok || item.Use.Exp != 100 {
		t.Errorf("the book is %+v, %t", item, ok)
	}
	if offer, ok := c.Offer("starter"); !ok || offer.Limit != 1 || len(c.Offers()) != len(cfg.Offers) {
		t.Errorf("the offer is %+v, %t", offer, ok)
	}
	if _, ok := c.Offer("nothing"); ok {
		t.Error("nothing is offered")
	}
	for n, want := range map[int64]int64{0: 0, 1: 10, 2: 15, 7: 30, 8: 10, 14: 30} {
		if got := c.SignIn(n).Wallet["gold"]; got != want {
			t.Errorf("day %d gives %d gold, want %d", n, got, want)
		}
	}
	if gain := goods.New(goods.Config{}).SignIn(1); !gain.Empty() {
		t.Errorf("without rewards there is %+v", gain)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	one := map[string]int64{"gold": 1}
	for want, change := range map[string]func(c *goods.Config){
		"slots: is 0":                                  func(c *goods.Config) { c.Slots = 0 },
		`items[0].name: is "Shield"`:                   func(c *goods.Config) { c.Items[0].Name = "Shield" },
		`items[1].name: "shield" is there twice`:       func(c *goods.Config) { c.Items[1].Name = "shield" },
		"items[0].stack: is -1":                        func(c *goods.Config) { c.Items[0].Stack = -1 },
		"items[0].sell.gold: is 0":                     func(c *goods.Config) { c.Items[0].Sell = map[string]int64{"gold": 0} },
		"items[0].use: gives the item itself":          func(c *goods.Config) { c.Items[0].Use.Items = map[string]int64{"shield": 2} },
		`items[0].use.items: there is no item "sword"`: func(c *goods.Config) { c.Items[0].Use.Items = map[string]int64{"sword": 2} },
		"items[0].use.exp: is -1":                      func(c *goods.Config) { c.Items[0].Use.Exp = -1 },
		`offers[0].price: "Gold"`:                      func(c *goods.Config) { c.Offers[0].Price = map[string]int64{"Gold": 1} },
		"offers[0].gives: is nothing":                  func(c *goods.Config) { c.Offers[0].Gives = goods.Gain{} },
		"offers[0]: gives and costs gold":              func(c *goods.Config) { c.Offers[0].Price, c.Offers[0].Gives.Wallet = one, one },
		"offers[0].limit: is -1":                       func(c *goods.Config) { c.Offers[0].Limit = -1 },
		`offers[0].period: is "month"`:                 func(c *goods.Config) { c.Offers[0].Period = "month" },
		`offers[1].id: "shield" is there twice`:        func(c *goods.Config) { c.Offers[1].ID = "shield" },
		"sign_in[0].wallet.gold: is 2000000000":        func(c *goods.Config) { c.SignIn[0].Wallet = map[string]int64{"gold": 2_000_000_000} },
		"rename.gold: is -1":                           func(c *goods.Config) { c.Rename = map[string]int64{"gold": -1} },
		"items, offers and sign_in: are":               func(c *goods.Config) { c.Offers = make([]goods.Offer, 201) },
	} {
		cfg := goods.Defaults()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported: %v", want, err)
		}
	}
}
