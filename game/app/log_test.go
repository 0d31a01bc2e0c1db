package app_test

import (
	"testing"
	"time"

	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/log"
)

// TestGameLog has a player earn while there is no log, and more once there is one: in the end it has each entry of his ledger, and nothing else
// of it, and that he has logged in twice.
func TestGameLog(t *testing.T) {
	requires(t, "log")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, quick)}
	s.up(t)
	p := s.connect(t, "logged", false)
	player := p.enter().GetProfile().GetPlayer()
	ask[*pb.SignInReply](p, &pb.SignIn{})

	node := begin(t, []string{"GAME_DATA_DIR=" + s.dir, "GAME_LOG_LEVEL=info"}, "run", "log", "--join", "--config", s.config)
	node.printed(t, node.stderr, `ready`)
	ask[*pb.BuyOfferReply](p, &pb.BuyOffer{Request: "a-test", Offer: "shield", Count: 1})
	want := map[int64]bool{}
	for _, e := range ask[*pb.GetLedgerReply](p, &pb.GetLedger{Limit: 200}).GetEntries() {
		want[e.GetId()] = true
	}

	s.connect(t, "logged", false).enter() // takes the session's place: a login to a player who is in the world

	sql, err := storetest.Open(t, store.Config{DataDir: s.dir}).SQL("log")
	if err != nil {
		t.Fatal(err)
	}
	logged := log.New(sql, 90, time.Now)
	// has waits until there are n records of a kind.
	has := func(kind string, n int) []log.Record {
		t.Helper()
		for late := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			q := log.Query{Player: player, Kind: kind, From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}
			records, err := logged.Find(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(records) == n {
				return records
			}
			if len(records) > n || time.Now().After(late) {
				t.Fatalf("it has %d records of kind %s; want %d", len(records), kind, n)
			}
		}
	}
	for _, r := range has(api.LogEconomy, len(want)) {
		if !want[r.ID] {
			t.Fatalf("it has record %d, which is not in the ledger", r.ID)
		}
	}
	for _, r := range has(api.LogLogin, 2) {
		if r.Details != `{"way":"guest"}` {
			t.Errorf("a login is %s; it was a guest's", r.Details)
		}
	}
	if len(want) < 3 {
		t.Errorf("only %d entries of the ledger: nothing is shown", len(want))
	}
	node.stop(t)
}
