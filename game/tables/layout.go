package tables

import (
	"maps"
	"regexp"
	"slices"
	"time"

	"loumiao/game/arena"
	"loumiao/game/field"
)

// A layout is how one table reads.
type layout struct {
	columns  []string
	read     func(*row)
	optional []string // columns that need not be there; their cells are then empty
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

const (
	maxTitle                       = 128          // bytes, as orders have it
	maxSender, maxSubject, maxBody = 32, 64, 1000 // bytes, and mails have so many characters

	maxMoney = 10_000_000 // of a product's price, in minor units, as orders have it

	maxCrowd = 2000 // players on a line: all who are near may stand in one update

	yes, no = "yes", "no"
)

const modeForm = "1 to 32 of a-z, 0-9, - and _"

// layout is that of the table.
func (p *parser) layout(table string) layout {
	t := p.tables
	switch table {
	case Currencies:
		return layout{[]string{"id"}, func(r *row) {
			if id := r.id("id", t.Currency); id == expWord {
				r.bad("id", "is %s, which among goods is experience", expWord)
			} else if id != "" {
				t.Currencies = append(t.Currencies, id)
			}
		}, nil}
	case Items:
		return layout{[]string{"id", "kind", "stack", "sell", "use", "keep"}, p.item, nil}
	case Shop:
		return layout{[]string{"id", "price", "gives", "limit", "period"}, p.shopEntry, nil}
	case SignIn:
		return layout{[]string{"day", "gives"}, func(r *row) {
			if day := r.number("day", 1, maxSignIn); day != 0 && day != int64(len(t.SignIn))+1 {
				r.bad("day", "is %d; days count up, and this one must be %d", day, len(t.SignIn)+1)
			}
			t.SignIn = append(t.SignIn, r.someGoods("gives"))
		}, nil}
	case Products:
		return layout{[]string{"id", "title", "price", "currency", "goods"}, p.product, nil}
	case Levels:
		return layout{[]string{"level", "exp"}, p.level, nil}
	case Rewards:
		return layout{[]string{"mode", "gold", "gold_per_behind", "exp", "exp_per_kill"}, func(r *row) {
			w := Reward{
				Mode: r.matching("mode", modeName, modeForm), Gold: r.number("gold", 0, most), GoldPerBehind: r.number("gold_per_behind", 0, most),
				Exp: r.number("exp", 0, most), ExpPerKill: r.number("exp_per_kill", 0, most),
			}
			if _, twice := t.Reward(w.Mode); twice && w.Mode != "" {
				r.bad("mode", "%q is there already", w.Mode)
			}
			r.refer("mode", Modes, w.Mode)
			t.Rewards = append(t.Rewards, w)
		}, nil}
	case Maps:
		return layout{[]string{"id", "name", "width", "height", "view", "cell", "speed", "lines_min", "lines_max", "soft", "hard"}, p.mapRow, nil}
	case Welcome:
		return layout{[]string{"id", "sender", "subject", "body", "gives"}, p.letter, nil}
	default: // Modes
		return layout{[]string{"id", "players", "min_players", "patience", "window", "widen_per_second", "max_window"}, p.mode, []string{"starving", "teams", "accept", "backfill"}}
	}
}

func (p *parser) item(r *row) {
	item := Item{
		ID: r.id("id", has(p.tables.Item)), Kind: Kind(r.word("kind", string(Consumable), string(Cosmetic), string(Keepsake))),
		Stack: r.number("stack", 0, most), Sell: r.amounts("sell"), Use: r.goods("use"), Keep: r.word("keep", yes, no) == yes,
	}
	if item.Use.Items[item.ID] != 0 {
		r.bad("use", "gives the item itself")
	}
	p.tables.Items = append(p.tables.Items, item)
	if item.ID != "" {
		p.tables.items[item.ID] = item
	}
}

func (p *parser) shopEntry(r *row) {
	s := ShopEntry{
		ID: r.id("id", has(p.tables.ShopEntry)), Price: r.amounts("price"), Gives: r.someGoods("gives"), Limit: r.number("limit", 0, most),
		Period: Period(r.word("period", string(None), string(Day), string(Week), string(Ever))),
	}
	if r.cell("price") == "" {
		r.bad("price", "is empty; must be amounts of currencies, such as gold=10")
	}
	for _, currency := range slices.Sorted(maps.Keys(s.Price)) {
		if s.Gives.Wallet[currency] != 0 {
			r.bad("gives", "has %s, which it costs", currency)
		}
	}
	if s.Period != "" && (s.Period == None) != (s.Limit == 0) {
		r.bad("limit", "is %d with the period %s; a limit needs a period, and none is 0", s.Limit, s.Period)
	}
	p.tables.Shop = append(p.tables.Shop, s)
}

func (p *parser) product(r *row) {
	product := Product{
		ID: r.id("id", has(p.tables.Product)), Title: r.text("title", maxTitle), Price: r.number("price", 1, maxMoney),
		Currency: r.matching("currency", moneyName, "three capital letters, as ISO 4217 has them"), Goods: r.someGoods("goods"),
	}
	if product.Goods.Exp != 0 {
		r.bad("goods", "has exp, which is not sold for money")
	}
	p.tables.Products = append(p.tables.Products, product)
}

// letter reads a row of the welcome, within what a mail holds.
func (p *parser) letter(r *row) {
	l := Letter{
		ID: r.id("id", func(id string) bool {
			return slices.ContainsFunc(p.tables.Welcome, func(l Letter) bool { return l.ID == id })
		}),
		Sender: r.text("sender", maxSender), Subject: r.text("subject", maxSubject), Gives: r.goods("gives"),
	}
	if r.cell("body") != "" {
		l.Body = r.text("body", maxBody)
	}
	if l.Gives.Exp != 0 {
		r.bad("gives", "has exp, which is not sent by mail")
	}
	p.tables.Welcome = append(p.tables.Welcome, l)
}

// level reads a row of levels: they count up from 1, each takes more experience than the one before, and the first takes none.
func (p *parser) level(r *row) {
	before := len(p.problems)
	l := Level{Level: int32(r.number("level", 1, MaxRows)), Exp: r.number("exp", 0, mostExp)}
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
	const maxPlayers, maxWindow = arena.MaxPlayers, 1 << 24 // a larger match would be formed, and refused by every zone
	before := len(p.problems)
	m := Mode{
		ID: r.matching("id", modeName, modeForm), Players: int(r.number("players", 1, maxPlayers)), MinPlayers: int(r.number("min_players", 1, maxPlayers)),
		Patience: r.duration("patience", 0, time.Hour), Window: int(r.number("window", 0, maxWindow)),
		WidenPerSecond: int(r.number("widen_per_second", 0, maxWindow)), MaxWindow: int(r.number("max_window", 0, maxWindow)),
	}
	if r.cell("starving") != "" {
		m.Starving = r.duration("starving", time.Second, time.Hour)
	}
	if r.cell("teams") != "" {
		m.Teams = int(r.number("teams", 0, maxPlayers))
	}
	if r.cell("accept") != "" {
		m.Accept = r.duration("accept", 0, 5*time.Minute)
	}
	if r.cell("backfill") != "" {
		m.Backfill = r.word("backfill", yes, no) == yes
	}
	if len(p.problems) == before {
		if m.Teams > 1 && (m.Players%m.Teams != 0 || m.Teams > m.Players) {
			r.bad("teams", "is %d, and %d players do not make so many equal ones", m.Teams, m.Players)
		}
		if m.Teams > 1 && m.MinPlayers != m.Players {
			r.bad("min_players", "is %d; must be players, %d, as teams are full", m.MinPlayers, m.Players)
		}
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
	p.tables.modes[m.ID] = r.line
}

// mapRow reads a row of maps, within what fields take.
func (p *parser) mapRow(r *row) {
	before := len(p.problems)
	m := Map{
		ID: r.id("id", has(p.tables.Map)), Name: r.text("name", maxTitle),
		Width: int32(r.number("width", 1, field.MaxSide)), Height: int32(r.number("height", 1, field.MaxSide)), View: int32(r.number("view", 1, field.MaxSide)),
		Cell: int32(r.number("cell", 1, field.MaxSide)), Speed: int32(r.number("speed", 1, field.MaxSpeed)),
		LinesMin: int(r.number("lines_min", 0, MaxLines)), LinesMax: int(r.number("lines_max", 1, MaxLines)),
		Soft: int(r.number("soft", 1, maxCrowd)), Hard: int(r.number("hard", 1, maxCrowd)),
	}
	if len(p.problems) == before {
		if m.LinesMin > m.LinesMax {
			r.bad("lines_min", "is %d; must be at most lines_max, %d", m.LinesMin, m.LinesMax)
		}
		if m.Soft > m.Hard {
			r.bad("soft", "is %d; must be at most hard, %d", m.Soft, m.Hard)
		}
		if err := m.Rules().Validate(); err != nil { // the bounds have been looked at: what is left is about cells
			r.bad("cell", "does not fit: %v", err)
		}
	}
	p.tables.Maps = append(p.tables.Maps, m)
}

// resolve checks what names a row of another table, and that every mode has a reward.
func (p *parser) resolve() {
	found := map[string]func(string) bool{Currencies: p.tables.Currency, Items: has(p.tables.Item), Modes: has(p.tables.Mode)}
	unread := map[string]bool{ // which has been said, once
		Currencies: len(p.tables.Currencies) == 0, Items: len(p.tables.Items) == 0, Modes: len(p.tables.Modes) == 0,
	}
	for _, r := range p.refs {
		if !unread[r.table] && !found[r.table](r.id) {
			p.file = r.at.File
			p.problem(r.at.Row, r.at.Column, "%q is not in %s.csv", r.id, r.table)
		}
	}
	p.begin(Currencies)
	if !unread[Currencies] && !p.tables.Currency(Gold) {
		p.problem(0, "", "has no row %q, which matches and seasons give", Gold)
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
