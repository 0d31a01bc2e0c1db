package tables

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// MaxRows bounds a table; those of the shop, of signing in, of maps and of the welcome have bounds of their own.
	MaxRows = 2000
	// MaxFile bounds a file, in bytes.
	MaxFile = 256 << 10

	maxShop    = 200 // rows: they are sent to a client in one message, and the counters of all read at once
	maxSignIn  = 366 // rows: days
	maxMaps    = 200 // rows
	maxWelcome = 10  // rows: all are sent while a player is created

	maxProblems = 20 // of one file, which is enough to see what is wrong with it
)

// The names of the tables; each is a file NAME.csv.
const (
	Currencies = "currencies"
	Items      = "items"
	Shop       = "shop"
	SignIn     = "sign_in"
	Products   = "products"
	Levels     = "levels"
	Rewards    = "rewards"
	Modes      = "modes"
	Maps       = "maps"
	Welcome    = "welcome"
)

// Names is every table, in the order in which they are read.
func Names() []string {
	return []string{Currencies, Items, Products, Levels, Modes, Shop, SignIn, Rewards, Maps, Welcome}
}

// A Problem is one thing that is wrong with a table.
type Problem struct {
	File   string // "shop.csv"
	Row    int    // the line in the file, from 1; 0: the file itself
	Column string // its name; "" when the row is wrong as a whole
	What   string
}

// Error is the problem on one line: `shop.csv:3: limit: is "x"; must be a whole number, 0 to 1000000000`.
func (p *Problem) Error() string {
	at := p.File
	if p.Row > 0 {
		at = fmt.Sprintf("%s:%d", p.File, p.Row)
	}
	if p.Column != "" {
		at += ": " + p.Column
	}
	return at + ": " + p.What
}

// Parse reads every table. Its error joins a [*Problem] for everything that is wrong.
func Parse(fsys fs.FS) (*Tables, error) {
	return ParseTexts(func(name string) (string, error) {
		file, err := fsys.Open(name + ".csv")
		if err != nil {
			return "", err
		}
		defer func() { _ = file.Close() }() // nothing was written
		content, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
		return string(content), err
	})
}

// ParseTexts is Parse of what text returns for each of [Names].
func ParseTexts(text func(name string) (string, error)) (*Tables, error) {
	p := newParser()
	for _, name := range Names() {
		content, err := text(name)
		p.begin(name)
		if err != nil {
			p.problem(0, "", "cannot be read: %v", err)
			continue
		}
		p.table(name, content)
	}
	p.resolve()
	if err := errors.Join(p.problems...); err != nil {
		return nil, err
	}
	return p.tables, p.tables.seal()
}

// CheckText is everything that is wrong with one table by itself, as [Parse] says it, or nil. References to other tables are not looked at.
func CheckText(name, content string) error {
	p := newParser()
	p.begin(name)
	p.table(name, content)
	return errors.Join(p.problems...)
}

// A parser collects rows and problems.
type parser struct {
	tables   *Tables
	problems []error
	file     string
	counts   map[string]int // of problems, by file
	refs     []ref
}

func newParser() *parser {
	return &parser{
		tables: &Tables{items: map[string]Item{}, modes: map[string]int{}, Shop: []ShopEntry{}, SignIn: []Goods{}, Maps: []Map{}, Welcome: []Letter{}},
		counts: map[string]int{},
	}
}

func (p *parser) begin(name string) { p.file = name + ".csv" }

func (p *parser) problem(row int, column, format string, args ...any) {
	p.counts[p.file]++
	if p.counts[p.file] == maxProblems+1 {
		p.problems = append(p.problems, &Problem{File: p.file, What: "more is wrong with it, which is left out here"})
	}
	if p.counts[p.file] > maxProblems {
		return
	}
	p.problems = append(p.problems, &Problem{File: p.file, Row: row, Column: column, What: fmt.Sprintf(format, args...)})
}

// table reads one table.
func (p *parser) table(name, content string) {
	if len(content) > MaxFile {
		p.problem(0, "", "has more than %d bytes", MaxFile)
		return
	}
	if !utf8.ValidString(content) {
		p.problem(0, "", "is not UTF-8")
		return
	}
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix([]byte(content), []byte("\ufeff")))) // spreadsheets write a byte order mark
	reader.FieldsPerRecord = -1
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		p.problem(0, "", "is empty; its first line must name the columns")
		return
	}
	if err != nil {
		p.problem(lineOf(err), "", "is no CSV: %s", reasonOf(err))
		return
	}
	t := p.layout(name)
	columns, ok := p.columns(header, t.columns, t.optional)
	if !ok {
		return
	}
	rows := 0
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.problem(lineOf(err), "", "is no CSV: %s", reasonOf(err))
			return
		}
		line, _ := reader.FieldPos(0)
		if rows++; rows > maxRows(name) {
			p.problem(line, "", "the table has more than %d rows", maxRows(name))
			return
		}
		if len(cells) != len(header) {
			p.problem(line, "", "has %d cells and not %d, as many as the first line", len(cells), len(header))
			continue
		}
		t.read(&row{p: p, line: line, columns: columns, cells: cells})
	}
	if rows == 0 && name != Shop && name != SignIn && name != Maps && name != Welcome { // a game may sell and give nothing, have no fields and welcome nobody
		p.problem(0, "", "has no rows")
		return
	}
}

// maxRows bounds that table.
func maxRows(table string) int {
	switch table {
	case Shop:
		return maxShop
	case SignIn:
		return maxSignIn
	case Maps:
		return maxMaps
	case Welcome:
		return maxWelcome
	}
	return MaxRows
}

// columns finds where the columns are, by the table's first line, which names those that are wanted, those of the optional ones that are there, and nothing else.
func (p *parser) columns(header, wanted, optional []string) (map[string]int, bool) {
	before := p.counts[p.file]
	columns := map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		if _, twice := columns[name]; twice {
			p.problem(1, "", "the column %q is there twice", shorten(name))
		} else if !slices.Contains(wanted, name) && !slices.Contains(optional, name) {
			p.problem(1, "", "there is no column %q; there are %s", shorten(name), strings.Join(slices.Concat(wanted, optional), ", "))
		}
		columns[name] = i
	}
	for _, name := range wanted {
		if _, there := columns[name]; !there {
			p.problem(1, name, "the column is missing")
		}
	}
	return columns, p.counts[p.file] == before
}

func lineOf(err error) int {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return parse.Line
	}
	return 0
}

func reasonOf(err error) string {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return parse.Err.Error()
	}
	return err.Error()
}
