package tables

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// most is the largest amount of anything: JSON numbers, and so every client, hold it exactly.
const most = 1<<53 - 1

// name is the form of ids and of the game's currencies: that of assets in the ledger.
var name = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// A row reads the cells of one row; what is wrong becomes a problem, and the value is then the zero one.
type row struct {
	p       *parser
	line    int
	columns map[string]int
	cells   []string
}

func (r *row) cell(column string) string { return strings.TrimSpace(r.cells[r.columns[column]]) }

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

// maxGoods bounds how many kinds of goods one cell has.
const maxGoods = 16

// goods is currencies and items, with how many of each: "gem=100 item:boost=5".
func (r *row) goods(column string) Goods {
	var g Goods
	words := strings.Fields(r.cell(column))
	if len(words) == 0 || len(words) > maxGoods {
		r.bad(column, "has %d kinds of goods; must be 1 to %d, such as gem=100 item:boost=5", len(words), maxGoods)
		return g
	}
	for _, word := range words {
		what, count, _ := strings.Cut(word, "=")
		n, err := strconv.ParseInt(count, 10, 64)
		id, isItem := strings.CutPrefix(what, itemPrefix)
		if err != nil || n < 1 || n > most || !name.MatchString(id) {
			r.bad(column, "has %q; must be a currency, or item: and an item, then = and a whole number from 1 on", shorten(word))
			continue
		}
		to := &g.Wallet
		if isItem {
			to = &g.Items
			r.refer(column, Items, id)
		}
		if *to == nil {
			*to = map[string]int64{}
		}
		if (*to)[id] != 0 {
			r.bad(column, "has %s twice", what)
		}
		(*to)[id] = n
	}
	return g
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
