package arena

import (
	"math"
	"strings"
	"testing"
)

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	for name, cfg := range extremeRules() {
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := Config{Players: 9, Ticks: -1, Drag: 256, Width: math.MaxInt32}.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 4 {
		t.Errorf("%d problems, want 4:\n%v", len(lines), err)
	}
	for _, want := range []string{"Players is 9: it must be 0 (default) or 1 to 8", "Ticks is -1", "Drag is 256", "Width is 2147483647"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}

func TestConfigBounded(t *testing.T) {
	t.Parallel()
	if got := New(Config{}, 1).Config(); got.Players != 8 || got.Ticks != 1200 || got.Width != 32768 || got.DeathCost != 2 {
		t.Errorf("defaults: %+v", got)
	}
	for _, bad := range []int{math.MinInt32, -1, math.MaxInt32} {
		var cfg Config
		cfg.visit(func(string, int, int, int, int) int { return bad })
		if cfg.Validate() == nil {
			t.Errorf("all %d: accepted", bad)
		}
		a := New(cfg, 1)
		if err := a.Config().Validate(); err != nil {
			t.Errorf("all %d: the rules in effect are out of bounds: %v", bad, err)
		}
		play(t, a, noise(1), 50)
	}
}

func TestEveryFieldIsVisited(t *testing.T) {
	t.Parallel()
	var cfg Config
	n := 0
	cfg.visit(func(_ string, _, standard, least, most int) int {
		n++
		if standard < least || standard > most {
			t.Errorf("the default %d is not within %d to %d", standard, least, most)
		}
		return n
	})
	if want := (Config{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}); cfg != want {
		t.Errorf("visited as %+v, want every field once in order", cfg)
	}
}

func TestInputPacking(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in     Input
		packed uint32
		out    Input
	}{
		"nothing":            {Input{}, 0, Input{}},
		"stick":              {Input{DX: 1, DY: -1}, 0xff01, Input{DX: 1, DY: -1}},
		"aim":                {Input{Aim: 4095}, 0x0fff0000, Input{Aim: 4095}},
		"fire":               {Input{Fire: true}, 0x10000000, Input{Fire: true}},
		"all":                {Input{-127, 127, 0xabc, true}, 0x1abc7f81, Input{-127, 127, 0xabc, true}},
		"stick out of range": {Input{DX: -128, DY: -128}, 0x8181, Input{DX: -127, DY: -127}},
		"aim out of range":   {Input{Aim: 0x1001}, 0x00010000, Input{Aim: 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.in.Pack(); got != tt.packed {
				t.Errorf("packed %#x, want %#x", got, tt.packed)
			}
			if got := Unpack(tt.packed); got != tt.out {
				t.Errorf("unpacked %+v, want %+v", got, tt.out)
			}
		})
	}
	if got := Unpack(0xe000_8080); got != (Input{DX: -127, DY: -127}) {
		t.Errorf("unused bits or -128 come through: %+v", got)
	}
}
