package gm

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

type colour [3]float64 // red, green, blue; 0 to 255

// over is the colour that is seen where c lies over another, as opaque as alpha says.
func (c colour) over(back colour, alpha float64) (seen colour) {
	for i := range seen {
		seen[i] = alpha*c[i] + (1-alpha)*back[i]
	}
	return seen
}

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	var l [3]float64
	for i, part := range c {
		if l[i] = part / 255 / 12.92; part/255 > 0.04045 {
			l[i] = math.Pow((part/255+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// colours is what the stylesheet calls its colours, in its n-th scheme.
func colours(t *testing.T, sheet string, n int) map[string]colour {
	t.Helper()
	block := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(sheet, -1)[n][1]
	found := map[string]colour{}
	for _, v := range regexp.MustCompile(`--(\w+): ([^;]+);`).FindAllStringSubmatch(block, -1) {
		var c colour
		text := v[2] // "#rgb", "#rrggbb" or three numbers
		if hex, ok := strings.CutPrefix(text, "#"); ok {
			if len(hex) == 3 {
				hex = strings.Repeat(hex[:1], 2) + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:], 2)
			}
			n, err := strconv.ParseUint(hex, 16, 24)
			if err != nil {
				t.Fatal(err)
			}
			text = fmt.Sprint(n>>16, n>>8&0xff, n&0xff)
		}
		if _, err := fmt.Sscan(text, &c[0], &c[1], &c[2]); err != nil {
			t.Fatalf("--%s: %s is no colour: %v", v[1], v[2], err)
		}
		found[v[1]] = c
	}
	return found
}

// TestContrast: in both schemes texts stand out from what they stand on, and so do edges of fields and the mark of the focus. The bounds are those of WCAG 2.2, AA.
func TestContrast(t *testing.T) {
	t.Parallel()
	data, err := files.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	const ofText, ofEdges = 4.5, 3
	for n, scheme := range []string{"light", "dark"} {
		is := colours(t, string(data), n)
		check := func(name string, front, back colour, least float64) {
			if got := contrast(front, back); got < least {
				t.Errorf("%s: %s has %.2f; must have %.1f", scheme, name, got, least)
			}
		}
		for back, fronts := range map[string]string{
			"back": "text dim link good bad odd", "card": "text dim link good bad odd", "soft": "text dim link", "link": "on", "bad": "on", "plus": "text", "minus": "text",
		} {
			for _, front := range strings.Fields(fronts) {
				check(front+" on "+back, is[front], is[back], ofText)
			}
		}
		for _, back := range []string{"back", "card"} {
			check("edge on "+back, is["edge"], is[back], ofEdges)
			check("focus on "+back, is["link"], is[back], ofEdges)
		}
		cells := regexp.MustCompile(`\.h\d+ \{ background: rgb\(var\(--heat\) / (\d+)%\)`).FindAllStringSubmatch(string(data), -1)
		if len(cells) != 10 {
			t.Fatalf("%d cells of the heat map", len(cells))
		}
		for _, cell := range cells {
			percent, _ := strconv.Atoi(cell[1]) // digits
			check("text on heat of "+cell[1], is["text"], is["heat"].over(is["card"], float64(percent)/100), ofText)
		}
	}
}
