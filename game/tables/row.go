package tables

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	// most is the largest amount of anything, so that who gets something as often at once as he may stays far below what he can have.
	most = 1_000_000_000
	// mostExp is the most experience that a level takes: JSON numbers, and so every client, hold it exactly.
	mostExp = 1<<53 - 1
)

// name is the form of ids and of the game's currencies: that of assets in the ledger.
var name = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// A row reads the cells of one row; what is wrong becomes a problem, and the value is then the zero one.
type row struct {
	p       *parser
	line    int
	columns map[string]int
	cells   []string
}

// cell is the text of a cell; "" where the table has no such column.
func (r *row) cell(column string) string {
	at, there := r.columns[column]
	if !there {
		return ""
	}
	return strings.TrimSpace(r.cells[at])
}

func (r *row) bad(column, format string, args ...any) { r.p.problem(r.line, column, format, args...) }

// id is a name that no other row of the table has.
func (r *row) id(column string, taken func(string) bool) string {
	text := r.name(column)
	if text != "" && taken(text) {
		r.bad(column, "%q is there already", text)
	}
	return text
}

func (r *row) name(column string) string {
	text := r.cell(column)
	if !name.MatchString(text) {
		r.bad(column, "is %q; must be 1 to 32 lower-case letters, digits and underscores", shorten(text))
		return ""
	}
	return text
}

func (r *row) matching(column string, form *regexp.Regexp, allowed string) string {
	text := r.cell(column)
	if !form.MatchString(text) {
		r.bad(column, "is %q; must be %s", shorten(text), allowed)
		return ""
	}
	return text
}

func (r *row) number(column string, least, most int64) int64 {
	n, err := strconv.ParseInt(r.cell(column), 10, 64)
	if err != nil || n < least || n > most {
		r.bad(column, "is %q; must be a whole number, %d to %d", shorten(r.cell(column)), least, most)
		return 0
	}
	return n
}

func (r *row) duration(column string, least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(r.cell(column))
	if err != nil || d < least || d > most {
		r.bad(column, "is %q; must be a duration, %v to %v, such as 10s", shorten(r.cell(column)), least, most)
		return 0
	}
	return d
}

func (r *row) word(column string, words ...string) string {
	text := r.cell(column)
	if !slices.Contains(words, text) {
		r.bad(column, "is %q; must be one of %s", shorten(text), strings.Join(words, ", "))
		return ""
	}
	return text
}

// itemPrefix begins an item among goods, as in the ledger.
const itemPrefix = "item:"

// expWord is experience among goods; no currency is called so.
const expWord = "exp"

// maxGoods bounds how many kinds of goods one cell has.
const maxGoods = 16

// goods is currencies, items and experience, with how many of each: "gem=100 item:boost=5 exp=20". An empty cell is nothing.
func (r *row) goods(column string) Goods {
	var g Goods
	words := strings.Fields(r.cell(column))
	if len(words) > maxGoods {
		r.bad(column, "has %d kinds of goods; must be at most %d", len(words), maxGoods)
		return g
	}
	seen := map[string]bool{}
	for _, word := range words {
		what, count, _ := strings.Cut(word, "=")
		n, err := strconv.ParseInt(count, 10, 64)
		id, isItem := strings.CutPrefix(what, itemPrefix)
		if err != nil || n < 1 || n > most || !name.MatchString(id) {
			r.bad(column, "has %q; must be a currency, exp, or item: and an item, then = and a whole number, 1 to %d", shorten(word), int64(most))
			continue
		}
		if seen[what] {
			r.bad(column, "has %s twice", what)
			continue
		}
		seen[what] = true
		switch {
		case isItem:
			r.refer(column, Items, id)
			g.Items = with(g.Items, id, n)
		case id == expWord:
			g.Exp = n
		default:
			r.refer(column, Currencies, id)
			g.Wallet = with(g.Wallet, id, n)
		}
	}
	return g
}

// someGoods is goods that are not nothing.
func (r *row) someGoods(column string) Goods {
	if r.cell(column) == "" {
		r.bad(column, "is empty; must be goods, such as gem=100 item:boost=5")
	}
	return r.goods(column)
}

// amounts is currencies, with how much of each: "gold=10". An empty cell is nothing.
func (r *row) amounts(column string) map[string]int64 {
	g := r.goods(column)
	if len(g.Items) > 0 || g.Exp > 0 {
		r.bad(column, "is %q; must be amounts of currencies only, such as gold=10", shorten(r.cell(column)))
	}
	return g.Wallet
}

func with(amounts map[string]int64, what string, n int64) map[string]int64 {
	if amounts == nil {
		amounts = map[string]int64{}
	}
	amounts[what] = n
	return amounts
}

// text is a line for players to read.
func (r *row) text(column string, most int) string {
	text := r.cell(column)
	if text == "" || len(text) > most || strings.ContainsFunc(text, unicode.IsControl) {
		r.bad(column, "is %q; must be 1 to %d bytes without control characters", shorten(text), most)
	}
	return text
}

// refer notes that another table must have this id.
func (r *row) refer(column, table, id string) {
	if id != "" {
		r.p.refs = append(r.p.refs, ref{Problem{File: r.p.file, Row: r.line, Column: column}, table, id})
	}
}

// shorten is a cell for a message.
func shorten(text string) string {
	const most = 40
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
