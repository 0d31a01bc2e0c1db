package name

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"loumiao/framework/fault"
)

const (
	// MaxBytes is the most that a name needs in UTF-8.
	MaxBytes = 64
	// maxInput bounds what is looked at, before its normal form may turn out shorter.
	maxInput = 4 * MaxBytes
	// maxMarks bounds the marks on one letter, such as accents that have no letter of their own.
	maxMarks = 2
)

// Rules are what can be configured.
type Rules struct {
	Min      int      `yaml:"min" min:"1" max:"16" doc:"fewest characters"`
	Max      int      `yaml:"max" min:"1" max:"32" doc:"most characters; no name has more than 64 bytes"`
	Scripts  []string `yaml:"scripts" doc:"scripts whose letters are allowed, by their names in Unicode, as Latin or Han"`
	Reserved []string `yaml:"reserved" doc:"words that no name may have or be, whatever their case"`
}

// Defaults allows the scripts of most players.
func Defaults() Rules {
	return Rules{
		Min: 2, Max: 16,
		Scripts:  []string{"Latin", "Han", "Hiragana", "Katakana", "Hangul", "Cyrillic", "Greek", "Thai", "Arabic", "Hebrew", "Devanagari"},
		Reserved: []string{"admin", "administrator", "gm", "moderator", "official", "support", "system"},
	}
}

// Validate reports everything that is wrong, joined; each begins with the key.
func (r Rules) Validate() error {
	var errs []error
	if r.Min < 1 || r.Max < r.Min {
		errs = append(errs, fmt.Errorf("min and max: are %d and %d; must be at least 1, and min not more than max", r.Min, r.Max))
	}
	if len(r.Scripts) == 0 {
		errs = append(errs, errors.New("scripts: there must be at least one"))
	}
	for i, s := range r.Scripts {
		if unicode.Scripts[s] == nil || s == "Common" || s == "Inherited" {
			errs = append(errs, fmt.Errorf("scripts[%d]: there is no script %q", i, s))
		}
	}
	for i, w := range r.Reserved {
		if w == "" || fold(w) != w {
			errs = append(errs, fmt.Errorf("reserved[%d]: %q is not a word in lower case, without spaces, hyphens and underscores", i, w))
		}
	}
	return errors.Join(errs...)
}

// Check returns a name in its normal form (NFC), or fault.Invalid with what is wrong with it.
func (r Rules) Check(text string) (string, error) {
	if len(text) > maxInput || !utf8.ValidString(text) {
		return "", refuse("a name is at most %d characters of UTF-8", r.Max)
	}
	name := norm.NFC.String(text)
	if n := utf8.RuneCountInString(name); n < r.Min || n > r.Max || len(name) > MaxBytes {
		return "", refuse("a name has %d to %d characters, and at most %d bytes", r.Min, r.Max, MaxBytes)
	}
	if norm.NFKC.String(name) != name {
		return "", refuse("a name has no variants of letters, such as wide ones")
	}
	if err := r.checkRunes(name); err != nil {
		return "", err
	}
	if slices.Contains(r.Reserved, fold(name)) || slices.ContainsFunc(strings.FieldsFunc(name, isSeparator), func(word string) bool {
		return slices.Contains(r.Reserved, fold(word))
	}) {
		return "", refuse("that name is reserved")
	}
	return name, nil
}

// Key is what names are compared by: equal for names that differ in case, or in which of several compatible forms of a character they have. It is for any
// text, is its own key, and may be longer than the text.
func Key(name string) string {
	for range keySteps {
		key := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
		if key == name {
			break
		}
		name = key
	}
	return name
}

// keySteps is how often folding and normalising may undo each other's work at most.
const keySteps = 4

func refuse(format string, args ...any) error { return fault.Errorf(fault.Invalid, format, args...) }

// mixable are scripts of which a name may have only one, because their letters look alike.
var mixable = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek}

// checkRunes looks at each character, and at its neighbour.
func (r Rules) checkRunes(name string) error {
	var before rune // 0 at the beginning
	var alike *unicode.RangeTable
	marks := 0
	for _, c := range name {
		switch {
		case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, c) || unicode.Is(unicode.Variation_Selector, c):
			return refuse("a name has no invisible characters")
		case isSeparator(c):
			if before == 0 || isSeparator(before) {
				return refuse("spaces, hyphens and underscores stand between other characters, one at a time")
			}
		case unicode.IsMark(c):
			if marks++; before == 0 || isSeparator(before) || marks > maxMarks || !unicode.Is(unicode.Inherited, c) && !r.allows(c) {
				return refuse("a name has no such accents: %U", c)
			}
			before = c
			continue
		case c >= '0' && c <= '9':
		case unicode.IsLetter(c) && r.allows(c):
			for _, script := range mixable {
				if !unicode.Is(script, c) {
					continue
				}
				if alike != nil && alike != script {
					return refuse("a name does not mix Latin, Cyrillic and Greek letters")
				}
				alike = script
			}
		default:
			return refuse("a name has letters, digits, and spaces, hyphens and underscores between them, and not %q", c)
		}
		before, marks = c, 0
	}
	if isSeparator(before) {
		return refuse("spaces, hyphens and underscores stand between other characters, one at a time")
	}
	return nil
}

func (r Rules) allows(c rune) bool {
	return slices.ContainsFunc(r.Scripts, func(script string) bool { return unicode.Is(unicode.Scripts[script], c) })
}

func isSeparator(c rune) bool { return c == ' ' || c == '-' || c == '_' }

// fold is a name without its case and separators.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		if isSeparator(c) {
			return -1
		}
		return unicode.ToLower(c)
	}, name)
}
