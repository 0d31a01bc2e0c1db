package gm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	shownDepth = 8   // of what is in what; deeper is shown as JSON
	briefText  = 120 // characters of a text in a table
)

// asHTML shows anything that has a JSON form: objects as lists of names and values, lists as they come, times that are milliseconds as times.
func asHTML(value any) template.HTML {
	var b strings.Builder
	writeValue(&b, "", decoded(value), 0)
	return template.HTML(b.String()) //nolint:gosec // every text is escaped where it is written
}

// decoded is the JSON form of a value: nil, bool, json.Number, string, []any or map[string]any.
func decoded(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var out any
	if in.Decode(&out) != nil {
		return nil
	}
	return out
}

func writeValue(b *strings.Builder, name string, value any, depth int) {
	switch v := value.(type) {
	case map[string]any:
		if depth == shownDepth || len(v) == 0 {
			writeText(b, name, value)
			return
		}
		b.WriteString("<dl>")
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if v[key] == nil {
				continue
			}
			b.WriteString("<dt>" + template.HTMLEscapeString(label(key)) + "</dt><dd>")
			writeValue(b, key, v[key], depth+1)
			b.WriteString("</dd>")
		}
		b.WriteString("</dl>")
	case []any:
		if depth == shownDepth || len(v) == 0 {
			writeText(b, name, value)
			return
		}
		b.WriteString("<ul>")
		for _, one := range v {
			b.WriteString("<li>")
			writeValue(b, name, one, depth+1)
			b.WriteString("</li>")
		}
		b.WriteString("</ul>")
	default:
		writeText(b, name, value)
	}
}

func writeText(b *strings.Builder, name string, value any) {
	text := plain(name, value)
	if strings.Contains(text, "\n") {
		b.WriteString("<pre>" + template.HTMLEscapeString(text) + "</pre>")
		return
	}
	b.WriteString(template.HTMLEscapeString(text))
}

// label is a JSON field's name for people.
func label(name string) string { return strings.ReplaceAll(strings.TrimSuffix(name, "_ms"), "_", " ") }

// plain is a value on its own as text.
func plain(name string, value any) string {
	switch v := value.(type) {
	case nil:
		return "–"
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case string:
		return cmp.Or(v, "–")
	case map[string]any:
		if len(v) == 0 {
			return "–"
		}
	case []any:
		if len(v) == 0 {
			return "–"
		}
	case json.Number:
		if ms, err := v.Int64(); err == nil && strings.HasSuffix(name, "_ms") {
			if ms == 0 {
				return "–"
			}
			return stamp(time.UnixMilli(ms)) + " UTC"
		}
		return v.String()
	}
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(text)
}

// A change is a part of something that was another before.
type change struct{ Name, Before, After string }

// changes is what is different after an act, by name. An act that nothing came of changes nothing.
func changes(before, after json.RawMessage) []change {
	was, is := map[string]string{}, map[string]string{}
	flatten(was, "", "", decoded(before), 0)
	flatten(is, "", "", decoded(after), 0)
	if len(is) == 0 || string(after) == "null" {
		return nil
	}
	var list []change
	for name := range was {
		if is[name] != was[name] {
			list = append(list, change{name, was[name], is[name]})
		}
	}
	for name := range is {
		if _, had := was[name]; !had {
			list = append(list, change{name, "", is[name]})
		}
	}
	slices.SortFunc(list, func(a, b change) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func flatten(into map[string]string, path, name string, value any, depth int) {
	at := func(part string) string {
		if path == "" {
			return label(part)
		}
		return path + " › " + label(part)
	}
	switch v := value.(type) {
	case map[string]any:
		if depth < shownDepth {
			for key, one := range v {
				flatten(into, at(key), key, one, depth+1)
			}
			return
		}
	case []any:
		if depth < shownDepth {
			for i, one := range v {
				flatten(into, at(strconv.Itoa(i+1)), name, one, depth+1)
			}
			return
		}
	case nil:
		return
	}
	into[path] = plain(name, value)
}

// size is bytes for people.
func size(n uint64) string {
	const kilo = 1024
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= kilo && i < len(units)-1 {
		f, i = f/kilo, i+1
	}
	if i == 0 || f >= 100 {
		return fmt.Sprintf("%.0f %s", f, units[i])
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// brief is the beginning of a text, on one line.
func brief(text string) string {
	first, _, more := strings.Cut(text, "\n")
	if n := utf8.RuneCountInString(first); n > briefText {
		first, more = string([]rune(first)[:briefText]), true
	}
	if more {
		return first + " …"
	}
	return first
}
