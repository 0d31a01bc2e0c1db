package tables

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"loumiao/game/field"
)

// Tables are all tables, which fit together. They never change, so they are safe for concurrent use; the slices are shared and must not be modified.
type Tables struct {
	Currencies []string `json:"currencies"` // of the game, each once, in the order in which they are shown

	Items    []Item      `json:"items"`
	Shop     []ShopEntry `json:"shop"`     // in the order in which it is shown
	SignIn   []Goods     `json:"sign_in"`  // the n-th is what a player gets on the n-th day that he signs in on; then the first again
	Products []Product   `json:"products"` // in the order in which they are shown
	Levels   []Level     `json:"levels"`   // the n-th is level n+1, with growing experience
	Rewards  []Reward    `json:"rewards"`
	Modes    []Mode      `json:"modes"`
	Maps     []Map       `json:"maps"`
	Welcome  []Letter    `json:"welcome"` // in the order in which they are sent

	items   map[string]Item
	modes   map[string]int // the line of each
	version string
	json    []byte
}

// Gold is the currency that matches and seasons give. It is always there.
const Gold = "gold"

// An Item is a kind of thing that players can have.
type Item struct {
	ID    string           `json:"id"`
	Kind  Kind             `json:"kind"`
	Stack int64            `json:"stack"`          // how many share one slot of the bag; 0: it needs none
	Sell  map[string]int64 `json:"sell,omitempty"` // what the game pays for one, by currency; empty: it cannot be sold
	Use   Goods            `json:"use"`            // what using one gives; empty: it cannot be used
	Keep  bool             `json:"keep"`           // it cannot be thrown away
}

// A Kind is under what clients show an item.
type Kind string

// The kinds of items.
const (
	Consumable Kind = "consumable" // used up or sold
	Cosmetic   Kind = "cosmetic"   // worn
	Keepsake   Kind = "keepsake"   // a memory
)

// A ShopEntry is what the shop sells for the game's own currencies. Purchases are counted under its ID, which therefore keeps its meaning.
type ShopEntry struct {
	ID     string           `json:"id"`
	Price  map[string]int64 `json:"price"`  // of one purchase, by currency, not empty
	Gives  Goods            `json:"gives"`  // by one purchase, not empty
	Limit  int64            `json:"limit"`  // purchases a player may make in each Period; 0: any number
	Period Period           `json:"period"` // None exactly when Limit is 0
}

// A Period is after what time a limit counts anew. Days and weeks are those of the player's area.
type Period string

// The periods of limits.
const (
	None Period = "none" // there is no limit
	Day  Period = "day"
	Week Period = "week"
	Ever Period = "ever" // never anew
)

// A Product is what is sold for money.
type Product struct {
	ID       string `json:"id"`
	Title    string `json:"title"`    // what players see, 1 to 128 bytes
	Price    int64  `json:"price"`    // in the money's minor unit, such as cents; at least 1
	Currency string `json:"currency"` // of the real world, as ISO 4217 has it: USD
	Goods    Goods  `json:"goods"`    // what the buyer gets: not nothing, and no experience
}

// A Letter is a mail that each new player finds in his mailbox. It is sent under its ID, which therefore keeps its meaning.
type Letter struct {
	ID      string `json:"id"`
	Sender  string `json:"sender"`
	Subject string `json:"subject"`
	Body    string `json:"body,omitempty"`
	Gives   Goods  `json:"gives"` // to be claimed; it may be nothing, and is no experience
}

// Goods is what one gets. The zero value is nothing.
type Goods struct {
	Wallet map[string]int64 `json:"wallet,omitempty"` // by currency, each at least 1
	Items  map[string]int64 `json:"items,omitempty"`  // by item, each at least 1
	Exp    int64            `json:"exp,omitempty"`
}

// Empty reports whether it is nothing.
func (g Goods) Empty() bool { return len(g.Wallet) == 0 && len(g.Items) == 0 && g.Exp == 0 }

// A Level is how much experience it takes.
type Level struct {
	Level int32 `json:"level"`
	Exp   int64 `json:"exp"` // in all, from which on a player has it
}

// A Reward is what a match of a mode gives each of its players.
type Reward struct {
	Mode          string `json:"mode"` // of Modes
	Gold          int64  `json:"gold"`
	GoldPerBehind int64  `json:"gold_per_behind"` // for each player who was worse
	Exp           int64  `json:"exp"`
	ExpPerKill    int64  `json:"exp_per_kill"`
}

// A Mode is what players can play, and how those who play together are found.
type Mode struct {
	ID             string        `json:"id"`
	Players        int           `json:"players"`     // of a full match
	MinPlayers     int           `json:"min_players"` // of the smallest match that may start once the oldest wish is Patience old
	Patience       time.Duration `json:"patience_ns"`
	Window         int           `json:"window"`           // rating points that a new wish accepts between two players
	WidenPerSecond int           `json:"widen_per_second"` // how much wider it gets while waiting
	MaxWindow      int           `json:"max_window"`
	Starving       time.Duration `json:"starving_ns,omitempty"` // how long a wish waits until ratings do not count for it any more; 0: as matchmaking has it
	Teams          int           `json:"teams,omitempty"`       // of equal size, into which Players are split; 0: everybody for himself
	Accept         time.Duration `json:"accept_ns,omitempty"`   // how long each player has to accept the match; 0: he is not asked
	Backfill       bool          `json:"backfill,omitempty"`    // the seat of a player who has left for good goes to one who waits
}

// MaxLines is the most lines that a map may have in an area.
const MaxLines = 64

// A Map is a field: what it is like, and how many may be on it.
type Map struct {
	ID     string `json:"id"`
	Name   string `json:"name"`  // what players see, 1 to 128 bytes
	Width  int32  `json:"width"` // in points, as what follows
	Height int32  `json:"height"`
	View   int32  `json:"view"`  // how far a player sees at least, along each axis
	Cell   int32  `json:"cell"`  // side of the cells by which players are shown who is near
	Speed  int32  `json:"speed"` // of players, a second

	LinesMin int `json:"lines_min"` // that stay open in an area once anybody has been there
	LinesMax int `json:"lines_max"`
	Soft     int `json:"soft"` // players from whom on a line is no longer given to those who name none
	Hard     int `json:"hard"` // the most players on a line
}

// Rules is the map as package field has it.
func (m Map) Rules() field.Rules {
	return field.Rules{Width: m.Width, Height: m.Height, View: m.View, Cell: m.Cell, Speed: m.Speed, Capacity: m.Hard}
}

// LevelAt is the level of a player with so much experience, from 1.
func (t *Tables) LevelAt(exp int64) int32 {
	n, found := slices.BinarySearchFunc(t.Levels, exp, func(l Level, exp int64) int {
		switch {
		case l.Exp < exp:
			return -1
		case l.Exp > exp:
			return 1
		}
		return 0
	})
	if found {
		n++
	}
	return int32(max(1, n))
}

// Currency is whether the game has that currency.
func (t *Tables) Currency(id string) bool { return slices.Contains(t.Currencies, id) }

// Item finds an item.
func (t *Tables) Item(id string) (Item, bool) {
	item, ok := t.items[id]
	return item, ok
}

// Stack is how many of an item share one slot of the bag; 0: it needs none. false: there is no such item.
func (t *Tables) Stack(item string) (size int64, ok bool) {
	i, ok := t.items[item]
	return i.Stack, ok
}

// SignInDay is what a player gets for signing in on his n-th day, from 1. It is empty where nothing is given.
func (t *Tables) SignInDay(n int64) Goods {
	if len(t.SignIn) == 0 || n < 1 {
		return Goods{}
	}
	return t.SignIn[(n-1)%int64(len(t.SignIn))]
}

// ShopEntry finds what the shop sells.
func (t *Tables) ShopEntry(id string) (ShopEntry, bool) {
	return find(t.Shop, id, func(s ShopEntry) string { return s.ID })
}

// Product finds what is sold for money.
func (t *Tables) Product(id string) (Product, bool) {
	return find(t.Products, id, func(p Product) string { return p.ID })
}

// Reward finds what a mode's matches give.
func (t *Tables) Reward(mode string) (Reward, bool) {
	return find(t.Rewards, mode, func(r Reward) string { return r.Mode })
}

// Mode finds a mode.
func (t *Tables) Mode(id string) (Mode, bool) {
	return find(t.Modes, id, func(m Mode) string { return m.ID })
}

// Map finds a map.
func (t *Tables) Map(id string) (Map, bool) {
	return find(t.Maps, id, func(m Map) string { return m.ID })
}

func find[T any](rows []T, id string, idOf func(T) string) (row T, ok bool) {
	i := slices.IndexFunc(rows, func(r T) bool { return idOf(r) == id })
	if i < 0 {
		return row, false
	}
	return rows[i], true
}

// CheckFrames is what is wrong with the table of modes when clients run the simulation in these: they know nothing of a player who takes another's place.
func (t *Tables) CheckFrames(modes []string) error {
	var errs []error
	for _, m := range t.Modes {
		if m.Backfill && slices.Contains(modes, m.ID) {
			errs = append(errs, &Problem{
				File: Modes + ".csv", Row: t.modes[m.ID], Column: "backfill", What: fmt.Sprintf("is yes; the mode %q cannot have it, because it is played in frame mode", m.ID),
			})
		}
	}
	return errors.Join(errs...)
}

// CheckPrice is what is wrong with a price that stands under a key of the configuration, and not in a table: each of its currencies must be one.
func (t *Tables) CheckPrice(key string, price map[string]int64) error {
	var errs []error
	for _, currency := range slices.Sorted(maps.Keys(price)) {
		if !t.Currency(currency) {
			errs = append(errs, fmt.Errorf("%s: %q is not in %s.csv", key, currency, Currencies))
		}
	}
	return errors.Join(errs...)
}

// Version is a fingerprint of the tables' content: 16 hexadecimal digits.
func (t *Tables) Version() string { return t.version }

// JSON is the tables as clients get them. It must not be modified.
func (t *Tables) JSON() []byte { return t.json }

// seal fixes the version and what clients get.
func (t *Tables) seal() error {
	content, err := json.Marshal(t)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	t.version = hex.EncodeToString(sum[:8])
	t.json, err = json.Marshal(struct {
		Version string `json:"version"`
		*Tables
	}{t.version, t})
	return err
}
