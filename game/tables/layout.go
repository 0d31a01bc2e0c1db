package tables

import (
	"regexp"
	"time"
)

// A layout is how one table reads.
type layout struct {
	columns []string
	read    func(*row)
}

// A ref is a place that names a row of another table.
type ref struct {
	at        Problem
	table, id string
}

var (
	moneyName = regexp.MustCompile(`^[A-Z]{3}$`)
	modeName  = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
)

const modeForm = "1 to 32 of a-z, 0-9, - and _"

// layout is that of the table.
func (p *parser) layout(table string) layout {
	t := p.tables
	switch table {
	case Items:
		return layout{[]string{"id", "kind", "stack", "price"}, func(r *row) {
			t.Items = append(t.Items, Item{
				ID: r.id("id", has(t.Item)), Kind: Kind(r.word("kind", string(Consumable), string(Cosmetic), string(Ticket))),
				Stack: r.number("stack", 1, most), Price: r.number("price", 0, most),
			})
		}}
	case Shop:
		return layout{[]string{"id", "item", "count", "price", "currency", "limit", "period"}, func(r *row) {
			s := ShopEntry{
				ID: r.id("id", has(t.ShopEntry)), Item: r.name("item"), Count: r.number("count", 1, most), Price: r.number("price", 1, most),
				Currency: r.name("currency"), Limit: r.number("limit", 0, most),
				Period: Period(r.word("period", string(None), string(Day), string(Week), string(Ever))),
			}
			r.refer("item", Items, s.Item)
			if s.Period != "" && (s.Period == None) != (s.Limit == 0) {
				r.bad("limit", "is %d with the period %s; a limit needs a period, and none is 0", s.Limit, s.Period)
			}
			t.Shop = append(t.Shop, s)
		}}
	case Products:
		return layout{[]string{"id", "price", "currency", "goods"}, func(r *row) {
			t.Products = append(t.Products, Product{
				ID: r.id("id", has(t.Product)), Price: r.number("price", 1, most),
				Currency: r.matching("currency", moneyName, "three capital letters, as ISO 4217 has them"), Goods: r.goods("goods"),
			})
		}}
	case Levels:
		return layout{[]string{"level", "exp"}, p.level}
	case Rewards:
		return layout{[]string{"mode", "gold", "gold_per_behind", "exp", "exp_per_kill"}, func(r *row) {
			const most = 1 << 32 // so that what they add up to fits
			w := Reward{
				Mode: r.matching("mode", modeName, modeForm), Gold: r.number("gold", 0, most), GoldPerBehind: r.number("gold_per_behind", 0, most),
				Exp: r.number("exp", 0, most), ExpPerKill: r.number("exp_per_kill", 0, most),
			}
			if _, twice := t.Reward(w.Mode); twice && w.Mode != "" {
				r.bad("mode", "%q is there already", w.Mode)
			}
			r.refer("mode", Modes, w.Mode)
			t.Rewards = append(t.Rewards, w)
		}}
	default: // Modes
		return layout{[]string{"id", "players", "min_players", "patience", "window", "widen_per_second", "max_window"}, p.mode}
	}
}

// level reads a row of levels: they count up from 1, each takes more experience than the one before, and the first takes none.
func (p *parser) level(r *row) {
	before := len(p.problems)
	l := Level{Level: int32(r.number("level", 1, MaxRows)), Exp: r.number("exp", 0, most)}
	n := len(p.tables.Levels)
	if len(p.problems) == before {
		switch {
		case int(l.Level) != n+1:
			r.bad("level", "is %d; levels count up, and this one must be %d", l.Level, n+1)
		case n == 0 && l.Exp != 0:
			r.bad("exp", "is %d; the first level must take 0", l.Exp)
		case n > 0 && l.Exp <= p.tables.Levels[n-1].Exp:
			r.bad("exp", "is %d; must be more than the %d of the level before", l.Exp, p.tables.Levels[n-1].Exp)
		}
	}
	p.tables.Levels = append(p.tables.Levels, l)
}

// mode reads a row of modes, within what matchmaking takes.
func (p *parser) mode(r *row) {
	const maxPlayers, maxWindow = 128, 1 << 24
	before := len(p.problems)
	m := Mode{
		ID: r.matching("id", modeName, modeForm), Players: int(r.number("players", 1, maxPlayers)), MinPlayers: int(r.number("min_players", 1, maxPlayers)),
		Patience: r.duration("patience", 0, time.Hour), Window: int(r.number("window", 0, maxWindow)),
		WidenPerSecond: int(r.number("widen_per_second", 0, maxWindow)), MaxWindow: int(r.number("max_window", 0, maxWindow)),
	}
	if len(p.problems) == before {
		if _, twice := p.tables.Mode(m.ID); twice {
			r.bad("id", "%q is there already", m.ID)
		}
		if m.MinPlayers > m.Players {
			r.bad("min_players", "is %d; must be at most players, %d", m.MinPlayers, m.Players)
		}
		if m.Window > m.MaxWindow {
			r.bad("window", "is %d; must be at most max_window, %d", m.Window, m.MaxWindow)
		}
	}
	p.tables.Modes = append(p.tables.Modes, m)
}

// resolve checks what names a row of another table, and that every mode has a reward.
func (p *parser) resolve() {
	found := map[string]func(string) bool{Items: has(p.tables.Item), Modes: has(p.tables.Mode)}
	unread := map[string]bool{Items: len(p.tables.Items) == 0, Modes: len(p.tables.Modes) == 0} // which has been said, once
	for _, r := range p.refs {
		if !unread[r.table] && !found[r.table](r.id) {
			p.file = r.at.File
			p.problem(r.at.Row, r.at.Column, "%q is not in %s.csv", r.id, r.table)
		}
	}
	p.begin(Rewards)
	if len(p.tables.Rewards) == 0 {
		return
	}
	for _, m := range p.tables.Modes {
		if m.ID != "" && !has(p.tables.Reward)(m.ID) {
			p.problem(0, "", "the mode %q has no row", m.ID)
		}
	}
}

func has[T any](find func(string) (T, bool)) func(string) bool {
	return func(id string) bool {
		_, ok := find(id)
		return ok
	}
}
