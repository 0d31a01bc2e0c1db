package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A field is one key of a struct.
type field struct {
	key   string
	index []int // through inlined structs
	typ   reflect.Type
	doc   string
	rule  rule
}

// A rule is what the tags allow; "" where they say nothing.
type rule struct {
	min, max string
	oneof    []string
}

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// fieldsOf is the keys of a struct, inlined ones included, in order.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		inline := strings.Contains(","+options+",", ",inline,")
		if name == "-" || !sf.IsExported() && !(inline && sf.Anonymous) {
			continue
		}
		if inline && sf.Type.Kind() == reflect.Struct {
			for _, inner := range fieldsOf(sf.Type) {
				inner.index = append([]int{i}, inner.index...)
				fields = append(fields, inner)
			}
			continue
		}
		if name == "" {
			name = strings.ToLower(sf.Name)
		}
		fields = append(fields, field{
			key:   name,
			index: []int{i},
			typ:   sf.Type,
			doc:   sf.Tag.Get("doc"),
			rule:  rule{min: sf.Tag.Get("min"), max: sf.Tag.Get("max"), oneof: strings.Fields(sf.Tag.Get("oneof"))},
		})
	}
	return fields
}

func keysOf(fields []field) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}

// isPlain reports whether a value of the type is written as one word or text.
func isPlain(t reflect.Type) bool {
	if t == secretType || reflect.PointerTo(t).Implements(textType) {
		return true
	}
	switch t.Kind() {
	case reflect.Pointer:
		return isPlain(t.Elem())
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

// isSection reports whether a value of the type is a mapping of fixed keys.
func isSection(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && !isPlain(t)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// allowed says in words what a value of the type may be, for problems and comments.
func (r rule) allowed(t reflect.Type) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if len(r.oneof) > 0 {
		return "one of " + strings.Join(r.oneof, ", ")
	}
	if t == durationType {
		return strings.TrimSpace(r.span("", "") + ", such as 10s or 1h30m")
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := t.Bits()
		return "a whole number, " + r.span(strconv.FormatInt(-1<<(bits-1), 10), strconv.FormatInt(1<<(bits-1)-1, 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, " + r.span("0", strconv.FormatUint(1<<t.Bits()-1, 10))
	case reflect.Float32, reflect.Float64:
		if r.min == "" && r.max == "" {
			return "a number"
		}
		return "a number, " + r.span("", "")
	}
	return "text"
}

// span is the rule's bounds in words, or those of the type where the rule has none.
func (r rule) span(min, max string) string {
	if r.min != "" {
		min = r.min
	}
	if r.max != "" {
		max = r.max
	}
	switch {
	case min != "" && max != "":
		return min + " to " + max
	case min != "":
		return "at least " + min
	case max != "":
		return "at most " + max
	}
	return "a duration"
}

// check is what is wrong with v by the tags, or "". A tag that cannot be read is reported as the programmer's mistake that it is.
func (r rule) check(v reflect.Value) string {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if what := r.check(v.Index(i)); what != "" {
				return fmt.Sprintf("item %d %s", i+1, what)
			}
		}
		return ""
	case reflect.Map:
		for _, key := range sortedKeys(v) {
			if what := r.check(v.MapIndex(key)); what != "" {
				return fmt.Sprintf("%v %s", key, what)
			}
		}
		return ""
	}
	if len(r.oneof) > 0 {
		if v.Kind() != reflect.String {
			return "has a oneof tag, which is for strings only"
		}
		for _, o := range r.oneof {
			if v.String() == o {
				return ""
			}
		}
		return fmt.Sprintf("is %q; must be %s", v.String(), r.allowed(v.Type()))
	}
	for _, bound := range []struct {
		tag   string
		wrong int
	}{{r.min, -1}, {r.max, +1}} {
		if bound.tag == "" {
			continue
		}
		limit := reflect.New(v.Type()).Elem()
		if what := setPlain(limit, bound.tag, rule{}); what != "" {
			return fmt.Sprintf("has an unreadable bound %q in its tags", bound.tag)
		}
		c, ok := compare(v, limit)
		if !ok {
			return "has bounds in its tags, which are for numbers and durations only"
		}
		if c == bound.wrong {
			return fmt.Sprintf("is %s; must be %s", plainText(v), r.allowed(v.Type()))
		}
	}
	return ""
}
