package tables_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"loumiao/configs"
	"loumiao/game/tables"
)

func embedded(t testing.TB) *tables.Tables {
	t.Helper()
	parsed, err := tables.Parse(configs.Tables())
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// with is the embedded tables with some of them replaced.
func with(t testing.TB, replaced map[string]string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range tables.Names() {
		content, err := fs.ReadFile(configs.Tables(), name+".csv")
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := replaced[name]; ok {
			content = []byte(text)
		}
		files[name+".csv"] = &fstest.MapFile{Data: content}
	}
	return files
}

func TestTheEmbeddedTables(t *testing.T) {
	t.Parallel()
	got := embedded(t)
	if item, ok := got.Item("boost"); !ok || item != (tables.Item{ID: "boost", Kind: tables.Consumable, Stack: 20, Price: 50}) {
		t.Errorf("boost is %+v", item)
	}
	if entry, ok := got.ShopEntry("boost_3"); !ok ||
		entry != (tables.ShopEntry{ID: "boost_3", Item: "boost", Count: 3, Price: 120, Currency: "gold", Limit: 2, Period: tables.Day}) {
		t.Errorf("boost_3 is %+v", entry)
	}
	starter := tables.Product{ID: "starter", Price: 199, Currency: "USD",
		Goods: tables.Goods{Wallet: map[string]int64{"gold": 3000}, Items: map[string]int64{"boost": 5, "shield_large": 2}}}
	if product, ok := got.Product("starter"); !ok || !reflect.DeepEqual(product, starter) {
		t.Errorf("starter is %+v", product)
	}
	if reward, ok := got.Reward("arena"); !ok || reward != (tables.Reward{Mode: "arena", Gold: 10, GoldPerBehind: 10, Exp: 50, ExpPerKill: 10}) {
		t.Errorf("arena gives %+v", reward)
	}
	if mode, ok := got.Mode("arena"); !ok || mode.Players != 8 || mode.Patience != 5*time.Second || mode.MaxWindow != 1000 {
		t.Errorf("arena is %+v", mode)
	}
	if _, ok := got.Item("nothing"); ok {
		t.Error("there is an item nothing")
	}
	var seen struct {
		Version string
		Items   []struct{ ID string }
	}
	if err := json.Unmarshal(got.JSON(), &seen); err != nil || seen.Version != got.Version() || len(seen.Items) != len(got.Items) || len(seen.Version) != 16 {
		t.Errorf("clients get %+v, %v", seen, err)
	}
}

// The level is the last one whose experience is there, whatever the table.
func TestLevelAt(t *testing.T) {
	t.Parallel()
	got := embedded(t)
	for exp, want := range map[int64]int32{-5: 1, 0: 1, 99: 1, 100: 2, 299: 2, 300: 3, 495_000: 100, math.MaxInt64: 100} {
		if level := got.LevelAt(exp); level != want {
			t.Errorf("level at %d is %d, want %d", exp, level, want)
		}
	}
	for range 1000 {
		exp := rand.Int64N(600_000)
		want := int32(0)
		for _, l := range got.Levels {
			if l.Exp <= exp {
				want = l.Level
			}
		}
		if level := got.LevelAt(exp); level != want {
			t.Fatalf("level at %d is %d, want %d", exp, level, want)
		}
	}
}

func TestTheVersionIsThatOfTheContent(t *testing.T) {
	t.Parallel()
	before := embedded(t).Version()
	reordered := "price,id,stack,kind\n 30 ,shield_small,20,consumable\n\n80,shield_large,10,consumable\n50,boost,20,consumable\n" +
		"400,skin_red,1,cosmetic\n2500,skin_gold,1,cosmetic\n500,name_change,5,ticket\n"
	same, err := tables.Parse(with(t, map[string]string{"items": "\ufeff" + reordered}))
	if err != nil || same.Version() != before {
		t.Errorf("the same content in other words: %v", err)
	}
	other, err := tables.Parse(with(t, map[string]string{"items": strings.Replace(reordered, "2500", "2501", 1)}))
	if err != nil || other.Version() == before {
		t.Errorf("another price has the same version: %v", err)
	}
}

func TestEveryProblemIsNamed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", tables.MaxFile+1)
	many := "level,exp\n"
	for i := range tables.MaxRows + 1 {
		many += fmt.Sprintf("%d,%d\n", i+1, i)
	}
	for name, test := range map[string]struct {
		table, content string
		want           []string
	}{
		"cells": {"items", "id,kind,stack,price\nA,sword,0,-1\nboost,consumable,1,x\nboost,ticket,1,1\n,ticket,1,1\n", []string{
			`items.csv:2: id: is "A"; must be 1 to 32 lower-case letters, digits and underscores`,
			`items.csv:2: kind: is "sword"; must be one of consumable, cosmetic, ticket`,
			`items.csv:2: stack: is "0"; must be a whole number, 1 to 9007199254740991`,
			`items.csv:2: price: is "-1"; must be a whole number, 0 to 9007199254740991`,
			`items.csv:3: price: is "x"; must be a whole number, 0 to 9007199254740991`,
			`items.csv:4: id: "boost" is there already`,
			`items.csv:5: id: is ""; must be`,
			`shop.csv:2: item: "shield_small" is not in items.csv`,
			`products.csv:5: goods: "shield_large" is not in items.csv`,
		}},
		"references": {"shop", "id,item,count,price,currency,limit,period\na,sword,1,1,gold,0,none\nb,boost,1,1,gold,0,day\nc,boost,1,1,gold,1,none\n", []string{
			`shop.csv:2: item: "sword" is not in items.csv`,
			`shop.csv:3: limit: is 0 with the period day`, `shop.csv:4: limit: is 1 with the period none`,
		}},
		"columns": {"modes", "id,players,players,colour\nx,1,1,1\n", []string{
			"modes.csv:1: players: the column is there twice", "modes.csv:1: colour: there is no such column; there are id, players, min_players",
			"modes.csv:1: patience: the column is missing",
		}},
		"modes": {"modes", "id,players,min_players,patience,window,widen_per_second,max_window\narena,2,3,5s,200,1,100\nduel,2,2,1s,1,1,1\n", []string{
			"modes.csv:2: min_players: is 3; must be at most players, 2", "modes.csv:2: window: is 200; must be at most max_window, 100",
			`rewards.csv: the mode "duel" has no row`,
		}},
		"goods": {"products", "id,price,currency,goods\na,1,usd,gem=0 gem 5=5 item:x=1 gem=1 gem=2\nb,1,USD,\n", []string{
			`products.csv:2: currency: is "usd"; must be three capital letters`, `products.csv:2: goods: has "gem=0"`, `products.csv:2: goods: has "gem"`,
			`products.csv:2: goods: has "5=5"`, `products.csv:2: goods: "x" is not in items.csv`, `products.csv:2: goods: has gem twice`,
			`products.csv:3: goods: has 0 kinds of goods`,
		}},
		"levels":   {"levels", "level,exp\n1,5\n3,6\n3,6\n", []string{"levels.csv:2: exp: is 5; the first", "levels.csv:3: level: is 3; levels count up, and this one must be 2", "levels.csv:4: exp: is 6; must be more than the 6"}},
		"width":    {"levels", "level,exp\n1\n", []string{"levels.csv:2: has 1 cells and not 2"}},
		"quotes":   {"levels", "level,exp\n1,0\n\"2,100\n", []string{"levels.csv:3: is no CSV: "}},
		"empty":    {"levels", "", []string{"levels.csv: is empty"}},
		"no rows":  {"levels", "level,exp\n", []string{"levels.csv: has no rows"}},
		"long":     {"levels", long, []string{"levels.csv: has more than 262144 bytes"}},
		"many":     {"levels", many, []string{"levels.csv:2002: the table has more than 2000 rows"}},
		"not text": {"levels", "level,exp\n1,\xff\n", []string{"levels.csv: is not UTF-8"}},
		"worse":    {"levels", "level,exp\n" + strings.Repeat("x,x\n", 100), []string{"levels.csv: more is wrong with it"}},
		"no modes": {"modes", "id,players,min_players,patience,window,widen_per_second,max_window\n", []string{"modes.csv: has no rows"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tables.Parse(with(t, map[string]string{test.table: test.content}))
			if err == nil || got != nil {
				t.Fatal("it was taken")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("not said: %s\nsaid:\n%v", want, err)
				}
			}
			if problem, ok := errors.AsType[*tables.Problem](err); !ok || problem.File == "" {
				t.Errorf("%v is no problem of a file", err)
			}
		})
	}
	if _, err := tables.Parse(fstest.MapFS{}); err == nil || strings.Count(err.Error(), "cannot be read") != len(tables.Names()) {
		t.Errorf("no files at all: %v", err)
	}
	if err := tables.CheckText("shop", "id,item,count,price,currency,limit,period\na,sword,1,1,gold,0,none\n"); err != nil {
		t.Errorf("a table by itself: %v", err)
	}
	if err := tables.CheckText("shop", "id\n"); err == nil {
		t.Error("a table without its columns is taken")
	}
}

// Whatever is written is refused with the place, or gives tables that hold what the package promises.
func FuzzParse(f *testing.F) {
	for i, name := range tables.Names() {
		content, err := fs.ReadFile(configs.Tables(), name+".csv")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, string(content))
	}
	f.Add(0, "id,kind,stack,price\n\"a\nb\",c,d\n\"")
	f.Fuzz(func(t *testing.T, table int, content string) {
		name := tables.Names()[uint(table)%uint(len(tables.Names()))]
		got, err := tables.Parse(with(t, map[string]string{name: content}))
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				if !strings.Contains(line, ".csv") {
					t.Errorf("a problem without its file: %s", line)
				}
			}
			return
		}
		if tables.CheckText(name, content) != nil {
			t.Error("a table is good among the others and not by itself")
		}
		if got.Levels[0].Exp != 0 || !slices.IsSortedFunc(got.Levels, func(a, b tables.Level) int { return int(a.Exp - b.Exp) }) {
			t.Errorf("levels are %+v", got.Levels)
		}
		for _, entry := range got.Shop {
			if _, ok := got.Item(entry.Item); !ok || entry.Price < 1 || entry.Count < 1 {
				t.Errorf("the shop sells %+v", entry)
			}
		}
		for _, mode := range got.Modes {
			if _, ok := got.Reward(mode.ID); !ok || mode.MinPlayers < 1 || mode.MinPlayers > mode.Players {
				t.Errorf("a mode %+v", mode)
			}
		}
		if !json.Valid(got.JSON()) {
			t.Error("clients get what is no JSON")
		}
	})
}
