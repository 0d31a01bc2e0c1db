package gm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"loumiao/game/command"
	"loumiao/game/store/account"
	"loumiao/game/store/keypoint"
	"loumiao/game/store/operator"
	"loumiao/game/store/order"
)

// TestPlayer finds a player by each of his numbers and names, with what he has bought and what was done to his account.
func TestPlayer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, _ := g.login("viewer", "")
		acc, err := g.Accounts.Register(t.Context(), "Bob", "secret-of-bob")
		if err != nil {
			t.Fatal(err)
		}
		player, err := g.Accounts.Character(t.Context(), acc, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Accounts.Impose(t.Context(), acc, account.Sanction{Reason: evil, Author: "ann"}); err != nil {
			t.Fatal(err)
		}
		draft := order.Draft{
			Player: player, Account: int64(acc), Area: 1, Product: "gems", Title: evil, Price: 499, Currency: "EUR", Goods: order.Goods{Wallet: map[string]int64{"gem": 5}},
			Provider: "sandbox", Expires: g.clock().Add(time.Hour),
		}
		made, err := g.Orders.Create(t.Context(), draft, order.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for by, q := range map[string]string{"account": fmt.Sprint(acc), "sign-in name": "BOB", "order": made.ID.String()} {
			reply, body := g.ask("GET", "/api/players?"+url.Values{"by": {by}, "q": {q}}.Encode(), cookie, nil)
			var view playersView
			if err := json.Unmarshal([]byte(body), &view); err != nil || reply.StatusCode != http.StatusOK || view.Player == nil {
				t.Errorf("by %s: %d %s", by, reply.StatusCode, body)
				continue
			}
			if by == "order" { // of a player of whom public says that he is 7, who has no account
				continue
			}
			if a := view.Account; a == nil || a.ID != acc || len(a.Sanctions) != 1 || !a.Sanctions[0].InForce || len(a.Players) != 1 || a.Players[0].Player != player {
				t.Errorf("by %s: %+v", by, a)
			}
			var kinds []string
			for _, m := range view.Timeline {
				kinds = append(kinds, m.What)
			}
			if !slices.IsSortedFunc(view.Timeline, func(a, b moment) int { return b.At.Compare(a.At) }) || !slices.Contains(kinds, "sanction") || !slices.Contains(kinds, "mail") {
				t.Errorf("timeline %v", view.Timeline)
			}
		}
		for _, path := range []string{"/players?by=account&q=" + fmt.Sprint(acc), "/order?id=" + made.ID.String()} {
			if reply, body := g.ask("GET", path, cookie, nil); reply.StatusCode != http.StatusOK || strings.Contains(body, "<script") || !strings.Contains(body, "&lt;script") {
				t.Errorf("%s: %d %s", path, reply.StatusCode, body)
			}
		}
		for path, want := range map[string]int{
			"/players?by=account&q=9": http.StatusNotFound, "/players?by=order&q=9": http.StatusNotFound, "/players?by=sign-in+name&q=nobody": http.StatusNotFound,
			"/players?by=account&q=x": http.StatusBadRequest, "/players?by=shoe&q=1": http.StatusBadRequest, "/order?id=x": http.StatusNotFound, "/setting?name=no": http.StatusNotFound,
			"/log?node=70000": http.StatusForbidden, "/charts?from=x": http.StatusBadRequest, "/charts?from=2026-01-01&to=2025-01-01": http.StatusBadRequest,
			"/charts?hours=0": http.StatusBadRequest,
		} {
			if reply, body := g.ask("GET", path, cookie, nil); reply.StatusCode != want {
				t.Errorf("%s: %d %s", path, reply.StatusCode, body)
			}
		}
	})
}

// TestCharts draws what the events say.
func TestCharts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, _ := g.login("viewer", "")
		now := g.clock().Add(-time.Hour)
		var events []keypoint.Event
		for i, did := range []string{"login", "login", "enter"} {
			at := now.Add(time.Duration(i) * time.Minute)
			events = append(events, keypoint.Event{App: "arena", ID: fmt.Sprint("event-", i), Name: did, Player: fmt.Sprint("p", i%2), At: at, Received: at, Fields: "{}"})
		}
		if _, err := g.Events.Save(t.Context(), events, nil); err != nil {
			t.Fatal(err)
		}
		_, body := g.ask("GET", "/api/charts?steps=login,enter&event=enter", cookie, nil)
		var view struct {
			Funnel []stepView
			Names  []string
		}
		if err := json.Unmarshal([]byte(body), &view); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(view.Funnel, []stepView{{"login", 2}, {"enter", 1}}) || !slices.Equal(view.Names, []string{"enter", "login"}) {
			t.Errorf("%s", body)
		}
		reply, page := g.ask("GET", "/charts?steps=login,enter&event=enter", cookie, nil)
		for _, part := range []string{"<svg", "2 (100.0%)", "1 (50.0%)", "50.0%</title>", "Retention"} {
			if !strings.Contains(page, part) {
				t.Errorf("%d: the page has no %q", reply.StatusCode, part)
			}
		}
	})
}

// FuzzDiff: the lines that are not new are the first text's, and those that are not old the second's.
func FuzzDiff(f *testing.F) {
	f.Add("a\nb\nc", "a\nx\nc\n")
	f.Add("", "a")
	f.Add("a\n\n", "\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		var was, is []string
		for _, l := range compare(lines(before), lines(after)) {
			if l.Mark != "+" {
				was = append(was, l.Text)
			}
			if l.Mark != "-" {
				is = append(is, l.Text)
			}
		}
		if !slices.Equal(was, lines(before)) || !slices.Equal(is, lines(after)) {
			t.Errorf("%q and %q: %q and %q", before, after, was, is)
		}
		for _, l := range diffLines(before, before) {
			if l.Mark == "+" || l.Mark == "-" {
				t.Errorf("%q differs from itself", before)
			}
		}
	})
}

// FuzzShow: whatever JSON is recorded is shown without a tag of its own.
func FuzzShow(f *testing.F) {
	f.Add(`{"a_ms":1,"b":[{"c":"<i>"}],"<k>":"x\ny"}`)
	f.Add(`[[[[[[[[[[["<script>"]]]]]]]]]]]`)
	f.Fuzz(func(t *testing.T, text string) {
		shown := string(asHTML(json.RawMessage(text)))
		for _, own := range []string{"<dl>", "</dl>", "<dt>", "</dt>", "<dd>", "</dd>", "<ul>", "</ul>", "<li>", "</li>", "<pre>", "</pre>"} {
			shown = strings.ReplaceAll(shown, own, "")
		}
		if strings.ContainsAny(shown, "<>\"") {
			t.Errorf("%q is shown as %q", text, shown)
		}
		changes([]byte(text), []byte(`{"a":1}`))
	})
}

// TestErasingIsTyped: a link cannot have filled in whom to erase, and the audit knows the person by numbers alone.
func TestErasingIsTyped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("admin", "")
		acc, err := g.Accounts.Register(t.Context(), "Bob", "secret-of-bob")
		if err != nil {
			t.Fatal(err)
		}
		player, err := g.Accounts.Character(t.Context(), acc, 1)
		if err != nil {
			t.Fatal(err)
		}
		number := fmt.Sprint(player)
		if _, body := g.ask("GET", "/acts/erase?player="+number+"&again="+number, cookie, nil); strings.Count(body, `value="`+number+`"`) != 1 {
			t.Errorf("a link has filled it in: %s", body)
		}
		if _, body := g.ask("GET", "/players?by=account&q="+fmt.Sprint(acc), cookie, nil); !strings.Contains(body, "/acts/erase?player=") || !strings.Contains(body, "/logs?player=") {
			t.Errorf("not reached from the player: %s", body)
		}
		form := url.Values{"csrf": {csrf}, "reason": {"asked for it"}, "player": {number}, "again": {number + "1"}, "confirmed": {"yes"}}
		if reply, body := g.ask("POST", "/acts/erase", cookie, form); reply.StatusCode != http.StatusBadRequest || !strings.Contains(body, "the same player once more") {
			t.Errorf("typed wrongly: %d %s", reply.StatusCode, body)
		}
		form.Set("again", number)
		form.Del("confirmed")
		if reply, body := g.ask("POST", "/acts/erase", cookie, form); reply.StatusCode != http.StatusOK || !strings.Contains(body, "Nothing was done yet") {
			t.Errorf("asked for once: %d %s", reply.StatusCode, body)
		}
		if len(g.public.got) != 0 {
			t.Fatalf("done: %+v", g.public.got)
		}
		form.Set("confirmed", "yes")
		if reply, body := g.ask("POST", "/acts/erase", cookie, form); reply.StatusCode != http.StatusOK || len(g.public.got) != 1 || g.public.got[0].Name != command.Erase {
			t.Fatalf("%d %s", reply.StatusCode, body)
		}
		entries, err := g.Operators.Audit(t.Context(), 0, operator.Filter{Act: "erase"}, 5)
		if want := fmt.Sprintf(`{"account":"%d","players":["%d"],"erased":false}`, acc, player); err != nil || len(entries) != 1 || string(entries[0].Before) != want {
			t.Errorf("audit %+v, %v; want %s", entries, err, want)
		}
	})
}

// TestAuditHasNothingOfPlayers: what is said to a player, and why he was banned before, do not stand where no erasure reaches.
func TestAuditHasNothingOfPlayers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, csrf := g.login("support", "")
		acc, err := g.Accounts.Register(t.Context(), "Bob", "secret-of-bob")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Accounts.Impose(t.Context(), acc, account.Sanction{Reason: "lives in Springfield", Author: "ann"}); err != nil {
			t.Fatal(err)
		}
		for path, form := range map[string]url.Values{
			"/acts/mail": {"player": {"7"}, "sender": {"Team"}, "subject": {"To Springfield"}, "body": {"Dear Bob of Springfield"}}, "/acts/ban": {"account": {fmt.Sprint(acc)}, "days": {"0"}, "confirmed": {"yes"}},
		} {
			form.Set("csrf", csrf)
			form.Set("reason", "a reason")
			if reply, body := g.ask("POST", path, cookie, form); reply.StatusCode != http.StatusOK {
				t.Errorf("%s: %d %s", path, reply.StatusCode, body)
			}
		}
		entries, err := g.Operators.Audit(t.Context(), 0, operator.Filter{Operator: "support"}, 10)
		if err != nil || len(entries) < 2 {
			t.Fatalf("%+v, %v", entries, err)
		}
		for _, e := range entries {
			if text := fmt.Sprintf("%s %s %s %s", e.Args, e.Before, e.After, e.Value); strings.Contains(text, "Springfield") || strings.Contains(text, "Bob") {
				t.Errorf("the audit of %s has %s", e.Act, text)
			}
		}
	})
}

// TestLogs: what is searched for reaches the log, and a page leads to the next.
func TestLogs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, _ := g.login("viewer", "")
		reply, body := g.ask("GET", "/api/logs?player=7&kind=economy&from=2026-01-31T18:00&to=2026-02-01T00:00", cookie, nil)
		var view logsView
		if err := json.Unmarshal([]byte(body), &view); err != nil || reply.StatusCode != http.StatusOK || len(view.List) != 1 || view.List[0].At != 1769882400000 || view.Next != "7-9-1769904000000" {
			t.Fatalf("%d %s", reply.StatusCode, body)
		}
		if _, body := g.ask("GET", "/logs?player=7", cookie, nil); !strings.Contains(body, "after=7-9-0") {
			t.Error(body)
		}
		if _, body = g.ask("GET", "/logs?player=7&after=7-9-0", cookie, nil); strings.Contains(body, "Older") || !strings.Contains(body, "economy") {
			t.Errorf("the last page: %s", body)
		}
		if _, body = g.ask("GET", "/logs", cookie, nil); !strings.Contains(body, "Give a player") {
			t.Errorf("without anything: %s", body)
		}
		for _, query := range []string{"player=x", "player=7x", "player=-1", "player=7&from=yesterday", "player=7&to=1", "player=7&after=1-2", "player=7&after=1-2-3-4"} {
			if reply, body := g.ask("GET", "/logs?"+query, cookie, nil); reply.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %d %s", query, reply.StatusCode, body)
			}
		}
	})
}

// TestXRay asks about a ticket by its player, or by its number in an area.
func TestXRay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		cookie, _ := g.login("viewer", "")
		for query, want := range map[string]string{
			"": "Give a player or a ticket", "player=7": "any rating", "ticket=9&area=2": "its match has a room", "player=7&ticket=9": "not both", "player=x": "number of one", "ticket=-1": "number of one",
		} {
			if reply, body := g.ask("GET", "/xray?"+query, cookie, nil); reply.StatusCode >= 500 || !strings.Contains(body, want) {
				t.Errorf("%q: %d, and does not say %q: %s", query, reply.StatusCode, want, body)
			}
		}
		if _, body := g.ask("GET", "/api/xray?ticket=9&area=2", cookie, nil); !strings.Contains(body, `"area":2,"state":"made"`) {
			t.Errorf("the area was not asked for: %s", body)
		}
	})
}

// TestQueue shows an area's queue and where a player stands; what can be done about it goes through the settings, and only for who may change those.
func TestQueue(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, g *console) {
		const pause = "/acts/publish?name=queue.admission&amp;area=2&amp;text="
		for role, may := range map[string]bool{"viewer": false, "admin": true} {
			cookie, _ := g.login(role, "")
			_, body := g.ask("GET", "/queue?area=2&player=7", cookie, nil)
			if !strings.Contains(body, "number 3 of the lane standard") || !strings.Contains(body, "12, and 0 whose") || strings.Contains(body, pause+"open") != may || strings.Contains(body, pause+"paused") {
				t.Errorf("%s: %s", role, body)
			}
			for _, query := range []string{"area=x", "area=70000", "player=x", "player=0"} {
				if reply, _ := g.ask("GET", "/queue?"+query, cookie, nil); reply.StatusCode != http.StatusBadRequest {
					t.Errorf("%s: %d", query, reply.StatusCode)
				}
			}
		}
		cookie, _ := g.login("admin", "")
		if _, body := g.ask("GET", "/acts/publish?name=queue.admission&area=2&text=closed", cookie, nil); !strings.Contains(body, "closed</textarea>") || !strings.Contains(body, `name="reason"`) {
			t.Errorf("the form is not filled in: %s", body)
		}
	})
}
