package public

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
	"loumiao/game/store/keypoint"
	"loumiao/game/store/log"
	"loumiao/game/store/player"
	"loumiao/game/store/public"
	"loumiao/migrations"
)

// mark stands in every place in which something about a person can stand.
const mark = "zanzibar"

// personal is rows about player 77 of account 70, with the mark or, for a birth date, 19870413 in them, for every table in which there may be such.
var personal = map[string][]string{
	"accounts":       {`INSERT INTO accounts VALUES (70, 1)`},
	"identities":     {`INSERT INTO identities VALUES ('password', 'zanzibar', 70, 'Zanzibar', 'zanzibar-hash', 1)`, `INSERT INTO identities VALUES ('arcade', 'zanzibar-1', 70, '', '', 1)`},
	"sanctions":      {`INSERT INTO sanctions (account, id, reason, author, starts_at, ends_at, lifted_at) VALUES (70, 1, 'Zanzibar was rude', 'op', 1, 2, 0)`},
	"refresh_tokens": {`INSERT INTO refresh_tokens VALUES ('f', 70, 's', 1, 2, 0, 1, 'guest', 'phone of Zanzibar')`},
	"persons":        {`INSERT INTO persons VALUES (70, 19870413, 'remote', 'zanzibar-ref', 1, '')`},
	"players": {`INSERT INTO players (id, account, area, origin, name, level, exp, rating, epoch, version, schema_version, state, created_at, updated_at, name_key)
		VALUES (77, 70, 1, 1, 'Zanzibar', 1, 0, 1500, 3, 5, 1, '{"motto":"zanzibar"}', 1, 1, 'zanzibar')`},
	"applied":       {`INSERT INTO applied VALUES (77, 'rename:1', '{"level":1,"tag":"Zanzibar"}', 1)`},
	"mails":         {`INSERT INTO mails VALUES (77, 1, 'op', 'Zanzibar', 'zanzibar', 'zanzibar', '{}', 1, 0, 0, 0)`},
	"rankings":      {`INSERT INTO rankings VALUES ('rating', 77, 1, 'Zanzibar', 1500, 1, 1, 5)`},
	"season_places": {`INSERT INTO season_places VALUES (1, 9, 1, 77, 'Zanzibar', 1500, 1, 1)`},
	"chat":          {`INSERT INTO chat VALUES (1, 1, 77, 'Zanzibar', 'I am zanzibar', 1)`},
	"mutes":         {`INSERT INTO mutes VALUES (77, 1, 'Zanzibar was rude', 'op')`},
	"commands": {
		`INSERT INTO commands VALUES ('c1', 'send_mail', '{"player":77,"body":"zanzibar"}', 'op', 'Zanzibar asked', 1, 2, 0, '', '{"mail":"1"}')`,
		`INSERT INTO commands VALUES ('never-ended', 'send_mail', '{"player":77,"body":"zanzibar"}', 'op', 'Zanzibar asked', 1, 0, 0, '', 'null')`,
		`INSERT INTO commands VALUES ('of-the-account', 'ban', '{"account":70,"ends_ms":0}', 'op', 'Zanzibar was rude', 1, 2, 0, '', '{"sanction":"1"}')`,
		`INSERT INTO commands VALUES ('c2', 'send_mail', '{"player":770,"body":"else"}', 'op', 'somebody else', 1, 2, 0, '', 'null')`,
	},
	"orders": {`INSERT INTO orders VALUES (1, 77, 70, 1, 'p', 'P', 99, 'USD', '{}', 'sandbox', '', '', 'https://pay.example.com/zanzibar', 'zanzibar', 'delivered',
		1, 1, 1, 1, 1, 1, 1, 0, 0, 0, '{}', 0, 0, 0)`},
	"events":     {`INSERT INTO events VALUES ('arena', 'e1', 'shop', '77', 1, 1, 0, 1, '{"email":"zanzibar@example.com"}')`},
	"quarantine": {`INSERT INTO quarantine VALUES ('1-1', 0, 'arena', 'fields', 'of 77', '{"player":"77","email":"zanzibar@example.com"}', 1)`},
	"unlogged":   {`INSERT INTO unlogged VALUES (1, 77, 'login', 5, 1, '{"way":"zanzibar"}')`},
	"log_":       nil, // stored by its owner, which makes its tables
}

// impersonal is why there is nothing about a person in any other table.
var impersonal = map[string]string{
	"characters": "ids", "playtime": "ids and times; deleted", "spenders": "ids", "wallets": "ids and amounts", "items": "ids and amounts",
	"ledger": "ids, amounts and keys", "counters": "ids and counts", "friends": "ids; deleted, which is looked at below", "matches": "ids and scores",
	"match_results": "ids and scores", "order_history": "states, and why in the program's words", "payments": "ids and amounts of a provider",
	"outbox": "ids, and failures in the program's words", "activity": "ids and days", "erased": "ids", "erased_players": "ids", "seasons": "times",
	"job_runs":   "times, and errors of the program",
	"broadcasts": "what operators tell everybody", "fences": "epochs", "node_ids": "nodes", "stacks": "processes", "config_entries": "settings",
	"config_history": "settings, and what operators wrote", "operators": "operators, not players", "operator_invitations": "operators",
	"operator_sessions": "operators", "operator_attempts": "hashes", "operator_deeds": "hashes", "audit": "ids, and what operators wrote", "audit_results": "ids",
}

// TestErase has every table and all of Redis say who somebody is, erases him, and finds nothing; twice, as after a crash. A table that is neither in personal nor in
// impersonal fails it.
func TestErase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		owners := map[string]*gorm.DB{}
		for _, owner := range migrations.Owners() {
			owners[owner] = storetest.Migrated(t, stores, owner, migrations.FS(owner))
		}
		logs, err := stores.SQL("log")
		if err != nil {
			t.Fatal(err)
		}
		owners["log"] = logs
		at := time.Now()
		if err := log.New(logs, 7, time.Now).Append(t.Context(), []log.Record{{Player: 77, ID: 1, Kind: "login", At: at.UnixMilli(), Details: `{"from":"zanzibar"}`}}); err != nil {
			t.Fatal(err)
		}
		insert(t, owners["account"], `INSERT INTO characters VALUES (70, 1, 77, 1)`)
		for _, bond := range []string{`(77, 78, 1, 1)`, `(78, 77, 1, 1)`, `(79, 77, 4, 1)`} {
			insert(t, owners["player"], `INSERT INTO friends VALUES `+bond)
		}
		planted := map[string]bool{}
		for owner, db := range owners {
			for _, table := range tablesOf(t, db) {
				name := table
				if strings.HasPrefix(table, "log_") {
					name = "log_"
				}
				rows, ok := personal[name]
				if _, clean := impersonal[name]; ok == clean {
					t.Errorf("table %s of %s: say in this test how it is about people, or why it is not, and have its owner erase them", table, owner)
				}
				if planted[table] {
					continue
				}
				planted[table] = true
				for _, row := range rows {
					insert(t, db, row)
				}
				if name != "accounts" && ok && len(marked(t, db, table)) == 0 {
					t.Errorf("there is no mark in %s, which could not be found in it afterwards", table)
				}
			}
		}
		if err := api.NewBlocks(stores).Bar(t.Context(), 70, "Zanzibar has played enough", time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := api.NewBlocks(stores).Block(t.Context(), 70, "Zanzibar was rude", time.Hour); err != nil {
			t.Fatal(err)
		}

		s := start(t, stores)
		s.peers.erases = player.New(owners["player"], id.NewGenerator(9, nil), nil)
		s.lead(settings())
		s.eventually("Redis has the name", func() bool { return len(markedKeys(t, stores)) >= 3 })
		var erased command.Erased
		for _, op := range []string{"erase-1", "erase-2", "erase-1"} {
			r := order(t, s, op, command.Erase, command.EraseArgs{Player: 77})
			if err := r.Err(); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(r.Value, &erased); err != nil || erased.Account != 70 || len(erased.Players) != 1 || len(erased.Owners) != 7 {
				t.Errorf("%s: %s, %v", op, r.Value, err)
			}
		}
		if r := order(t, s, "erase-nobody", command.Erase, command.EraseArgs{Player: 5}); r.Code != fault.NotFound {
			t.Errorf("nobody is erased: %+v", r)
		}
		// What was on its way comes now: standings that db has read before, what this node or the last leader has read for the copy, and a line.
		standing := &pb.PlayerStanding{Player: 77, Area: 1, Name: "Zanzibar", Level: 1, Rating: 1500, Version: 5}
		if _, err := try(s, api.ReportStandings.Call, &pb.PlayerStandings{Standings: []*pb.PlayerStanding{standing}}); err != nil {
			t.Fatal(err)
		}
		copied := &board{stores}
		for _, area := range []uint16{1, 2} {
			rank := public.Rank{Board: public.Rating, Player: 77, Area: area, Name: "Zanzibar", Score: 1500, Version: 5}
			if err := copied.put(t.Context(), []public.Move{{Rank: rank}}); err != nil {
				t.Fatal(err)
			}
			if me, err := copied.read(t.Context(), public.Rating, area, 77, 1, 10, false); err != nil || me.GetTotal() != 0 || me.GetMe().GetPlace() != 0 {
				t.Errorf("he is ranked in area %d: %v, %v", area, me, err)
			}
		}
		if _, err := try(s, api.Say.Call, &pb.Say{Area: 1, Player: 77, Name: "Zanzibar", Text: "I am zanzibar"}); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("he speaks: %v", err)
		}
		for op, about := range map[string]any{command.Mute: command.MuteArgs{Player: 77, Seconds: 60}, command.Ban: command.BanArgs{Account: 70}} {
			if r := order(t, s, "late-"+op, op, about); r.Code != fault.NotFound {
				t.Errorf("%s: %+v", op, r)
			}
		}
		// And what was still in the stream of events.
		late := keypoint.Event{App: "arena", ID: "e2", Name: "shop", Player: "77", At: at, Received: at, Fields: `{"email":"zanzibar@example.com"}`}
		if _, err := keypoint.New(owners["keypoint"]).Save(t.Context(), []keypoint.Event{late}, nil); err != nil {
			t.Fatal(err)
		}
		for owner, db := range owners {
			for _, table := range tablesOf(t, db) {
				for _, row := range marked(t, db, table) {
					t.Errorf("%s of %s says who it was: %s", table, owner, row)
				}
			}
		}
		for _, key := range markedKeys(t, stores) {
			t.Errorf("Redis says who it was in %s", key)
		}
		var n int64
		if err := owners["player"].Raw(`SELECT COUNT(*) FROM friends WHERE player = 77 OR friend = 77`).Scan(&n).Error; err != nil || n != 0 {
			t.Errorf("%d bonds are left, %v", n, err)
		}
		if err := owners["public"].Raw(`SELECT COUNT(*) FROM commands WHERE id LIKE 'late-%'`).Scan(&n).Error; err != nil || n != 0 {
			t.Errorf("%d commands that came late are recorded, %v", n, err)
		}
		if err := owners["public"].Raw(`SELECT COUNT(*) FROM commands WHERE id = 'c2' AND reason = 'somebody else'`).Scan(&n).Error; err != nil || n != 1 {
			t.Errorf("a command about somebody else was emptied, %v", err)
		}
		if err := owners["public"].Raw(`SELECT COUNT(*) FROM commands WHERE id = 'never-ended' AND ended_at > 0 AND code = ?`, fault.Lost).Scan(&n).Error; err != nil || n != 1 {
			t.Errorf("a command that did not end may be done with what is left of it, %v", err)
		}
		players := player.New(owners["player"], id.NewGenerator(9, nil), nil)
		if _, err := players.Load(context.Background(), 77, 70, 1); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("he is loaded: %v", err)
		}
		if err := players.Save(t.Context(), 77, 3, player.Save{State: []byte(`{}`), Schema: 1}); fault.CodeOf(err) != fault.Fenced {
			t.Errorf("who held him saves: %v", err)
		}
		if err := api.NewBlocks(stores).Unbar(t.Context(), 70); err != nil { // by a login that was let in before
			t.Fatal(err)
		}
		if err := api.NewBlocks(stores).Unblock(t.Context(), 70); err != nil { // by who has read before that there is no sanction
			t.Fatal(err)
		}
		if _, blocked, err := api.NewBlocks(stores).Blocked(t.Context(), 70, ""); err != nil || !blocked {
			t.Errorf("his token opens gates: %v", err)
		}
	})
}

func insert(t *testing.T, db *gorm.DB, statement string) {
	t.Helper()
	if err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { return tx.Exec(statement).Error }); err != nil {
		t.Fatal(err)
	}
}

// tablesOf is every table of an owner; with MySQL, of all owners.
func tablesOf(t *testing.T, db *gorm.DB) (list []string) {
	t.Helper()
	all, err := db.Migrator().GetTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range all {
		if !strings.Contains(table, "goose") && !strings.Contains(table, "migrations") && !strings.HasPrefix(table, "sqlite_") {
			list = append(list, table)
		}
	}
	return list
}

// marked is the rows of a table that say who somebody is.
func marked(t *testing.T, db *gorm.DB, table string) (found []string) {
	t.Helper()
	rows, err := db.Raw("SELECT * FROM " + table).Rows()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			fmt.Fprintf(&text, "%s=%v ", columns[i], v)
		}
		if row := strings.ToLower(text.String()); strings.Contains(row, mark) || strings.Contains(row, "19870413") {
			found = append(found, row)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// markedKeys is the keys of the stack in Redis that say it, in themselves or in what they hold.
func markedKeys(t *testing.T, stores *store.Stores) (found []string) {
	t.Helper()
	ctx, r := t.Context(), stores.Redis()
	own := strings.TrimSuffix(stores.Key("x"), "x")
	keys := r.Scan(ctx, 0, own+"*", 1000).Iterator()
	for keys.Next(ctx) {
		key := keys.Val()
		typ, err := r.Type(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		var held any
		switch typ {
		case "string":
			held = r.Get(ctx, key).Val()
		case "hash":
			held = r.HGetAll(ctx, key).Val()
		case "zset":
			held = r.ZRange(ctx, key, 0, -1).Val()
		case "set":
			held = r.SMembers(ctx, key).Val()
		case "list":
			held = r.LRange(ctx, key, 0, -1).Val()
		case "stream":
			held = r.XRange(ctx, key, "-", "+").Val()
		case "none":
		default:
			t.Fatalf("%s is a %s, which this test cannot read", key, typ)
		}
		if strings.Contains(strings.ToLower(fmt.Sprint(key, held)), mark) {
			found = append(found, key)
		}
	}
	if err := keys.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
