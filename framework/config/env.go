package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// fileSuffix ends the name of a variable that holds the path of a file with a secret.
const fileSuffix = "_FILE"

// A variable is a setting under its name in the environment.
type variable struct {
	path string
	typ  reflect.Type
	rule rule
	walk [][]int // from the root, one index a section; pointers in between
	file bool    // the value is the path of a file that holds it
}

// env sets v from a source of environment variables.
func (l *loader) env(s Source, v reflect.Value) {
	known := l.variables(s.prefix, v.Type())
	for _, entry := range s.environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, s.prefix) {
			continue
		}
		to, ok := known[name]
		if !ok {
			names := make([]string, 0, len(known))
			for n := range known {
				names = append(names, n)
			}
			if near := nearest(name, names); near != "" {
				l.problem(name, "", "unknown variable; did you mean %s?", near)
			} else {
				l.problem(name, "", "unknown variable; no setting has this name")
			}
			continue
		}
		l.set[to.path] = name
		if what := setVariable(v, to, text); what != "" {
			l.problem(name, to.path, "%s", what)
		}
	}
}

// variables is every setting that the environment can name. Two settings with one name are reported: neither can be set.
func (l *loader) variables(prefix string, t reflect.Type) map[string]variable {
	known := map[string]variable{}
	add := func(name string, v variable) {
		if other, ok := known[name]; ok && other.path != v.path {
			l.problem(name, v.path, "has the same variable as %s: one of the two keys has to be renamed", other.path)
			return
		}
		known[name] = v
	}
	var visit func(t reflect.Type, path string, walk [][]int, inside []reflect.Type)
	visit = func(t reflect.Type, path string, walk [][]int, inside []reflect.Type) {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if slices.Contains(inside, t) {
			return // a type that contains itself has no end of names
		}
		for _, f := range fieldsOf(t) {
			v := variable{path: join(path, f.key), typ: f.typ, rule: f.rule, walk: append(slices.Clone(walk), f.index)}
			if isSection(f.typ) {
				visit(f.typ, v.path, v.walk, append(slices.Clone(inside), t))
				continue
			}
			name := prefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(v.path))
			add(name, v)
			if f.typ == secretType {
				v.file = true
				add(name+fileSuffix, v)
			}
		}
	}
	visit(t, "", nil, nil)
	return known
}

// setVariable sets the setting in root and returns what is wrong, or "".
func setVariable(root reflect.Value, to variable, text string) string {
	v := root
	for _, index := range to.walk {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.FieldByIndex(index)
	}
	t := v.Type()
	switch {
	case to.file:
		secret, err := readSecret("", text)
		if err != nil {
			return err.Error()
		}
		v.SetString(string(secret))
		return ""
	case isPlain(t):
		return setPlain(v, text, to.rule)
	case t.Kind() == reflect.Slice && isPlain(t.Elem()):
		return setList(v, text, to.rule)
	case t.Kind() == reflect.Map && isPlain(t.Elem()) && isPlain(t.Key()):
		return setTable(v, text, to.rule)
	}
	return "cannot come from the environment; set it in a file"
}

func setList(v reflect.Value, text string, r rule) string {
	var items []string
	if text != "" {
		items = strings.Split(text, ",")
	}
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if what := setPlain(list.Index(i), strings.TrimSpace(item), r); what != "" {
			return fmt.Sprintf("item %d: %s", i+1, what)
		}
	}
	v.Set(list)
	return ""
}

func setTable(v reflect.Value, text string, r rule) string {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	if text == "" {
		return ""
	}
	for i, item := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(item, "=")
		if !ok {
			return fmt.Sprintf("item %d has no '='; must be written a=1,b=2", i+1)
		}
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if what := setPlain(key, strings.TrimSpace(name), rule{}); what != "" {
			return fmt.Sprintf("item %d: %s", i+1, what)
		}
		if what := setPlain(elem, strings.TrimSpace(value), r); what != "" {
			return fmt.Sprintf("item %d: %s", i+1, what)
		}
		v.SetMapIndex(key, elem)
	}
	return ""
}
