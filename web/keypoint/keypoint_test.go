package keypoint

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/keypoint"
)

// TestIngest takes a batch that is good in part, twice: each good event is stored once, each other is in quarantine with its reason.
func TestIngest(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		now := time.Now()
		body := batchOf(one("event-0001", "login", "p1", now), one("event-0002", "nonsense", "p1", now), one("short", "login", "p1", now),
			`{"id":"event-0003","name":"match_end","player":"p1","at":1,"fields":{"mode":"duel"}}`, `"no event"`, one("event-0004", "enter", "p1", now))
		for _, packed := range []bool{false, true} {
			sent, headers := body, []string(nil)
			if packed {
				sent, headers = zipped(t, body), []string{"Content-Encoding", "gzip"}
			}
			status, reply := s.send("POST", "/v1/events", writing, sent, headers...)
			if status != http.StatusAccepted || !strings.Contains(reply, `"accepted":2`) || strings.Count(reply, `"reason"`) != 4 {
				t.Fatalf("%d %s", status, reply)
			}
		}
		s.write()
		if got := s.stored(); !slices.Equal(got, []string{"event-0001", "event-0004"}) {
			t.Errorf("stored: %v", got)
		}
		var q struct{ Rejects []keypoint.Reject }
		s.ask("/v1/quarantine", &q)
		reasons := map[string]int{}
		for _, r := range q.Rejects {
			reasons[r.Reason]++
		}
		if reasons[unknown] != 2 || reasons[badID] != 2 || reasons[missing] != 2 || reasons[badShape] != 2 {
			t.Errorf("quarantine: %v", reasons)
		}
	})
}

// TestHalfPair: a text that was cut off within an emoji is stored, with a sign for what is missing, and holds up nobody.
func TestHalfPair(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		cut := strings.Replace(one("event-0001", "match_start", "p1", time.Now()), "duel", `du\ud83d`, 1)
		s.post(cut, one("event-0002", "login", "p1", time.Now()))
		s.write()
		if got := s.stored(); !slices.Equal(got, []string{"event-0001", "event-0002"}) {
			t.Errorf("stored: %v", got)
		}
		db, err := stores.SQL("keypoint")
		if err != nil {
			t.Fatal(err)
		}
		var fields []string
		if err := db.Table("events").Order("id").Limit(1).Pluck("fields", &fields).Error; err != nil || !slices.Equal(fields, []string{"{\"mode\":\"du\ufffd\"}"}) {
			t.Errorf("fields: %q, %v", fields, err)
		}
	})
}

// TestEventsThatSQLRefuses: what passes the checks at the door and not those of the tables goes into quarantine, and holds up nobody.
func TestEventsThatSQLRefuses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		now := time.Now()
		deep := json.RawMessage(strings.Repeat("[", 2000) + strings.Repeat("]", 2000)) // of no declared type: no door lets it in
		var want, wrong []string
		for batch := range 20 {
			e := entry{App: "arena", Received: now.UnixMilli(), Rejects: []reject{{Index: 0, Reason: badShape, Body: "no event"}}}
			for i := range 5 {
				in := inEntry{fmt.Sprintf("event-%02d-%d", batch, i), "login", "p1", now.UnixMilli(), json.RawMessage("{}")}
				if (5*batch+i)%17 == 3 {
					in.Fields = deep
					wrong = append(wrong, in.ID)
				} else {
					want = append(want, in.ID)
				}
				e.Events = append(e.Events, in)
			}
			if err := s.stream.add(t.Context(), e, len(e.Events), 0, now); err != nil {
				t.Fatal(err)
			}
		}
		taken, err := s.stream.take(t.Context(), s.writers[0].name, false)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // as when the writer dies before it says that it has stored them
			var in inbox
			for _, m := range taken {
				text, _ := m.Values[entryIn].(string)
				in.unfold(m.ID, text, now)
			}
			if err := s.writers[0].save(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.writers[0].step(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		s.write()
		if got := s.stored(); !slices.Equal(got, want) {
			t.Errorf("stored: %v, want %v", got, want)
		}
		rejects, err := s.events.Quarantined(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		var refused []string
		for _, r := range rejects {
			if r.Reason != badValue {
				continue
			}
			id, rest, _ := strings.Cut(strings.TrimPrefix(r.Body, `{"id":"`), `"`)
			if refused = append(refused, id); !strings.HasPrefix(rest, `,"name":"login","player":"p1",`) {
				t.Errorf("in quarantine: %s", r.Body)
			}
		}
		slices.Sort(refused)
		if !slices.Equal(refused, wrong) || len(rejects) != len(wrong)+20 {
			t.Errorf("refused: %v of %d in quarantine, want %v", refused, len(rejects), wrong)
		}
	})
}

// TestLongNumber: a number is bounded in its text too, which is stored as it is.
func TestLongNumber(t *testing.T) {
	t.Parallel()
	schemas, err := ParseSchemas([]byte("event,field,type,required,max\nshot,angle,number,yes,360\n"))
	if err != nil {
		t.Fatal(err)
	}
	for angle, want := range map[string]bool{"-1.5e2": true, "0.12345678901234567": true, "0." + strings.Repeat("0", 1<<20) + "1": false} {
		event := fmt.Sprintf(`{"id":"event-0001","name":"shot","player":"p","at":1,"fields":{"angle":%s}}`, angle)
		if _, err := schemas.check([]byte(event), time.Now(), 0); (err == nil) != want {
			t.Errorf("a number of %d characters: %v", len(angle), err)
		}
	}
}

// TestRefused is every way in which a batch is not taken.
func TestRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	good := batchOf(one("event-0001", "login", "p1", now))
	bomb := zipped(t, bytes.Repeat([]byte(" "), 900<<10))
	tests := []struct {
		name, key string
		body      []byte
		encoding  string
		change    func(*Config)
		status    int
		kept      int64 // entries on the stream
	}{
		{name: "no key", body: good, status: 401},
		{name: "operators' key", key: reading, body: good, status: 401},
		{name: "no JSON", key: writing, body: []byte("\xff{"), status: 400, kept: 1},
		{name: "no events", key: writing, body: batchOf(), status: 400, kept: 1},
		{name: "too many", key: writing, body: batchOf(one("event-0001", "login", "p1", now), one("event-0002", "login", "p1", now)), change: func(c *Config) { c.Batch = 1 }, status: 400, kept: 1},
		{name: "unknown encoding", key: writing, body: good, encoding: "br", status: 400, kept: 1},
		{name: "no gzip", key: writing, body: good, encoding: "gzip", status: 400, kept: 1},
		{name: "gzip cut off", key: writing, body: zipped(t, good)[:40], encoding: "gzip", status: 400, kept: 1},
		{name: "bomb by its ratio", key: writing, body: bomb, encoding: "gzip", status: 413, kept: 1},
		{name: "too large unpacked", key: writing, body: zipped(t, bytes.Repeat([]byte("abcdefgh1"), 1<<10)), encoding: "gzip", change: func(c *Config) { c.Unpacked = 1 << 10 }, status: 413, kept: 1},
		{name: "daily limit", key: writing, body: batchOf(one("event-0001", "login", "p1", now), one("event-0002", "login", "p1", now)), change: func(c *Config) { c.Keys[0].Daily = 1 }, status: 429},
		{name: "backlog", key: writing, body: good, change: func(c *Config) { c.Backlog = 1 }, status: 503},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, storetest.Embedded(t), func(c *Config) {
				if test.change != nil {
					test.change(c)
				}
			})
			status, body := s.send("POST", "/v1/events", test.key, test.body, "Content-Encoding", test.encoding)
			if status != test.status || s.length() != test.kept {
				t.Errorf("%d %s, and %d entries on the stream; want %d and %d", status, body, s.length(), test.status, test.kept)
			}
			s.write() // whatever it was, SQL takes it
		})
	}
}

// TestQuestions asks everything about four players whose ways are known.
func TestQuestions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		day := keypoint.DayOf(time.Now()) - 3
		at := func(later int, hour int) time.Time {
			return (day + keypoint.Day(later)).Time().Add(time.Duration(hour) * time.Hour)
		}
		s.post(
			one("a-login-1", "login", "a", at(0, 1)), one("a-enter-1", "enter", "a", at(0, 2)), one("a-match-1", "match_start", "a", at(0, 3)),
			one("a-login-2", "login", "a", at(1, 1)),
			one("b-enter-1", "enter", "b", at(0, 1)), one("b-login-1", "login", "b", at(0, 2)), // in the wrong order
			one("c-login-1", "login", "c", at(0, 1)), one("c-enter-1", "enter", "c", at(1, 5)), // too late
			one("d-login-1", "login", "d", at(1, 1)),
		)
		s.write()
		days := fmt.Sprintf("from=%s&to=%s", day, day+1)
		var active struct{ Days []struct{ Players int } }
		s.ask("/v1/active?"+days, &active)
		if fmt.Sprint(active.Days) != "[{3} {3}]" {
			t.Errorf("active: %v", active.Days)
		}
		var retention struct {
			Cohorts []struct {
				Players  int
				Returned []int
			}
		}
		s.ask("/v1/retention?after=1,7&"+days, &retention)
		if fmt.Sprint(retention.Cohorts) != "[{3 [2 0]} {1 [0 0]}]" {
			t.Errorf("retention: %v", retention.Cohorts)
		}
		var funnel struct{ Steps []Step }
		s.ask("/v1/funnel?steps=login,enter,match_start&hours=24&"+days, &funnel)
		if fmt.Sprint(funnel.Steps) != "[{login 4} {enter 1} {match_start 1}]" {
			t.Errorf("funnel: %v", funnel.Steps)
		}
		var conversion struct{ Days []struct{ Active, Did int } }
		s.ask("/v1/conversion?event=match_start&"+days, &conversion)
		if fmt.Sprint(conversion.Days) != "[{3 1} {3 0}]" {
			t.Errorf("conversion: %v", conversion.Days)
		}
		if status, _ := s.send("GET", "/v1/active", writing, nil); status != http.StatusUnauthorized {
			t.Errorf("a client's key reads: %d", status)
		}
		if err := s.events.Prune(t.Context(), time.Now().Add(time.Minute), day+1); err != nil {
			t.Fatal(err)
		}
		s.ask("/v1/active?"+days, &active)
		if len(s.stored()) != 0 || len(active.Days) != 1 {
			t.Errorf("after pruning there are %v and %v", s.stored(), active.Days)
		}
	})
}

// TestDeadWriters stores events that come several times, by writers that die before, amid and after writing: each event is there once in the end, and nothing
// is left on the stream.
func TestDeadWriters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		want := map[string]bool{}
		now := time.Now()
		for round := range 40 {
			var events []string
			for range 1 + rand.IntN(8) {
				id := fmt.Sprintf("event-%04d", rand.IntN(200))
				want[id] = true
				events = append(events, one(id, "login", fmt.Sprint("p", rand.IntN(20)), now))
			}
			s.post(events...)
			w := *s.writers[0]
			w.name, w.idle = fmt.Sprint("writer-", round%3), 0
			switch rand.IntN(4) {
			case 0: // takes and dies
				if _, err := w.stream.take(t.Context(), w.name, false); err != nil {
					t.Fatal(err)
				}
			case 1: // stores and dies before it says so
				lot, err := w.stream.take(t.Context(), w.name, false)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range lot {
					text, _ := m.Values[entryIn].(string)
					var in inbox
					in.unfold(m.ID, text, now)
					if _, err := w.events.Save(t.Context(), in.events, in.rejects); err != nil {
						t.Fatal(err)
					}
				}
			case 2: // comes back
				if _, err := w.step(t.Context(), true); err != nil {
					t.Fatal(err)
				}
			default: // dies at any moment
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(rand.N(5*time.Millisecond), cancel)
				_, _ = w.step(ctx, false)
				cancel()
			}
		}
		last := *s.writers[0]
		last.idle = 0
		for s.length() > 0 {
			if _, err := last.step(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			if _, err := last.takeOver(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := s.stored()
		for _, id := range got {
			if !want[id] {
				t.Errorf("%s was never sent", id)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d events are stored; %d were sent", len(got), len(want))
		}
		if left, err := stores.Redis().Get(t.Context(), s.stream.key("bytes")).Int64(); left != 0 || err != nil {
			t.Errorf("an empty stream counts %d bytes, %v", left, err)
		}
	})
}

// TestHeirUnderLoad: what a dead writer has taken is stored by another one for which there is always something new to store, too.
func TestHeirUnderLoad(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		if _, err := s.stream.take(t.Context(), "dead", true); err != nil { // makes the group
			t.Fatal(err)
		}
		ctx, end := context.WithTimeout(t.Context(), 20*time.Second)
		defer end()
		const death = 50
		busy, now, sent, left := *s.writers[0], time.Now(), 0, ""
		busy.idle = 0
		busy.now = func() time.Time { // asked for each entry, after which there is another one
			sent++
			now = now.Add(claimEvery)
			e := entry{App: "arena", Received: now.UnixMilli(), Events: []inEntry{{fmt.Sprintf("event-%04d", sent), "login", "p", now.UnixMilli(), []byte("{}")}}}
			if err := s.stream.add(ctx, e, 1, 0, now); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			if sent == death {
				lot, err := s.stream.take(ctx, "dead", false)
				if err != nil || len(lot) == 0 {
					t.Fatalf("%v, %v", lot, err)
				}
				text, _ := lot[0].Values[entryIn].(string)
				var in inbox
				in.unfold(lot[0].ID, text, now)
				left = in.events[0].ID
			}
			if sent > death && sent%100 == 0 && slices.Contains(s.stored(), left) {
				end()
			}
			return now
		}
		busy.run(ctx)
		if !slices.Contains(s.stored(), left) {
			t.Errorf("what a dead writer has taken is not stored, after %d entries that came later", sent-death)
		}
	})
}

// TestBacklog counts the bytes of entries that are on the stream, and of no others, however often one is done.
func TestBacklog(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		s.post(one("event-0001", "login", "p", time.Now()))
		if _, err := s.stream.take(t.Context(), "writer", true); err != nil { // makes the group
			t.Fatal(err)
		}
		lot, err := s.stream.take(t.Context(), "writer", false)
		if err != nil || len(lot) != 1 {
			t.Fatalf("%v, %v", lot, err)
		}
		s.post(one("event-0002-longer", "login", "p", time.Now()))
		for range 2 {
			left, err := s.stream.done(t.Context(), lot)
			rest, rerr := stores.Redis().XRange(t.Context(), s.stream.key("stream"), "-", "+").Result()
			if err != nil || rerr != nil || len(rest) != 1 {
				t.Fatalf("%v, %v, %v", rest, err, rerr)
			}
			if text, _ := rest[0].Values[entryIn].(string); left != int64(len(text)) {
				t.Errorf("%d bytes are left; want %d", left, len(text))
			}
		}
	})
}

func TestSkew(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_700_000_000_000)
	for _, test := range []struct {
		name     string
		sent, at time.Time
		want     time.Time
	}{
		{"the same clock", now.Add(-time.Second), now.Add(-time.Hour), now.Add(-time.Hour)},
		{"an hour slow", now.Add(-time.Hour), now.Add(-2 * time.Hour), now.Add(-time.Hour)},
		{"a day fast", now.Add(24 * time.Hour), now.Add(23 * time.Hour), now.Add(-time.Hour)},
		{"in the future", now, now.Add(time.Hour), now},
		{"long ago", now, now.Add(-30 * 24 * time.Hour), now.Add(-maxAge)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, err := declaredEvents(t).check([]byte(one("event-0001", "login", "p", test.at)), now, skewOf(test.sent.UnixMilli(), now))
			if err != nil || !e.At.Equal(test.want) {
				t.Errorf("at %v, %v; want %v", e.At, err, test.want)
			}
		})
	}
}

func TestBrokenSchemas(t *testing.T) {
	t.Parallel()
	for _, row := range []string{"Bad,,,,", "a,B,int,no,1", "a,b,float,no,1", "a,b,int,maybe,1", "a,b,int,no,0", "a,b,int,no,NaN", "a,b,bool,no,1", "a,,int,,"} {
		if _, err := ParseSchemas([]byte("event,field,type,required,max\nok,,,,\n" + row + "\n")); err == nil || !strings.Contains(err.Error(), "row 3") {
			t.Errorf("%s: %v; want an error in row 3", row, err)
		}
	}
}
