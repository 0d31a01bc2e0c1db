package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Load sets dst, a pointer to a struct that holds the defaults, from the sources, each over the one before, and validates the result.
// The error is an [*Error] with every problem; dst then holds what could be read. Load is safe for concurrent use with different dst.
func Load(dst any, sources ...Source) error {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("config: cannot load into %T: must be a pointer to a struct", dst)
	}
	l := &loader{set: map[string]string{}, failed: map[string]bool{}}
	for _, s := range sources {
		switch {
		case s.open != nil:
			l.yaml(s, v.Elem())
		case s.environ != nil:
			l.env(s, v.Elem())
		}
	}
	l.validating = true
	l.validate(v.Elem(), "")
	if len(l.problems) > 0 {
		return &Error{Problems: l.problems}
	}
	return nil
}

// Check validates v, a struct as for [Load] or a pointer to one, without reading anything: for a configuration that was changed after it
// was loaded. The error is an [*Error].
func Check(v any) error {
	given := reflect.Indirect(reflect.ValueOf(v))
	if given.Kind() != reflect.Struct {
		return fmt.Errorf("config: cannot check %T: must be a struct", v)
	}
	addressable := reflect.New(given.Type()).Elem() // methods may want an address
	addressable.Set(given)
	l := &loader{set: map[string]string{}, failed: map[string]bool{}, validating: true}
	l.validate(addressable, "")
	if len(l.problems) > 0 {
		return &Error{Problems: l.problems}
	}
	return nil
}

// loader collects problems and remembers where each setting came from.
type loader struct {
	problems []Problem
	set      map[string]string // where, by key path
	failed   map[string]bool   // key paths whose value could not be read

	validating bool
}

func (l *loader) problem(where, path, format string, args ...any) {
	if !l.validating {
		l.failed[path] = true
	}
	p := Problem{Where: where, Key: path, What: fmt.Sprintf(format, args...)}
	if !slices.Contains(l.problems, p) {
		l.problems = append(l.problems, p)
	}
}

// validate applies the tags and the Validate methods to v and everything in it, innermost first.
func (l *loader) validate(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			l.validate(v.Elem(), path)
		}
		return
	case reflect.Struct:
		if isPlain(v.Type()) {
			break
		}
		for _, f := range fieldsOf(v.Type()) {
			at, value := join(path, f.key), v.FieldByIndex(f.index)
			l.validate(value, at)
			if l.failed[at] {
				continue // the value is not the one that was meant
			}
			if what := f.rule.check(value); what != "" {
				l.problem(l.set[at], at, "%s", what)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			l.validate(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Map:
		for _, key := range sortedKeys(v) {
			elem := reflect.New(v.Type().Elem()).Elem() // a map's values have no address, and methods may want one
			elem.Set(v.MapIndex(key))
			l.validate(elem, join(path, fmt.Sprint(key.Interface())))
		}
	}
	l.callValidate(v, path)
}

func (l *loader) callValidate(v reflect.Value, path string) {
	if v.CanAddr() {
		v = v.Addr()
	}
	validator, ok := v.Interface().(interface{ Validate() error })
	if !ok {
		return
	}
	for _, err := range flatten(validator.Validate()) {
		at, what := path, err.Error()
		// A message that begins with a key of this struct is about that key.
		if key, rest, ok := strings.Cut(what, ": "); ok && reflect.Indirect(v).Kind() == reflect.Struct {
			first, _, _ := strings.Cut(key, ".")
			first, _, _ = strings.Cut(first, "[")
			if slices.Contains(keysOf(fieldsOf(reflect.Indirect(v).Type())), first) {
				at, what = join(path, key), rest
			}
		}
		if at != "" && l.failed[at] {
			continue // a consequence of what is reported already
		}
		l.problem(l.set[at], at, "%s", what)
	}
}

// flatten is the errors that errors.Join put together, one by one.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && err.Error() == errors.Join(joined.Unwrap()...).Error() {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	return []error{err}
}

func sortedKeys(m reflect.Value) []reflect.Value {
	return slices.SortedFunc(slices.Values(m.MapKeys()), func(a, b reflect.Value) int {
		return strings.Compare(fmt.Sprint(a.Interface()), fmt.Sprint(b.Interface()))
	})
}
