package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yaml sets v from a YAML source.
func (l *loader) yaml(s Source, v reflect.Value) {
	data, err := s.read()
	if err != nil {
		l.problem(s.name, "", "cannot be read: %v", err)
		return
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return // nothing but comments
	} else if err != nil {
		l.problem(s.syntax(err), "", "is not YAML: %s", syntaxMessage(err))
		return
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		l.problem(s.name, "", "holds more than one YAML document; must be one")
		return
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return
	}
	(&yamlReader{loader: l, source: s}).value(doc.Content[0], v, "", rule{})
}

// syntax is where a parser's error is, as far as it says so: "yaml: line 3: ...".
func (s Source) syntax(err error) string {
	if rest, ok := strings.CutPrefix(err.Error(), "yaml: line "); ok {
		if line, _, ok := strings.Cut(rest, ":"); ok {
			return s.name + ":" + line
		}
	}
	return s.name
}

func syntaxMessage(err error) string {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	if strings.HasPrefix(msg, "line ") {
		if _, rest, ok := strings.Cut(msg, ": "); ok {
			return rest
		}
	}
	return msg
}

// yamlReader sets values from the nodes of one source.
type yamlReader struct {
	*loader
	source Source
}

func (y *yamlReader) at(n *yaml.Node) string { return y.source.name + ":" + strconv.Itoa(n.Line) }

// value sets v, which is settable, from n.
func (y *yamlReader) value(n *yaml.Node, v reflect.Value, path string, r rule) {
	where := y.at(n)
	if path != "" {
		y.set[path] = where
	}
	if n.Kind == yaml.AliasNode {
		y.problem(where, path, "is a YAML alias, which is not supported; write the value out")
		return
	}
	t := v.Type()
	if t == secretType && n.Kind == yaml.MappingNode {
		y.secretFile(n, v, path)
		return
	}
	if isPlain(t) {
		y.plain(n, v, path, r)
		return
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return // a section of which everything is commented out
	}

	switch t.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(t.Elem()))
		}
		y.value(n, v.Elem(), path, r)
	case reflect.Struct:
		y.section(n, v, path)
	case reflect.Slice:
		y.list(n, v, path, r)
	case reflect.Map:
		y.table(n, v, path, r)
	default:
		y.problem(where, path, "cannot be configured: its type is %s", t)
	}
}

func (y *yamlReader) plain(n *yaml.Node, v reflect.Value, path string, r rule) {
	switch {
	case n.Kind != yaml.ScalarNode:
		y.problem(y.at(n), path, "is a %s; must be %s", kindName(n), r.allowed(v.Type()))
	case n.Tag == "!!null":
		y.problem(y.at(n), path, "has no value; must be %s", r.allowed(v.Type()))
	case n.Tag == "!!binary" || n.Tag != "" && !strings.HasPrefix(n.Tag, "!!"):
		y.problem(y.at(n), path, "has the YAML tag %s, which is not supported", clip(n.Tag))
	default:
		if what := setPlain(v, n.Value, r); what != "" {
			y.problem(y.at(n), path, "%s", what)
		}
	}
}

func (y *yamlReader) secretFile(n *yaml.Node, v reflect.Value, path string) {
	if len(n.Content) != 2 || n.Content[0].Value != "file" || n.Content[1].Kind != yaml.ScalarNode || n.Content[1].Value == "" {
		y.problem(y.at(n), path, "must be text, or {file: PATH} with the file that holds it")
		return
	}
	secret, err := readSecret(y.source.dir, n.Content[1].Value)
	if err != nil {
		y.problem(y.at(n), path, "%v", err)
		return
	}
	v.SetString(string(secret))
}

func (y *yamlReader) section(n *yaml.Node, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	y.pairs(n, path, func(key, value *yaml.Node) {
		for _, f := range fields {
			if f.key == key.Value {
				y.value(value, v.FieldByIndex(f.index), join(path, f.key), f.rule)
				return
			}
		}
		y.problem(y.at(key), join(path, clip(key.Value)), "unknown key; %s", suggest(key.Value, keysOf(fields)))
	})
}

func (y *yamlReader) table(n *yaml.Node, v reflect.Value, path string, r rule) {
	t := v.Type()
	if v.IsNil() {
		v.Set(reflect.MakeMap(t))
	}
	y.pairs(n, path, func(key, value *yaml.Node) {
		k := reflect.New(t.Key()).Elem()
		if what := y.tableKey(k, key.Value); what != "" {
			y.problem(y.at(key), join(path, clip(key.Value)), "bad key: %s", what)
			return
		}
		elem := reflect.New(t.Elem()).Elem()
		if old := v.MapIndex(k); old.IsValid() {
			elem.Set(old)
		}
		y.value(value, elem, join(path, key.Value), r)
		v.SetMapIndex(k, elem)
	})
}

func (*loader) tableKey(k reflect.Value, text string) string {
	if !isPlain(k.Type()) {
		return fmt.Sprintf("keys of type %s cannot be configured", k.Type())
	}
	return setPlain(k, text, rule{})
}

func (y *yamlReader) list(n *yaml.Node, v reflect.Value, path string, r rule) {
	if n.Kind != yaml.SequenceNode {
		y.problem(y.at(n), path, "is a %s; must be a list", kindName(n))
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		y.value(item, list.Index(i), fmt.Sprintf("%s[%d]", path, i), r)
	}
	v.Set(list)
}

// pairs calls fn for each key of a mapping and reports keys that are no text or come twice.
func (y *yamlReader) pairs(n *yaml.Node, path string, fn func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		y.problem(y.at(n), path, "is a %s; must be a section of keys and values", kindName(n))
		return
	}
	first := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		line, twice := first[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || key.Tag == "!!binary":
			y.problem(y.at(key), path, "has a key that is not plain text")
		case twice:
			y.problem(y.at(key), join(path, clip(key.Value)), "given twice; the first is on line %d", line)
		default:
			first[key.Value] = key.Line
			fn(key, n.Content[i+1])
		}
	}
}

func suggest(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "known are " + strings.Join(known, ", ")
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "section"
	case yaml.SequenceNode:
		return "list"
	}
	return "single value"
}
