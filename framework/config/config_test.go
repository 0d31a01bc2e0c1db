package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the golden files anew")

type port uint16

type seat struct {
	Name  string `yaml:"name"`
	Slots int    `yaml:"slots" min:"1" max:"8"`
}

type store struct {
	DSN     Secret        `yaml:"dsn" doc:"empty: the embedded engine"`
	MaxOpen int           `yaml:"max_open" min:"1" max:"1000" doc:"connections at once"`
	Life    time.Duration `yaml:"life" min:"1s" max:"1h"`
}

func (s store) Validate() error {
	var errs []error
	if s.MaxOpen == 13 {
		errs = append(errs, errors.New("max_open: must not be 13"))
	}
	if s.DSN == "x" {
		errs = append(errs, errors.New("makes no sense"))
	}
	return errors.Join(errs...)
}

type common struct {
	Debug bool `yaml:"debug"`
}

type settings struct {
	common  `yaml:",inline"`
	Listen  string         `yaml:"listen" doc:"where clients connect"`
	Mode    string         `yaml:"mode" oneof:"dev prod"`
	Port    port           `yaml:"port"`
	Offset  int8           `yaml:"offset"`
	Ratio   float64        `yaml:"ratio" min:"0" max:"1"`
	Level   slog.Level     `yaml:"level"`
	Maybe   *int           `yaml:"maybe"`
	Tags    []string       `yaml:"tags"`
	Limits  map[string]int `yaml:"limits"`
	Seats   []seat         `yaml:"seats"`
	SQL     store          `yaml:"sql"`
	Extra   *store         `yaml:"extra"`
	Private string         `yaml:"-"`
	Plain   string
}

func defaults() settings {
	return settings{Listen: "127.0.0.1:1", Mode: "dev", SQL: store{MaxOpen: 10, Life: time.Minute}}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "dsn")
	if err := os.WriteFile(secret, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	five := 5
	for _, tc := range []struct {
		name string
		yaml string
		env  []string
		want func(*settings)
	}{
		{"nothing", "", nil, func(*settings) {}},
		{"only comments", "# nothing\n", nil, func(*settings) {}},
		{"empty section", "sql:\n  # dsn: x\n", nil, func(*settings) {}},
		{"every kind", `
debug: true
listen: "0.0.0.0:80"
mode: prod
port: 65_535
offset: -128
ratio: 0.5
level: WARN
maybe: 5
tags: [a, 12, true]
limits: {chat: 3}
seats:
  - {name: one, slots: 2}
  - name: two
    slots: 8
sql: {dsn: secret, max_open: 7, life: 1m30s}
plain: 007
`, nil, func(s *settings) {
			*s = settings{
				common: common{Debug: true}, Listen: "0.0.0.0:80", Mode: "prod", Port: 65535, Offset: -128, Ratio: 0.5, Level: slog.LevelWarn,
				Maybe: &five, Tags: []string{"a", "12", "true"}, Limits: map[string]int{"chat": 3}, Seats: []seat{{"one", 2}, {"two", 8}},
				SQL: store{"secret", 7, 90 * time.Second}, Plain: "007",
			}
		}},
		{"environment over file", "mode: prod\nsql: {max_open: 7}", []string{"GAME_SQL_MAX_OPEN=8", "OTHER=1", "GAMES=1"}, func(s *settings) {
			s.Mode, s.SQL.MaxOpen = "prod", 8
		}},
		{"environment lists and maps", "limits: {a: 1, b: 1}", []string{"GAME_TAGS=x, y", "GAME_LIMITS=b=2,c=3"}, func(s *settings) {
			s.Tags, s.Limits = []string{"x", "y"}, map[string]int{"a": 1, "b": 2, "c": 3}
		}},
		{"empty environment list", "tags: [a]", []string{"GAME_TAGS="}, func(s *settings) { s.Tags = []string{} }},
		{"secret file in YAML", "sql: {dsn: {file: " + filepath.ToSlash(secret) + "}}", nil, func(s *settings) { s.SQL.DSN = "from-file" }},
		{"secret file in environment", "", []string{"GAME_SQL_DSN_FILE=" + secret}, func(s *settings) { s.SQL.DSN = "from-file" }},
		{"optional section", "", []string{"GAME_EXTRA_MAX_OPEN=3", "GAME_EXTRA_LIFE=2s"}, func(s *settings) {
			s.Extra = &store{MaxOpen: 3, Life: 2 * time.Second}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, want := defaults(), defaults()
			tc.want(&want)
			if err := Load(&got, Bytes("game.yaml", []byte(tc.yaml)), Env("GAME", tc.env)); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %#v\nwant %#v", got, want)
			}
		})
	}
}

func TestLayersMerge(t *testing.T) {
	t.Parallel()
	got := defaults()
	err := Load(&got,
		FS(fstest.MapFS{"base.yaml": {Data: []byte("listen: a\ntags: [x, y]\nlimits: {a: 1, b: 1}\nsql: {max_open: 3}")}}, "base.yaml", true),
		File(filepath.Join(t.TempDir(), "absent.yaml"), false),
		Bytes("top.yaml", []byte("tags: [z]\nlimits: {b: 2}\nsql: {life: 3s}")))
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.Listen, want.Tags, want.Limits = "a", []string{"z"}, map[string]int{"a": 1, "b": 2}
	want.SQL = store{MaxOpen: 3, Life: 3 * time.Second}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
}

func TestSecretPathIsRelativeToItsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"game.yaml": "sql: {dsn: {file: key}}", "key": "s3cret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := defaults()
	if err := Load(&got, File(filepath.Join(dir, "game.yaml"), true)); err != nil {
		t.Fatal(err)
	}
	if got.SQL.DSN.Reveal() != "s3cret" {
		t.Errorf("secret is %q", got.SQL.DSN.Reveal())
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, yaml string
		env        []string
		want       []string
	}{
		{"unknown key", "listne: x", nil, []string{"game.yaml:1: listne: unknown key; did you mean listen?"}},
		{"unknown key, nothing near", "sql: {zzz: 1}", nil, []string{"game.yaml:1: sql.zzz: unknown key; known are dsn, max_open, life"}},
		{"unexported and hidden", "common: {}\nprivate: x", nil, []string{
			"game.yaml:1: common: unknown key; known are debug, listen, mode, port, offset, ratio, level, maybe, tags, limits, seats, sql, extra, plain",
			"game.yaml:2: private: unknown key; known are debug, listen, mode, port, offset, ratio, level, maybe, tags, limits, seats, sql, extra, plain"}},
		{"twice", "listen: a\nlisten: b", nil, []string{"game.yaml:2: listen: given twice; the first is on line 1"}},
		{"wrong kinds", "listen: [a]\nsql: 5\ntags: x\nseats: {a: 1}", nil, []string{
			"game.yaml:1: listen: is a list; must be text",
			"game.yaml:2: sql: is a single value; must be a section of keys and values",
			"game.yaml:3: tags: is a single value; must be a list",
			"game.yaml:4: seats: is a section; must be a list"}},
		{"wrong values", "debug: yes\nport: 65536\noffset: x\nratio: big\nlevel: loud\nsql: {life: 10}\nlisten:", nil, []string{
			`game.yaml:1: debug: "yes" is neither; must be true or false`,
			`game.yaml:2: port: "65536" is out of range; must be a whole number, 0 to 65535`,
			`game.yaml:3: offset: "x" is no whole number; must be a whole number, -128 to 127`,
			`game.yaml:4: ratio: "big" is no number that fits; must be a number, 0 to 1`,
			`game.yaml:5: level: "loud" is not allowed: slog: level string "loud": unknown name`,
			`game.yaml:6: sql.life: "10" is no duration; must be 1s to 1h, such as 10s or 1h30m`,
			`game.yaml:7: listen: has no value; must be text`}},
		{"out of bounds", "mode: test\nratio: 2\nsql:\n  max_open: 0\n  life: 2h\nseats: [{slots: 9}]", nil, []string{
			`game.yaml:1: mode: is "test"; must be one of dev, prod`,
			`game.yaml:2: ratio: is 2; must be a number, 0 to 1`,
			`game.yaml:6: seats[0].slots: is 9; must be a whole number, 1 to 8`,
			`game.yaml:4: sql.max_open: is 0; must be a whole number, 1 to 1000`,
			`game.yaml:5: sql.life: is 2h; must be 1s to 1h, such as 10s or 1h30m`}},
		{"validate", "sql:\n  max_open: 13\n  dsn: x", nil, []string{
			"game.yaml:2: sql.max_open: must not be 13", "game.yaml:2: sql: makes no sense"}},
		{"not YAML", "listen: a\nplain: b: c", nil, []string{"game.yaml:2: is not YAML: mapping values are not allowed in this context"}},
		{"two documents", "listen: a\n---\nlisten: b", nil, []string{"game.yaml: holds more than one YAML document; must be one"}},
		{"alias", "listen: &a x\nplain: *a", nil, []string{"game.yaml:2: plain: is a YAML alias, which is not supported; write the value out"}},
		{"merge key", "sql:\n  <<: {dsn: a}", nil, []string{"game.yaml:2: sql: has a key that is not plain text"}},
		{"binary key", "limits: {!!binary 0g==: 1}", nil, []string{"game.yaml:1: limits: has a key that is not plain text"}},
		{"own tag", "listen: !vault x", nil, []string{"game.yaml:1: listen: has the YAML tag !vault, which is not supported"}},
		{"secret as list", "sql: {dsn: [hunter2]}", nil, []string{"game.yaml:1: sql.dsn: is a list; must be text"}},
		{"secret file gone", "sql: {dsn: {file: /nowhere/key}}", nil, []string{"game.yaml:1: sql.dsn: secret file " + filepath.Join("/nowhere/key") + ": "}},
		{"secret in another mapping", "sql: {dsn: {path: hunter2}}", nil, []string{"game.yaml:1: sql.dsn: must be text, or {file: PATH} with the file that holds it"}},
		{"environment", "", []string{"GAME_SQL_DNS=hunter2", "GAME_PORT=x", "GAME_SEATS=a", "GAME_WHATEVER_THIS_IS=1", "GAME_LIMITS=a"}, []string{
			"GAME_SQL_DNS: unknown variable; did you mean GAME_SQL_DSN?",
			`GAME_PORT: port: "x" is no whole number; must be a whole number, 0 to 65535`,
			"GAME_SEATS: seats: cannot come from the environment; set it in a file",
			"GAME_WHATEVER_THIS_IS: unknown variable; no setting has this name",
			"GAME_LIMITS: limits: item 1 has no '='; must be written a=1,b=2"}},
		{"no text", "", []string{"GAME_LISTEN=\xd2", "GAME_LIMITS=\xd2=0"}, []string{
			`GAME_LISTEN: listen: "\xd2" is not UTF-8; must be text`,
			`GAME_LIMITS: limits: item 1: "\xd2" is not UTF-8; must be text`}},
		{"bounds from the environment", "", []string{"GAME_SQL_MAX_OPEN=5000"}, []string{
			"GAME_SQL_MAX_OPEN: sql.max_open: is 5000; must be a whole number, 1 to 1000"}},
		{"all sources at once", "nope_nope_nope: 1", []string{"GAME_PORT=-1"}, []string{
			"game.yaml:1: nope_nope_nope: unknown key; known are ",
			`GAME_PORT: port: "-1" is no whole number`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := defaults()
			err := Load(&cfg, Bytes("game.yaml", []byte(tc.yaml)), Env("GAME_", tc.env))
			var problems *Error
			if !errors.As(err, &problems) {
				t.Fatalf("error is %v; want problems", err)
			}
			var got []string
			for _, p := range problems.Problems {
				got = append(got, p.String())
			}
			if !slices.EqualFunc(got, tc.want, strings.HasPrefix) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is in the error: %v", err)
			}
		})
	}
}

func TestDefaultsAreChecked(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	cfg.SQL.MaxOpen = 0
	err := Load(&cfg)
	if err == nil || !strings.Contains(err.Error(), "\n  sql.max_open: is 0; must be a whole number, 1 to 1000") {
		t.Errorf("got %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	if err := errors.Join(Check(cfg), Check(&cfg)); err != nil {
		t.Error(err)
	}
	cfg.SQL.MaxOpen, cfg.Mode = 13, "x"
	for _, v := range []any{cfg, &cfg} {
		var problems *Error
		if err := Check(v); !errors.As(err, &problems) || len(problems.Problems) != 2 {
			t.Errorf("got %v", err)
		}
	}
	for _, v := range []any{nil, 5, (*settings)(nil)} {
		if err := Check(v); err == nil {
			t.Errorf("%v passes", v)
		}
	}
}

func TestRequiredFileMissing(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	path := filepath.Join(t.TempDir(), "game.yaml")
	err := Load(&cfg, File(path, true))
	if err == nil || !strings.Contains(err.Error(), path+": cannot be read: ") {
		t.Errorf("got %v", err)
	}
}

func TestProgrammersMistakes(t *testing.T) {
	t.Parallel()
	type twins struct {
		A struct {
			BC string `yaml:"b_c"`
		} `yaml:"a"`
		AB struct {
			C string `yaml:"c"`
		} `yaml:"a_b"`
	}
	type channel struct {
		C chan int `yaml:"c"`
	}
	type bounds struct {
		S string `yaml:"s" min:"1"`
		N int    `yaml:"n" min:"one"`
	}
	for _, tc := range []struct {
		name string
		dst  any
		yaml string
		want string
	}{
		{"no pointer", settings{}, "", "must be a pointer to a struct"},
		{"nil", (*settings)(nil), "", "must be a pointer to a struct"},
		{"no struct", new(int), "", "must be a pointer to a struct"},
		{"two settings, one variable", &twins{}, "", "has the same variable as"},
		{"impossible type", &channel{}, "c: 1", "c: cannot be configured: its type is chan int"},
		{"bounds on text", &bounds{N: 1}, "", "s: has bounds in its tags"},
		{"unreadable bounds", &bounds{}, "", `n: has an unreadable bound "one"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := Load(tc.dst, Bytes("game.yaml", []byte(tc.yaml)), Env("GAME", []string{}))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestSecretIsMaskedEverywhere(t *testing.T) {
	t.Parallel()
	type holder struct{ Key Secret }
	h := holder{Key: "hunter2"}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T %[1]v"} {
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", h.Key)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("x", slog.Any("secret", h.Key), slog.Any("holder", h))
	}
	j, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	out.Write(y)
	hex := fmt.Sprintf("%x", "hunter2")
	if s := out.String(); strings.Contains(s, "hunter2") || strings.Contains(s, hex) {
		t.Errorf("the secret is in:\n%s", s)
	}
	if got := h.Key.Reveal(); got != "hunter2" {
		t.Errorf("revealed as %q", got)
	}
	if got := Secret("").String(); got != "" {
		t.Errorf("an empty secret prints as %q", got)
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	cfg.SQL.DSN = "hunter2"
	cfg.Tags = []string{"a", "true"}
	cfg.Limits = map[string]int{"b": 2, "a": 1}
	cfg.Seats = []seat{{"one", 1}}
	cfg.SQL.Life = time.Hour
	var out bytes.Buffer
	if err := Print(&out, cfg); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "print.yaml")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")); !bytes.Equal(out.Bytes(), want) {
		t.Errorf("got:\n%s\nwant:\n%s", &out, want)
	}

	again := settings{}
	if err := Load(&again, Bytes("printed.yaml", out.Bytes())); err != nil {
		t.Fatal(err)
	}
	cfg.SQL.DSN = mask
	if !reflect.DeepEqual(again, cfg) {
		t.Errorf("printed and loaded again:\n%#v\nwant\n%#v", again, cfg)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"listen", "max_open", "dsn", "a"}
	for in, want := range map[string]string{
		"listen": "listen", "lisen": "listen", "lsiten": "listen", "max-open": "max_open", "MAX_OPEN": "max_open", "dns": "dsn",
		"whatever": "", "": "a",
	} {
		if got := nearest(in, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", in, got, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("listen: a\nsql: {dsn: {file: x}}", "GAME_PORT=1")
	f.Add("seats: [{name: a, slots: 1}]\nlimits: {a: 1}", "GAME_LIMITS=a=1,b=2")
	f.Add("a: &a [*a]\n<<: *a", "GAME_=")
	f.Add("? [x]\n: y", "=")
	f.Add("ratio: .nan\noffset: -0\nmaybe: ~", "GAME_RATIO=NaN")
	f.Fuzz(func(t *testing.T, text, env string) {
		if strings.Contains(text, "file") || strings.Contains(env, "_FILE") {
			t.Skip("would read files")
		}
		cfg := defaults()
		if err := Load(&cfg, Bytes("fuzz.yaml", []byte(text)), Env("GAME", []string{env})); err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error that says nothing")
			}
			return
		}
		if cfg.Ratio < 0 || cfg.Ratio > 1 || math.IsNaN(cfg.Ratio) || cfg.SQL.MaxOpen < 1 || cfg.SQL.Life < time.Second {
			t.Fatalf("out of bounds: %+v", cfg)
		}
		var out bytes.Buffer
		if err := Print(&out, &cfg); err != nil {
			t.Fatal(err)
		}
		again := settings{}
		if err := Load(&again, Bytes("printed.yaml", out.Bytes())); err != nil {
			t.Fatalf("what was printed does not load: %v\n%s", err, out.Bytes())
		}
		if again.Listen != cfg.Listen || again.Plain != cfg.Plain || !slices.Equal(again.Tags, cfg.Tags) || !maps.Equal(again.Limits, cfg.Limits) {
			t.Fatalf("printed %#v, loaded %#v", cfg, again)
		}
	})
}
