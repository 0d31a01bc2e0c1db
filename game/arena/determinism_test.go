package arena

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// The checksums after 1, 100 and 600 ticks of noise(7), on every processor and for every port of the simulation. When the rules of the simulation
// change on purpose, these change with them.
func TestGolden(t *testing.T) {
	t.Parallel()
	golden := map[string][3]uint64{
		"default": {0x20122635340c9304, 0x99688fb60c8ada1c, 0x9dbf3c97da93a7c6},
		"least":   {0xf1febcaa3758fe58, 0x8982c4cb74c6de44, 0xd959e3cd581b2451},
		"most":    {0x3202799a0f43341a, 0x670d9a62783538c4, 0x0df1801a1c37f14a},
		"fast":    {0x7861661c632298b9, 0x53aeb4f4980e31e7, 0xa26a9a03db23dc6d},
		"teams":   {0x1e0582fdb1b18a63, 0x54c41900021f7f09, 0x8c4d15c392da2bc5},
		"crowded": {0xd2768b07752bdec4, 0xaa9b0ae0228eb901, 0xac599c91fdbbb7ca},
	}
	rules := extremeRules()
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, next := New(rules[name], 42), noise(7)
			var got [3]uint64
			for i, tick := range []int{1, 100, 600} {
				play(t, a, next, tick-a.Tick())
				got[i] = a.Checksum()
			}
			if got != golden[name] {
				t.Errorf("checksums %#x, want %#x", got, golden[name])
			}
		})
	}
}

func TestSameInputsSameMatch(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(uint32) script{"noise": noise, "bots": bots} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(seed, inputSeed uint32) (sums []uint64, record [][]Input, end *Arena) {
				a, next := New(Config{Ticks: 400}, seed), next(inputSeed)
				for !a.Done() {
					in := next(a)
					record = append(record, in)
					a.Step(in)
					sums = append(sums, a.Checksum())
				}
				return sums, record, a
			}
			sums, record, end := run(1, 2)
			if again, _, _ := run(1, 2); !slices.Equal(sums, again) {
				t.Error("the same match differs when played again")
			}
			if other, _, _ := run(2, 2); slices.Equal(sums, other) {
				t.Error("another seed gives the same match")
			}
			if other, _, _ := run(1, 3); slices.Equal(sums, other) {
				t.Error("other inputs give the same match")
			}

			for _, tick := range record { // as a record stores them
				for i := range tick {
					tick[i] = Unpack(tick[i].Pack())
				}
			}
			replay := Replay(Config{Ticks: 400}, 1, record)
			if replay.Checksum() != end.Checksum() || !slices.Equal(replay.Result(), end.Result()) {
				t.Error("the replay differs from the match")
			}
		})
	}
}

// Each part of the state, changed alone, changes the checksum.
func TestChecksumCoversState(t *testing.T) {
	t.Parallel()
	changes := map[string]func(a *Arena){
		"tick":          func(a *Arena) { a.tick++ },
		"random source": func(a *Arena) { a.rand.Next() },
		"last id":       func(a *Arena) { a.lastID++ },
		"rules":         func(a *Arena) { a.rules = checksumOf(Config{Thrust: 21}.bounded()) },
		"ship x":        func(a *Arena) { a.ships[3].X++ },
		"ship y":        func(a *Arena) { a.ships[3].Y++ },
		"ship vx":       func(a *Arena) { a.ships[3].VX = -a.ships[3].VX - 1 },
		"ship vy":       func(a *Arena) { a.ships[3].VY = -a.ships[3].VY - 1 },
		"ship aim":      func(a *Arena) { a.ships[3].Aim ^= 1 },
		"ship hull":     func(a *Arena) { a.ships[3].Hull++ },
		"ship guard":    func(a *Arena) { a.ships[3].Guard++ },
		"ship reload":   func(a *Arena) { a.ships[3].Reload++ },
		"ship respawn":  func(a *Arena) { a.ships[3].Respawn++ },
		"ship score":    func(a *Arena) { a.ships[3].Score++ },
		"ship kills":    func(a *Arena) { a.ships[3].Kills++ },
		"ship deaths":   func(a *Arena) { a.ships[3].Deaths++ },
		"two ships":     func(a *Arena) { a.ships[3].X, a.ships[4].X = a.ships[4].X, a.ships[3].X },
		"bullet":        func(a *Arena) { a.bullets = a.bullets[1:] },
		"bullet id":     func(a *Arena) { a.bullets[0].ID++ },
		"bullet owner":  func(a *Arena) { a.bullets[0].Owner ^= 1 },
		"bullet x":      func(a *Arena) { a.bullets[0].X++ },
		"bullet y":      func(a *Arena) { a.bullets[0].Y++ },
		"bullet vx":     func(a *Arena) { a.bullets[0].VX++ },
		"bullet vy":     func(a *Arena) { a.bullets[0].VY++ },
		"bullet life":   func(a *Arena) { a.bullets[0].Life++ },
		"shard":         func(a *Arena) { a.shards = a.shards[1:] },
		"shard id":      func(a *Arena) { a.shards[0].ID++ },
		"shard x":       func(a *Arena) { a.shards[0].X++ },
		"shard y":       func(a *Arena) { a.shards[0].Y++ },
		"former score":  func(a *Arena) { a.former[3].score++ },
		"former kills":  func(a *Arena) { a.former[3].kills++ },
		"former deaths": func(a *Arena) { a.former[3].deaths++ },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := New(Config{}, 1)
			play(t, a, noise(1), 50)
			if len(a.Bullets()) == 0 || len(a.Shards()) == 0 {
				t.Fatal("nothing to change")
			}
			before := a.Checksum()
			if a.Checksum() != before {
				t.Fatal("asking for the checksum changes it")
			}
			change(a)
			if after := a.Checksum(); uint32(after) == uint32(before) || after>>32 == before>>32 {
				t.Errorf("checksum %#x, then %#x", before, after)
			}
		})
	}
}

// What would make two machines differ cannot be written here by accident.
func TestPureSource(t *testing.T) {
	t.Parallel()
	imports := []string{"cmp", "errors", "fmt", "math/bits", "slices"}
	banned := []string{"float32", "float64", "complex64", "complex128", "uintptr"}
	names, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		read++
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if path := strings.Trim(spec.Path.Value, `"`); !slices.Contains(imports, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				if slices.Contains(banned, n.Name) {
					t.Errorf("%s: %s", files.Position(n.Pos()), n.Name)
				}
			case *ast.BasicLit:
				if n.Kind == token.FLOAT {
					t.Errorf("%s: %s", files.Position(n.Pos()), n.Value)
				}
			case *ast.MapType, *ast.GoStmt, *ast.ChanType:
				t.Errorf("%s: a map, goroutine or channel", files.Position(n.Pos()))
			case *ast.GenDecl:
				if n.Tok == token.VAR && slices.ContainsFunc(file.Decls, func(d ast.Decl) bool { return d == n }) {
					t.Errorf("%s: package-level state", files.Position(n.Pos()))
				}
			}
			return true
		})
	}
	if read == 0 {
		t.Fatal("read no source")
	}
}
