package gm

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"loumiao/framework/fault"
	"loumiao/game/store/operator"
)

// A kind is how a field is asked for in a form.
type kind string

// Kinds of fields.
const (
	number  kind = "number"
	line    kind = "line"
	block   kind = "block"
	amounts kind = "amounts" // "gold 100", one a line
	yes     kind = "yes"     // "on" or nothing
	role    kind = "role"
	file    kind = "file"   // a long text, taken as it is but for line ends
	hidden  kind = "hidden" // a number that a form carries along
	again   kind = "again"  // what the act is done to, typed once more; no link fills it in
)

// A field is one of an act's form, and of its JSON, where all are texts as well.
type field struct {
	name, label string
	kind        kind
	must        bool            // it must be given
	role        operator.Role   // who may give it; empty: whoever may do the act
	offers      func() []string // what can be named in it, shown beside it; nil: nothing is
	personal    bool            // it may say something about a player: the audit, where it would stand for ever, has only that it was given
}

// open is whether who has the role may give it.
func (f field) open(to operator.Role) bool { return f.role == "" || to.Covers(f.role) }

// values is what was given for the fields of an act. Reading one that is wrong gives its zero, and an error that err returns. It is not safe for concurrent use.
type values struct {
	given map[string]string
	errs  map[string]string // by field: reading one twice is one error
}

func (v *values) bad(name, why string) {
	if v.errs == nil {
		v.errs = map[string]string{}
	}
	v.errs[name] = why
}

// err is everything that was wrong so far, as one fault.Invalid.
func (v *values) err() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(v.errs)) {
		errs = append(errs, errors.New(name+": "+v.errs[name]))
	}
	if err := errors.Join(errs...); err != nil {
		return fault.New(fault.Invalid, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// check finds what the act does not have, and what is not of its kind.
func (v *values) check(fields []field) {
	for name := range v.given {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == name }) {
			v.bad(name, "there is no such field")
		}
	}
	for _, f := range fields {
		if f.must && v.text(f.name) == "" {
			v.bad(f.name, "must be given")
		}
		switch f.kind {
		case number, hidden:
			v.number(f.name)
		case amounts:
			v.amounts(f.name)
		case yes:
			v.yes(f.name)
		}
	}
}

func (v *values) text(name string) string { return strings.TrimSpace(v.raw(name)) }

// raw is a text as it is, but for line ends: browsers send CRLF.
func (v *values) raw(name string) string { return strings.ReplaceAll(v.given[name], "\r\n", "\n") }

func (v *values) number(name string) int64 {
	if v.text(name) == "" {
		return 0
	}
	n, err := strconv.ParseInt(v.text(name), 10, 64)
	if err != nil {
		v.bad(name, "must be a whole number")
	}
	return n
}

func (v *values) bounded(name string, most int64) int64 {
	n := v.number(name)
	if n < 0 || n > most {
		v.bad(name, "must be 0 to "+strconv.FormatInt(most, 10))
		return 0
	}
	return n
}

func (v *values) area(name string) uint16 { return uint16(v.bounded(name, 1<<16-1)) }
func (v *values) level(name string) int32 { return int32(v.bounded(name, 1<<31-1)) }

func (v *values) yes(name string) bool {
	switch v.text(name) {
	case "":
		return false
	case "on":
		return true
	}
	v.bad(name, `must be "on", or empty`)
	return false
}

func (v *values) amounts(name string) map[string]int64 {
	all := map[string]int64{}
	for row := range strings.Lines(v.text(name)) {
		words := strings.Fields(row)
		if len(words) == 0 {
			continue
		}
		if len(words) != 2 {
			v.bad(name, "each line must be a name and an amount")
			return nil
		}
		n, err := strconv.ParseInt(words[1], 10, 64)
		if _, twice := all[words[0]]; err != nil || twice {
			v.bad(name, "each line must be a name, once, and a whole amount")
			return nil
		}
		all[words[0]] = n
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// json is what was given, for the audit: of personal fields only how long they are.
func (v *values) json(fields []field) json.RawMessage {
	kept := maps.Clone(v.given)
	for _, f := range fields {
		if text := kept[f.name]; f.personal && text != "" {
			kept[f.name] = fmt.Sprintf("(%d characters)", utf8.RuneCountInString(text))
		}
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return nil // cannot be: they are strings
	}
	return text
}

func newID() string { return rand.Text() }
