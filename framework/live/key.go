package live

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxText bounds a value's text, in bytes.
const MaxText = 256 << 10

// A Spec is what people need to know of a key.
type Spec struct {
	Name    string
	Type    string // "int", "bool", ...
	Allowed string // in words: "0 to 1000"
	Default string // its text; nodes may have another one in their files when FromFile
	Doc     string
	PerArea bool // may have another value for each area
	// FromFile is whether a node's own configuration file gives its default.
	FromFile bool
}

// A Key is a declared setting. It never changes and holds no value, so it may be a package-level variable, as a method of RPC is. What is wrong with
// a declaration, [NewSchema] says.
type Key[T any] struct {
	spec  Spec
	parse func(text string) (T, error)
	def   T
}

// An Option is a property of a key.
type Option func(*Spec)

// PerArea lets a key have another value for each area.
func PerArea() Option { return func(s *Spec) { s.PerArea = true } }

// FromFile says that the nodes' own configuration files give the default: see [Key.Or].
func FromFile() Option { return func(s *Spec) { s.FromFile = true } }

// Parsed is a key whose text parse reads. typ is for people. parse depends on nothing but the text, and its error, which may be joined of several,
// says what is wrong with it.
func Parsed[T any](name, typ, def string, parse func(text string) (T, error), doc string, options ...Option) *Key[T] {
	k := &Key[T]{spec: Spec{Name: name, Type: typ, Default: def, Doc: doc}, parse: parse}
	k.def, _ = parse(def) // NewSchema checks it
	for _, o := range options {
		o(&k.spec)
	}
	return k
}

// Bool is a key that is true or false.
func Bool(name string, def bool, doc string, options ...Option) *Key[bool] {
	k := Parsed(name, "bool", strconv.FormatBool(def), func(text string) (bool, error) {
		switch text {
		case "true", "false":
			return text == "true", nil
		}
		return false, fmt.Errorf("is %s; must be true or false", quoted(text))
	}, doc, options...)
	k.spec.Allowed = "true or false"
	return k
}

// Int is a whole number from least to most.
func Int(name string, def, least, most int64, doc string, options ...Option) *Key[int64] {
	allowed := fmt.Sprintf("%d to %d", least, most)
	k := Parsed(name, "int", strconv.FormatInt(def, 10), func(text string) (int64, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("is %s; must be a whole number, %s", quoted(text), allowed)
		}
		return n, nil
	}, doc, options...)
	k.spec.Allowed = allowed
	return k
}

// Duration is a time span from least to most.
func Duration(name string, def, least, most time.Duration, doc string, options ...Option) *Key[time.Duration] {
	allowed := fmt.Sprintf("%v to %v", least, most)
	k := Parsed(name, "duration", def.String(), func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d < least || d > most {
			return 0, fmt.Errorf("is %s; must be a duration, %s, such as 10s or 1h30m", quoted(text), allowed)
		}
		return d, nil
	}, doc, options...)
	k.spec.Allowed = allowed
	return k
}

// Text is a text of at most so many characters.
func Text(name, def string, most int, doc string, options ...Option) *Key[string] {
	k := Parsed(name, "text", def, func(text string) (string, error) {
		if n := utf8.RuneCountInString(text); n > most || !utf8.ValidString(text) {
			return "", fmt.Errorf("has %d characters; must be valid UTF-8 of at most %d", n, most)
		}
		return text, nil
	}, doc, options...)
	k.spec.Allowed = fmt.Sprintf("at most %d characters", most)
	return k
}

// OneOf is one of a few words.
func OneOf(name, def string, words []string, doc string, options ...Option) *Key[string] {
	allowed := "one of " + strings.Join(words, ", ")
	k := Parsed(name, "choice", def, func(text string) (string, error) {
		if !slices.Contains(words, text) {
			return "", fmt.Errorf("is %s; must be %s", quoted(text), allowed)
		}
		return text, nil
	}, doc, options...)
	k.spec.Allowed = allowed
	return k
}

// Spec is what people need to know of the key.
func (k *Key[T]) Spec() Spec { return k.spec }

// Check is what is wrong with a text as the key's value, or nil.
func (k *Key[T]) Check(text string) error {
	if len(text) > MaxText {
		return fmt.Errorf("has %d bytes; must be at most %d", len(text), MaxText)
	}
	_, err := k.parse(text)
	return err
}

// Read is the key's value in texts: its default where they have none. It is for [Bundle].
func (k *Key[T]) Read(texts Texts) (T, error) {
	text, ok := texts(k.spec.Name)
	if !ok {
		return k.def, nil
	}
	v, err := k.parse(text)
	if err != nil {
		return k.def, fmt.Errorf("%s %w", k.spec.Name, err)
	}
	return v, nil
}

// Of is the key's value in a set.
func (k *Key[T]) Of(s *Set) *Value[T] { return k.Or(s, k.def) }

// Or is the key's value in a set, with another default: what the node's own configuration says. The key is one with [FromFile].
func (k *Key[T]) Or(s *Set, def T) *Value[T] {
	return bind(s, []Declaration{k}, def, func(texts Texts) (T, error) {
		text, ok := texts(k.spec.Name)
		if !ok {
			return def, nil
		}
		return k.parse(text)
	})
}

func (k *Key[T]) keys() []Declaration     { return []Declaration{k} }
func (k *Key[T]) check(texts Texts) error { return nil } // each text was looked at by Check

// keyName is the form of keys' names.
var keyName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)

// maxName bounds a key's name, in bytes: it is a column.
const maxName = 96

func (s Spec) validate(check func(string) error) error {
	var errs []error
	if len(s.Name) > maxName || !keyName.MatchString(s.Name) {
		errs = append(errs, fmt.Errorf("live: key %q: the name must be lower-case words, joined by dots, of at most %d bytes", s.Name, maxName))
	}
	if s.Doc == "" {
		errs = append(errs, fmt.Errorf("live: key %q has no doc", s.Name))
	}
	if err := check(s.Default); err != nil {
		errs = append(errs, fmt.Errorf("live: key %q: the default %w", s.Name, err))
	}
	return errors.Join(errs...)
}

// quoted is a text for a message.
func quoted(text string) string {
	const most = 64
	if len(text) > most {
		return strconv.Quote(strings.ToValidUTF8(text[:most], "")) + "..."
	}
	return strconv.Quote(text)
}
