package goods

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Config is all goods of the game.
type Config struct {
	Slots  int64            `yaml:"slots" doc:"how many slots a player's bag has, 1 to 10000"`
	Items  []Item           `yaml:"items" doc:"what items there are"`
	Offers []Offer          `yaml:"offers" doc:"what the shop offers"`
	SignIn []Gain           `yaml:"sign_in" doc:"what a player gets on the first day that he signs in on, the second and so on, and then from the first again"`
	Rename map[string]int64 `yaml:"rename" doc:"what a new name costs, by currency"`
}

// Defaults is the sample game's goods.
func Defaults() Config {
	gold := func(n int64) map[string]int64 { return map[string]int64{"gold": n} }
	return Config{
		Slots: 50,
		Items: []Item{
			{Name: "shield", Stack: 20, Sell: gold(5)},
			{Name: "map", Stack: 1, Sell: gold(2)},
			{Name: "exp_book", Stack: 99, Sell: gold(10), Use: Gain{Exp: 100}},
			{Name: "gold_chest", Stack: 99, Use: Gain{Wallet: gold(50)}},
			{Name: "medal", Keep: true},
		},
		Offers: []Offer{
			{ID: "shield", Price: gold(10), Gives: Gain{Items: map[string]int64{"shield": 1}}, Period: Ever},
			{ID: "daily_book", Price: gold(20), Gives: Gain{Items: map[string]int64{"exp_book": 1}}, Limit: 3, Period: Day},
			{ID: "weekly_chest", Price: gold(30), Gives: Gain{Items: map[string]int64{"gold_chest": 1}}, Limit: 1, Period: Week},
			{ID: "starter", Price: gold(1), Gives: Gain{Items: map[string]int64{"shield": 5, "map": 1}}, Limit: 1, Period: Ever},
		},
		SignIn: []Gain{
			{Wallet: gold(10)}, {Wallet: gold(15)}, {Items: map[string]int64{"exp_book": 1}}, {Wallet: gold(20)}, {Wallet: gold(25)},
			{Items: map[string]int64{"shield": 1}}, {Wallet: gold(30), Items: map[string]int64{"gold_chest": 1}},
		},
		Rename: gold(50),
	}
}

const (
	maxItems   = 100_000
	maxOffers  = 200 // they are sent to a client in one message, and the counters of all read at once
	maxSignIns = 366
	// maxAmount bounds every amount, so that a player who does something as often at once as he may stays far below what he can have.
	maxAmount = 1_000_000_000
	// maxGain bounds the kinds of things in one gain or price.
	maxGain = 16
)

var name = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	v := validation{items: map[string]bool{}}
	if c.Slots < 1 || c.Slots > 10_000 {
		v.bad("slots", "is %d; must be 1 to 10000", c.Slots)
	}
	if len(c.Items) > maxItems || len(c.Offers) > maxOffers || len(c.SignIn) > maxSignIns {
		v.bad("items, offers and sign_in", "are %d, %d and %d; must be at most %d, %d and %d", len(c.Items), len(c.Offers), len(c.SignIn), maxItems, maxOffers, maxSignIns)
	}
	for i, item := range c.Items {
		v.name(fmt.Sprintf("items[%d].name", i), item.Name, v.items)
	}
	for i, item := range c.Items {
		key := fmt.Sprintf("items[%d]", i)
		if item.Stack < 0 || item.Stack > maxAmount {
			v.bad(key+".stack", "is %d; must be 0 to %d", item.Stack, maxAmount)
		}
		v.amounts(key+".sell", item.Sell)
		v.gain(key+".use", item.Use)
		if item.Use.Items[item.Name] != 0 {
			v.bad(key+".use", "gives the item itself")
		}
	}
	offers := map[string]bool{}
	for i, offer := range c.Offers {
		key := fmt.Sprintf("offers[%d]", i)
		v.name(key+".id", offer.ID, offers)
		v.amounts(key+".price", offer.Price)
		v.gain(key+".gives", offer.Gives)
		if offer.Gives.Empty() {
			v.bad(key+".gives", "is nothing")
		}
		for currency := range offer.Price {
			if offer.Gives.Wallet[currency] != 0 {
				v.bad(key, "gives and costs %s", currency)
			}
		}
		if offer.Limit < 0 || offer.Limit > maxAmount {
			v.bad(key+".limit", "is %d; must be 0 to %d", offer.Limit, maxAmount)
		}
		if !slices.Contains([]Period{Ever, Day, Week}, offer.Period) {
			v.bad(key+".period", "is %q; must be ever, day or week", offer.Period)
		}
	}
	for i, gain := range c.SignIn {
		v.gain(fmt.Sprintf("sign_in[%d]", i), gain)
	}
	v.amounts("rename", c.Rename)
	return errors.Join(v.errs...)
}

type validation struct {
	items map[string]bool
	errs  []error
}

func (v *validation) bad(key, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("%s: "+format, append([]any{key}, args...)...))
}

func (v *validation) name(key, text string, seen map[string]bool) {
	if !name.MatchString(text) {
		v.bad(key, "is %q; must be 1 to 32 lower-case letters, digits and underscores, a letter first", text)
	}
	if seen[text] {
		v.bad(key, "%q is there twice", text)
	}
	seen[text] = true
}

func (v *validation) amounts(key string, amounts map[string]int64) {
	if len(amounts) > maxGain {
		v.bad(key, "are %d; must be at most %d", len(amounts), maxGain)
	}
	for _, what := range slices.Sorted(maps.Keys(amounts)) {
		if !name.MatchString(what) {
			v.bad(key, "%q is not 1 to 32 lower-case letters, digits and underscores, a letter first", what)
		}
		if n := amounts[what]; n < 1 || n > maxAmount {
			v.bad(key+"."+what, "is %d; must be 1 to %d", n, maxAmount)
		}
	}
}

func (v *validation) gain(key string, g Gain) {
	v.amounts(key+".wallet", g.Wallet)
	v.amounts(key+".items", g.Items)
	for _, item := range slices.Sorted(maps.Keys(g.Items)) {
		if !v.items[item] {
			v.bad(key+".items", "there is no item %q", item)
		}
	}
	if g.Exp < 0 || g.Exp > maxAmount {
		v.bad(key+".exp", "is %d; must be 0 to %d", g.Exp, maxAmount)
	}
}
