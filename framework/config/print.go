package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Print writes v, a struct as for [Load] or a pointer to one, as YAML: with defaults filled in, doc tags as comments and secrets masked.
// Without the secrets, the output loads again.
func Print(w io.Writer, v any) error {
	value := reflect.Indirect(reflect.ValueOf(v))
	if value.Kind() != reflect.Struct {
		return fmt.Errorf("config: cannot print %T: must be a struct", v)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(nodeOf(value)); err != nil {
		return fmt.Errorf("config: print: %w", err)
	}
	return enc.Close()
}

func nodeOf(v reflect.Value) *yaml.Node {
	t := v.Type()
	if isPlain(t) {
		return plainNode(v)
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
		}
		return nodeOf(v.Elem())
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range fieldsOf(t) {
			value := v.FieldByIndex(f.index)
			if value.Kind() == reflect.Pointer && value.IsNil() {
				continue // not set: Load would call a plain key without a value a mistake
			}
			key := &yaml.Node{Kind: yaml.ScalarNode, Value: f.key, HeadComment: f.comment()}
			n.Content = append(n.Content, key, nodeOf(value))
		}
		return n
	case reflect.Slice, reflect.Array:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		plain := isPlain(t.Elem())
		for i := range v.Len() {
			n.Content = append(n.Content, nodeOf(v.Index(i)))
		}
		if plain || v.Len() == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range sortedKeys(v) {
			n.Content = append(n.Content, nodeOf(key), nodeOf(v.MapIndex(key)))
		}
		if v.Len() == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	}
	return textNode(fmt.Sprint(v.Interface()))
}

func plainNode(v reflect.Value) *yaml.Node {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
		}
		return plainNode(v.Elem())
	}
	text := plainText(v)
	if v.Type() == durationType || v.Kind() == reflect.Bool || v.CanInt() || v.CanUint() || v.CanFloat() {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	}
	return textNode(text)
}

// textNode is quoted where YAML would take the bare text for something else.
func textNode(text string) *yaml.Node {
	var n yaml.Node
	n.SetString(text)
	return &n
}

// comment is the doc tag, and the bounds where there are any.
func (f field) comment() string {
	parts := []string{f.doc}
	if len(f.rule.oneof) > 0 {
		parts = append(parts, f.rule.allowed(f.typ))
	} else if f.rule.min != "" || f.rule.max != "" {
		parts = append(parts, f.rule.span("", ""))
	}
	var text []string
	for _, p := range parts {
		if p != "" {
			text = append(text, p)
		}
	}
	return strings.Join(text, "; ")
}
