package robot

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParseMix(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"arena":             "",
		"arena=5, field=1":  "",
		"arena=0,field=1":   "",
		"":                  `no scenario ""`,
		"arena=":            "no number",
		"arena=x":           "no number",
		"arena=-1":          "must be 0 to 1000",
		"arena=1001":        "must be 0 to 1000",
		"arena,arena=2":     "twice",
		"nap=1":             `no scenario "nap"`,
		"arena=0":           "all weights are 0",
		"arena=1,field=1,,": "",
	} {
		_, err := ParseMix(text)
		switch {
		case text == "arena=1,field=1,,":
			if err == nil {
				t.Errorf("%q is read", text)
			}
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func FuzzParseMix(f *testing.F) {
	f.Add("arena=5,field=1")
	f.Add(",=")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMix(text)
		if err == nil && newDeck(m).sum <= 0 {
			t.Errorf("%q is read, and nothing is played", text)
		}
	})
}

// TestDraw: scenarios are drawn as often as their weights say, and one without weight never.
func TestDraw(t *testing.T) {
	t.Parallel()
	d := newDeck(Mix{"arena": 3, "field": 1, "chat": 0})
	random := rand.New(rand.NewPCG(1, 2))
	drawn := map[string]int{}
	const draws = 10_000
	for range draws {
		drawn[d.draw(random).Name]++
	}
	if n := drawn["arena"]; n < draws*70/100 || n > draws*80/100 || n+drawn["field"] != draws {
		t.Errorf("drawn are %v", drawn)
	}
}

// TestScenarios have names of their own, weights and explanations.
func TestScenarios(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range Scenarios() {
		if s.Name == "" || seen[s.Name] || strings.ContainsAny(s.Name, "=, ") || s.Weight < 1 || s.Doc == "" || s.play == nil {
			t.Errorf("%q", s.Name)
		}
		seen[s.Name] = true
	}
}
