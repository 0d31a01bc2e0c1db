package name_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"loumiao/framework/fault"
	"loumiao/game/name"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	rules := name.Defaults()
	if err := rules.Validate(); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"Ada":              "Ada",
		"Zoé":              "Zoé",
		"Zoe\u0301":        "Zoé", // the same in its normal form
		"x_1-y 2":          "x_1-y 2",
		"龙王":               "龙王",
		"かな カナ":            "かな カナ",
		"한글":               "한글",
		"Жанна":            "Жанна",
		"สมชาย":            "สมชาย",
		"ไม้":              "ไม้",
		"Sigma":            "Sigma", // has "gm" in it, but not as a word
		"龙Dragon":          "龙Dragon",
		"1234567890123456": "1234567890123456",
		"𠮷野":               "𠮷野",
	} {
		if got, err := rules.Check(text); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for what, text := range map[string]string{
		"nothing":                "",
		"too short":              "A",
		"too long":               strings.Repeat("a", 17),
		"far too long":           strings.Repeat("a", 1_000_000),
		"not UTF-8":              "A\xffb",
		"a tab":                  "A\tb",
		"a line":                 "A\nb",
		"a leading space":        " Ada",
		"a trailing hyphen":      "Ada-",
		"two spaces":             "Ada  B",
		"a no-break space":       "Ada\u00a0B",
		"an ideographic space":   "Ada\u3000B",
		"an em space":            "Ada\u2003B",
		"a zero-width space":     "Ada\u200bB",
		"a zero-width joiner":    "Ada\u200dB",
		"a soft hyphen":          "Ada\u00adB",
		"a Hangul filler":        "Ada\u3164",
		"a combining joiner":     "Ada\u034f",
		"a variation selector":   "龙\ufe00王",
		"a direction override":   "Ada\u202eB",
		"a braille blank":        "Ada\u2800B",
		"wide letters":           "ＡＤＡ",
		"bold letters":           "𝐀𝐝𝐚",
		"a ligature":             "ﬁnn",
		"Cyrillic among Latin":   "Аda",
		"Greek among Latin":      "Αda",
		"three accents":          "a\u0320\u0331\u0332b",
		"an accent alone":        "\u0301da",
		"an accent on a space":   "a \u0301b",
		"a symbol":               "Ada★",
		"an emoji":               "Ada😀",
		"markup":                 "<b>Ada",
		"other digits":           "Ada٣",
		"a script not allowed":   "ᚠᚢᚦ",
		"a reserved word":        "Admin",
		"a reserved word inside": "The GM",
		"a reserved word apart":  "g-m",
		"an unassigned":          "Ada\U000e0fff",
	} {
		if got, err := rules.Check(text); fault.CodeOf(err) != fault.Invalid || got != "" {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	err := name.Rules{Min: 3, Max: 2, Scripts: []string{"Klingon", "Common"}, Reserved: []string{"", "GM"}}.Validate()
	for _, want := range []string{"min and max", "scripts[0]", "scripts[1]", "reserved[0]", "reserved[1]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported: %v", want, err)
		}
	}
	if err := (name.Rules{Min: 1, Max: 2}).Validate(); err == nil || !strings.Contains(err.Error(), "scripts") {
		t.Errorf("no scripts: %v", err)
	}
}

// FuzzCheck: what is let through is what the rules say, and stays as it is when it is checked again.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{"Ada", "Zoe\u0301", "龙 王", "A\u200bb", "ＡＤＡ", "Аda", "a-", "\xff"} {
		f.Add(seed)
	}
	rules := name.Defaults()
	f.Fuzz(func(t *testing.T, text string) {
		got, err := rules.Check(text)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		again, err := rules.Check(got)
		n := utf8.RuneCountInString(got)
		if err != nil || again != got || !norm.NFC.IsNormalString(got) || n < rules.Min || n > rules.Max || len(got) > name.MaxBytes {
			t.Errorf("%q became %q and then %q, %v", text, got, again, err)
		}
		for _, c := range got {
			if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || unicode.IsSpace(c) && c != ' ' {
				t.Errorf("%q has %U", got, c)
			}
		}
	})
}

func TestKey(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"Ada", "ada", "ADA", "\uff21\uff44\uff41"}, {"Zo\u00e9 2", "zoe\u0301 2", "ZO\u00c9 2"}, {"Stra\u00dfe", "STRASSE"}, {"\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3"},
		{"\u30ab\u30ad", "\uff76\uff77"},
	} {
		for _, n := range same[1:] {
			if name.Key(n) != name.Key(same[0]) {
				t.Errorf("%q is %q, and %q is %q", n, name.Key(n), same[0], name.Key(same[0]))
			}
		}
	}
	for _, differ := range [][2]string{{"Ada", "Ad\u00e1"}, {"a-b", "a b"}, {"ab", "abc"}} {
		if name.Key(differ[0]) == name.Key(differ[1]) {
			t.Errorf("%q is %q", differ[0], differ[1])
		}
	}
}

// FuzzKey: a key is its own key, and that of a name which is allowed is short.
func FuzzKey(f *testing.F) {
	for _, seed := range []string{"Ada", "\ufdfa", "Stra\u00dfe", "\u0130", "\u1e9e", "a\u0345\u0301"} {
		f.Add(seed)
	}
	rules := name.Defaults()
	f.Fuzz(func(t *testing.T, text string) {
		key := name.Key(text)
		if again := name.Key(key); again != key {
			t.Errorf("%q has the key %q, and that %q", text, key, again)
		}
		if allowed, err := rules.Check(text); err == nil && len(name.Key(allowed)) > 255 {
			t.Errorf("%q has a key of %d bytes", text, len(name.Key(allowed)))
		}
	})
}
