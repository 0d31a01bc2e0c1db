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
	gold := func(n int64) map[string]int64 { return map[string]int64{"gold": n} }
	book := tables.Item{ID: "exp_book", Kind: tables.Consumable, Stack: 99, Sell: gold(10), Use: tables.Goods{Exp: 100}}
	if item, ok := got.Item("exp_book"); !ok || !reflect.DeepEqual(item, book) {
		t.Errorf("exp_book is %+v", item)
	}
	if item, ok := got.Item("medal"); !ok || !item.Keep || len(item.Sell) != 0 || !item.Use.Empty() {
		t.Errorf("medal is %+v", item)
	}
	if size, ok := got.Stack("medal"); !ok || size != 0 {
		t.Errorf("a stack of medals is %d, %t", size, ok)
	}
	boosts := tables.ShopEntry{ID: "boost_3", Price: gold(120), Gives: tables.Goods{Items: map[string]int64{"boost": 3}}, Limit: 2, Period: tables.Day}
	if entry, ok := got.ShopEntry("boost_3"); !ok || !reflect.DeepEqual(entry, boosts) {
		t.Errorf("boost_3 is %+v", entry)
	}
	for n, want := range map[int64]int64{-1: 0, 0: 0, 1: 10, 2: 15, 7: 30, 8: 10, 14: 30} {
		if got := got.SignInDay(n).Wallet["gold"]; got != want {
			t.Errorf("day %d gives %d gold, want %d", n, got, want)
		}
	}
	starter := tables.Product{ID: "starter_pack", Title: "Starter pack", Price: 499, Currency: "USD",
		Goods: tables.Goods{Wallet: gold(600), Items: map[string]int64{"shield": 3}}}
	if product, ok := got.Product("starter_pack"); !ok || !reflect.DeepEqual(product, starter) {
		t.Errorf("starter_pack is %+v", product)
	}
	if reward, ok := got.Reward("arena"); !ok || reward != (tables.Reward{Mode: "arena", Gold: 10, GoldPerBehind: 10, Exp: 50, ExpPerKill: 10}) {
		t.Errorf("arena gives %+v", reward)
	}
	if mode, ok := got.Mode("arena"); !ok || mode.Players != 8 || mode.Patience != 5*time.Second || mode.MaxWindow != 1000 {
		t.Errorf("arena is %+v", mode)
	}
	if m, ok := got.Map("harbour"); !ok || m.Name != "Harbour" || m.Speed != 600 || m.LinesMax != 16 || m.Soft != 100 || m.Rules().Capacity != 150 {
		t.Errorf("harbour is %+v", m)
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
	reordered := "gives,day\n gold=10 ,1\n\n  gold=15,2\n\"item:exp_book=1\",3\ngold=20,4\ngold=25,5\nitem:shield=1,6\nitem:gold_chest=1  gold=30,7\n"
	same, err := tables.Parse(with(t, map[string]string{"sign_in": "\ufeff" + reordered}))
	if err != nil || same.Version() != before {
		t.Errorf("the same content in other words: %v", err)
	}
	other, err := tables.Parse(with(t, map[string]string{"sign_in": strings.Replace(reordered, "gold=25", "gold=26", 1)}))
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
		"items": {"items", "id,kind,stack,sell,use,keep\nA,sword,-1,gold=0,boost,maybe\nboost,cosmetic,1000000001,item:boost=1,item:boost=2,no\n" +
			"boost,cosmetic,1,exp=1,,no\n,cosmetic,x,,item:sword=1 exp=1000000001,no\n", []string{
			`items.csv:2: id: is "A"; must be 1 to 32 lower-case letters, digits and underscores`,
			`items.csv:2: kind: is "sword"; must be one of consumable, cosmetic, keepsake`,
			`items.csv:2: stack: is "-1"; must be a whole number, 0 to 1000000000`,
			`items.csv:2: sell: has "gold=0"; must be a currency, exp, or item:`,
			`items.csv:2: use: has "boost"`, `items.csv:2: keep: is "maybe"; must be one of yes, no`,
			`items.csv:3: stack: is "1000000001"`, `items.csv:3: sell: is "item:boost=1"; must be amounts of currencies only`,
			`items.csv:3: use: gives the item itself`, `items.csv:4: id: "boost" is there already`, `items.csv:4: sell: is "exp=1"`,
			`items.csv:5: id: is ""; must be`, `items.csv:5: stack: is "x"; must be`, `items.csv:5: use: has "exp=1000000001"`,
			`items.csv:5: use: "sword" is not in items.csv`,
			`shop.csv:2: gives: "shield" is not in items.csv`, `sign_in.csv:7: gives: "shield" is not in items.csv`,
			`products.csv:3: goods: "shield" is not in items.csv`,
		}},
		"shop": {"shop", "id,price,gives,limit,period\na,gold=1,item:sword=1,0,none\nb,,,0,day\nc,item:boost=1,gold=1,1,none\nd,gold=1,gold=2,-1,month\na,gold=1,exp=1,0,none\n", []string{
			`shop.csv:2: gives: "sword" is not in items.csv`, `shop.csv:3: price: is empty`, `shop.csv:3: gives: is empty`,
			`shop.csv:3: limit: is 0 with the period day`, `shop.csv:4: limit: is 1 with the period none`, `shop.csv:4: price: is "item:boost=1"`,
			`shop.csv:5: gives: has gold, which it costs`, `shop.csv:5: limit: is "-1"`, `shop.csv:5: period: is "month"; must be one of none, day, week, ever`,
			`shop.csv:6: id: "a" is there already`,
		}},
		"sign-in": {"sign_in", "day,gives\n1,gold=1\n3,\n3,item:sword=1\n0,gold=1\n", []string{
			`sign_in.csv:3: day: is 3; days count up, and this one must be 2`, `sign_in.csv:3: gives: is empty`,
			`sign_in.csv:4: gives: "sword" is not in items.csv`, `sign_in.csv:5: day: is "0"; must be a whole number, 1 to 366`,
		}},
		"welcome": {"welcome", "id,sender,subject,body,gives\na,,Hi,,exp=1\na,system,,\"one\ntwo\",item:sword=1\n", []string{
			`welcome.csv:2: sender: is ""; must be 1 to 32 bytes`, `welcome.csv:2: gives: has exp, which is not sent by mail`,
			`welcome.csv:3: id: "a" is there already`, `welcome.csv:3: subject: is ""; must be 1 to 64 bytes`, `welcome.csv:3: body: is "one`,
			`welcome.csv:3: gives: "sword" is not in items.csv`,
		}},
		"many letters": {"welcome", "id,sender,subject,body,gives\n" + strings.Repeat("x,a,b,,\n", 11), []string{"welcome.csv:12: the table has more than 10 rows"}},
		"many offers":  {"shop", "id,price,gives,limit,period\n" + strings.Repeat("x,gold=1,exp=1,0,none\n", 201), []string{"shop.csv: more is wrong with it"}},
		"many days":    {"sign_in", days(367), []string{"sign_in.csv:368: the table has more than 366 rows"}},
		"columns": {"modes", "id,players,players,colour\nx,1,1,1\n", []string{
			`modes.csv:1: the column "players" is there twice`, `modes.csv:1: there is no column "colour"; there are id, players, min_players`,
			"modes.csv:1: patience: the column is missing",
		}},
		"modes": {"modes", "id,players,min_players,patience,window,widen_per_second,max_window\narena,2,3,5s,200,1,100\nduel,2,2,1s,1,1,1\n", []string{
			"modes.csv:2: min_players: is 3; must be at most players, 2", "modes.csv:2: window: is 200; must be at most max_window, 100",
			`rewards.csv: the mode "duel" has no row`,
		}},
		"teams": {"modes", "id,players,min_players,patience,window,widen_per_second,max_window,teams,accept,starving\narena,4,2,1s,1,1,1,2,,\nduel-frame,3,3,1s,1,1,1,2,9m,1ms\n", []string{
			"modes.csv:2: min_players: is 2; must be players, 4, as teams are full",
			`modes.csv:3: starving: is "1ms"; must be a duration`, `modes.csv:3: accept: is "9m"; must be a duration`,
		}},
		"backfill": {"modes", "id,players,min_players,patience,window,widen_per_second,max_window,backfill\narena,4,2,1s,1,1,1,maybe\nduel-frame,2,2,1s,1,1,1,\n", []string{
			`modes.csv:2: backfill: is "maybe"; must be one of yes, no`,
		}},
		"products": {"products", "id,title,price,currency,goods\na,,1,usd,gem=0 gem 5=5 item:x=1 gem=1 gem=2\nb,B,10000001,USD,\nc,C,1,USD,exp=1\n" +
			"d," + strings.Repeat("x", 129) + ",1,USD," + kinds(17) + "\n", []string{
			`products.csv:2: title: is ""; must be 1 to 128 bytes`, `products.csv:2: currency: is "usd"; must be three capital letters`,
			`products.csv:2: goods: has "gem=0"`, `products.csv:2: goods: has "gem"`, `products.csv:2: goods: has "5=5"`,
			`products.csv:2: goods: "x" is not in items.csv`, `products.csv:2: goods: has gem twice`, `products.csv:3: price: is "10000001"`,
			`products.csv:3: goods: is empty`, `products.csv:4: goods: has exp, which is not sold`, `products.csv:5: title: is "xxx`,
			`products.csv:5: goods: has 17 kinds of goods; must be at most 16`,
		}},
		"levels": {"levels", "level,exp\n1,5\n3,6\n3,6\n", []string{"levels.csv:2: exp: is 5; the first", "levels.csv:3: level: is 3; levels count up, and this one must be 2", "levels.csv:4: exp: is 6; must be more than the 6"}},
		"maps": {"maps", "id,name,width,height,view,cell,speed,lines_min,lines_max,soft,hard\na,A,1000,1000,100,100,10,3,2,5,4\na,,0,1000,100,100,0,-1,65,0,2001\n" +
			"b,B,1000,1000,100,3,10,1,1,1,1\nc,C,1000,1000,1000,100,10,1,1,1,1\n", []string{
			`maps.csv:2: lines_min: is 3; must be at most lines_max, 2`, `maps.csv:2: soft: is 5; must be at most hard, 4`, `maps.csv:3: id: "a" is there already`,
			`maps.csv:3: name: is ""`, `maps.csv:3: width: is "0"`, `maps.csv:3: speed: is "0"`, `maps.csv:3: lines_min: is "-1"`,
			`maps.csv:3: lines_max: is "65"; must be a whole number, 1 to 64`, `maps.csv:3: soft: is "0"`, `maps.csv:3: hard: is "2001"`,
			`maps.csv:4: cell: does not fit: cell: 3 makes 111556 cells`, `maps.csv:5: cell: does not fit: cell: with 100 a view takes 11 cells`,
		}},
		"many maps": {"maps", "id,name,width,height,view,cell,speed,lines_min,lines_max,soft,hard\n" + strings.Repeat("x,x,1,1,1,1,1,0,1,1,1\n", 201), []string{
			"maps.csv: more is wrong with it",
		}},
		"currencies": {"currencies", "id\ngem\ngem\nExp\nexp\n", []string{
			`currencies.csv:3: id: "gem" is there already`, `currencies.csv:4: id: is "Exp"; must be`, `currencies.csv:5: id: is exp, which`,
			`items.csv:2: sell: "gold" is not in currencies.csv`, `items.csv:6: use: "gold" is not`, `shop.csv:2: price: "gold" is not`, `products.csv:2: goods: "gold" is not`,
			`sign_in.csv:2: gives: "gold" is not`, `welcome.csv:2: gives: "gold" is not`, `currencies.csv: has no row "gold"`,
		}},
		"width":    {"levels", "level,exp\n1\n", []string{"levels.csv:2: has 1 cells and not 2"}},
		"quotes":   {"levels", "level,exp\n1,0\n\"2,100\n", []string{"levels.csv:3: is no CSV: "}},
		"empty":    {"levels", "", []string{"levels.csv: is empty"}},
		"no rows":  {"levels", "level,exp\n", []string{"levels.csv: has no rows"}},
		"long":     {"levels", long, []string{"levels.csv: has more than 262144 bytes"}},
		"many":     {"levels", many, []string{"levels.csv:2002: the table has more than 2000 rows"}},
		"not text": {"levels", "level,exp\n1,\xff\n", []string{"levels.csv: is not UTF-8"}},
		"worse":    {"levels", "level,exp\n" + strings.Repeat("x,x\n", 100), []string{"levels.csv: more is wrong with it"}},
		"crowd": {"modes", "id,players,min_players,patience,window,widen_per_second,max_window\na,9,2,5s,100,10,1000\n", []string{
			`modes.csv:2: players: is "9"; must be a whole number, 1 to 8`,
		}},
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
	if err := tables.CheckText("shop", "id,price,gives,limit,period\na,gold=1,item:sword=1,0,none\n"); err != nil {
		t.Errorf("a table by itself: %v", err)
	}
	if err := tables.CheckText("shop", "id\n"); err == nil {
		t.Error("a table without its columns is taken")
	}
}

// days is that many days of signing in.
func days(n int) string {
	text := "day,gives\n"
	for i := range n {
		text += fmt.Sprintf("%d,gold=1\n", i+1)
	}
	return text
}

// kinds is that many kinds of goods.
func kinds(n int) string {
	text := ""
	for i := range n {
		text += fmt.Sprintf("c%d=1 ", i)
	}
	return text
}

// A game may sell nothing, give nothing for signing in, and have no fields.
func TestEmptyTables(t *testing.T) {
	t.Parallel()
	got, err := tables.Parse(with(t, map[string]string{"shop": "id,price,gives,limit,period\n", "sign_in": "day,gives\n",
		"welcome": "id,sender,subject,body,gives\n", "maps": "id,name,width,height,view,cell,speed,lines_min,lines_max,soft,hard\n"}))
	if err != nil {
		t.Fatal(err)
	}
	if gain := got.SignInDay(1); !gain.Empty() || len(got.Shop) != 0 {
		t.Errorf("%+v and %+v", gain, got.Shop)
	}
	if !strings.Contains(string(got.JSON()), `"shop":[],"sign_in":[]`) {
		t.Errorf("clients get %s", got.JSON())
	}
	if !strings.Contains(string(got.JSON()), `"maps":[],"welcome":[]`) {
		t.Errorf("clients get %s", got.JSON())
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
	f.Add(0, "id,kind,stack,sell,use,keep\n\"a\nb\",c,d\n\"")
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
		goods := func(where string, g tables.Goods) {
			for item, n := range g.Items {
				if _, ok := got.Item(item); !ok || n < 1 || n > 1_000_000_000 {
					t.Errorf("%s has %+v", where, g)
				}
			}
			for _, n := range g.Wallet {
				if n < 1 || n > 1_000_000_000 {
					t.Errorf("%s has %+v", where, g)
				}
			}
		}
		for _, item := range got.Items {
			if found, ok := got.Item(item.ID); !ok || !reflect.DeepEqual(found, item) || item.Use.Items[item.ID] != 0 {
				t.Errorf("an item %+v is found as %+v", item, found)
			}
			goods(item.ID, item.Use)
		}
		for _, entry := range got.Shop {
			if len(entry.Price) == 0 || entry.Gives.Empty() || (entry.Limit == 0) != (entry.Period == tables.None) {
				t.Errorf("the shop sells %+v", entry)
			}
			goods(entry.ID, entry.Gives)
		}
		for i, day := range got.SignIn {
			if day.Empty() {
				t.Errorf("day %d gives nothing", i+1)
			}
			goods("sign_in", day)
		}
		for _, product := range got.Products {
			if product.Goods.Empty() || product.Goods.Exp != 0 || product.Price < 1 || product.Title == "" {
				t.Errorf("a product %+v", product)
			}
			goods(product.ID, product.Goods)
		}
		for _, mode := range got.Modes {
			if _, ok := got.Reward(mode.ID); !ok || mode.MinPlayers < 1 || mode.MinPlayers > mode.Players {
				t.Errorf("a mode %+v", mode)
			}
		}
		for _, m := range got.Maps {
			if m.Rules().Validate() != nil || m.LinesMin > m.LinesMax || m.Soft > m.Hard {
				t.Errorf("a map %+v", m)
			}
		}
		if !json.Valid(got.JSON()) {
			t.Error("clients get what is no JSON")
		}
	})
}
