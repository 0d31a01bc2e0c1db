package player_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/player"
	"loumiao/migrations"
)

// A clock is one that stands until it is moved.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time        { return time.UnixMilli(c.ms.Load()) }
func (c *clock) pass(by time.Duration) { c.ms.Add(by.Milliseconds()) }

// eachAt is each, on a clock of the test's.
func eachAt(t *testing.T, test func(t *testing.T, s *player.Store, db *gorm.DB, c *clock)) {
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		c := &clock{}
		c.ms.Store(1_800_000_000_000)
		db := storetest.Migrated(t, stores, "player", migrations.FS("player"))
		s := player.New(db, id.NewGenerator(1, nil), c.now)
		test(t, s, db, c)
		audit(t, s)
	})
}

// letter is a mail to player 7 with that much gold in it.
func letter(key string, gold int64) player.Letter {
	l := player.Letter{Key: key, Player: 7, Sender: "system", Subject: "Hello", Body: "One\nTwo"}
	if gold != 0 {
		l.Goods = player.Goods{Wallet: map[string]int64{player.Gold: gold}}
	}
	return l
}

func send(t *testing.T, s *player.Store, l player.Letter) player.Mail {
	t.Helper()
	m, repeated, err := s.SendMail(t.Context(), l)
	if err != nil || repeated {
		t.Fatalf("mail %s: repeated %t, %v", l.Key, repeated, err)
	}
	return m
}

// fill puts mails with goods into the mailbox of player 7, newer than those that are there, all at once.
func fill(t *testing.T, db *gorm.DB, n int) {
	t.Helper()
	err := store.InTx(t.Context(), db, func(tx *gorm.DB) error {
		var newest int64
		if err := tx.Raw("SELECT MAX(id) FROM mails WHERE player = 7").Scan(&newest).Error; err != nil {
			return err
		}
		rows := make([]map[string]any, n)
		for i := range rows {
			rows[i] = map[string]any{
				"player": 7, "id": newest + 1 + int64(i), "op": fmt.Sprint("fill:", i), "sender": "system", "subject": "Fill", "body": "",
				"attachments": `{"wallet":{"gold":1}}`, "created_at": 1, "expires_at": 0, "read_at": 0, "claimed_at": 0,
			}
		}
		return tx.Table("mails").Create(&rows).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// mails is the IDs of what is in the mailbox of player 7, the oldest first.
func mails(t *testing.T, s *player.Store) []player.MailID {
	t.Helper()
	var ids []player.MailID
	for before := player.MailID(0); ; before = ids[len(ids)-1] {
		page, _, err := s.Mails(t.Context(), 7, 3+len(ids), before)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			slices.Reverse(ids)
			return ids
		}
		for _, m := range page {
			ids = append(ids, m.ID)
		}
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	eachAt(t, func(t *testing.T, s *player.Store, db *gorm.DB, c *clock) {
		p := load(t, s, 7)
		l := letter("season:1", 30)
		l.Goods.Items = map[string]int64{"map": 2}
		l.Expires = c.now().Add(time.Hour)
		sent := send(t, s, l)
		if again, repeated, err := s.SendMail(t.Context(), l); err != nil || !repeated || again.ID != sent.ID {
			t.Errorf("sent again: %+v, %t, %v", again, repeated, err)
		}
		list, unread, err := s.Mails(t.Context(), 7, 0, 0)
		if err != nil || len(list) != 1 || unread != 1 || list[0].Body != "" || list[0].Read || list[0].Claimed || list[0].Goods.Items["map"] != 2 ||
			!list[0].Expires.Equal(l.Expires) || list[0].Subject != "Hello" || list[0].Sender != "system" {
			t.Fatalf("the list is %+v, %d unread, %v", list, unread, err)
		}
		if m, err := s.ReadMail(t.Context(), 7, p.Epoch, sent.ID); err != nil || m.Body != "One\nTwo" || !m.Read || m.Claimed {
			t.Errorf("reading: %+v, %v", m, err)
		}
		if _, unread, _ := s.Mails(t.Context(), 7, 0, 0); unread != 0 {
			t.Errorf("%d are unread after it was read", unread)
		}
		if err := s.DeleteMail(t.Context(), 7, p.Epoch, sent.ID, false); !errors.Is(err, player.ErrUnclaimed) {
			t.Errorf("deleted with goods in it: %v", err)
		}
		m, first, err := s.ClaimMail(t.Context(), 7, p.Epoch, sent.ID)
		if err != nil || !m.Claimed || first.Repeated || first.Wallet[player.Gold] != player.StartGold+30 || first.Items["map"] != 2 {
			t.Errorf("claiming: %+v, %+v, %v", m, first, err)
		}
		if err := s.DeleteMail(t.Context(), 7, p.Epoch, sent.ID, false); err != nil {
			t.Errorf("deleting: %v", err)
		}
		if err := s.DeleteMail(t.Context(), 7, p.Epoch, sent.ID, false); err != nil {
			t.Errorf("deleting again: %v", err)
		}
		// The mail is gone; its keys are not.
		if _, again, err := s.ClaimMail(t.Context(), 7, p.Epoch, sent.ID); err != nil || !again.Repeated || again.Wallet[player.Gold] != first.Wallet[player.Gold] {
			t.Errorf("claimed again: %+v, %v", again, err)
		}
		if _, repeated, err := s.SendMail(t.Context(), l); err != nil || !repeated || len(mails(t, s)) != 0 {
			t.Errorf("sent again: %t, %v; there is %v", repeated, err, mails(t, s))
		}
		if now := read(t, s, 7); now.Wallet[player.Gold] != player.StartGold+30 {
			t.Errorf("gold = %d", now.Wallet[player.Gold])
		}
		if ledger, err := s.Ledger(t.Context(), 7, 1, 0); err != nil || ledger[0].Reason != "mail" || ledger[0].Key != fmt.Sprintf("claim:%d", sent.ID) {
			t.Errorf("ledger = %+v, %v", ledger, err)
		}
	})
}

func TestMailRefuses(t *testing.T) {
	t.Parallel()
	eachAt(t, func(t *testing.T, s *player.Store, db *gorm.DB, c *clock) {
		old := load(t, s, 7).Epoch
		epoch := load(t, s, 7).Epoch
		for name, test := range map[string]struct {
			change func(l *player.Letter)
			want   fault.Code
		}{
			"nobody":            {func(l *player.Letter) { l.Player = 8 }, fault.NotFound},
			"no key":            {func(l *player.Letter) { l.Key = "" }, fault.Invalid},
			"a long key":        {func(l *player.Letter) { l.Key = strings.Repeat("k", 124) }, fault.Invalid},
			"no sender":         {func(l *player.Letter) { l.Sender = "" }, fault.Invalid},
			"no subject":        {func(l *player.Letter) { l.Subject = "" }, fault.Invalid},
			"a long subject":    {func(l *player.Letter) { l.Subject = strings.Repeat("é", 65) }, fault.Invalid},
			"two lines":         {func(l *player.Letter) { l.Subject = "a\nb" }, fault.Invalid},
			"a bell":            {func(l *player.Letter) { l.Body = "\a" }, fault.Invalid},
			"not UTF-8":         {func(l *player.Letter) { l.Body = "\xff" }, fault.Invalid},
			"a long body":       {func(l *player.Letter) { l.Body = strings.Repeat("é", 1001) }, fault.Invalid},
			"expired":           {func(l *player.Letter) { l.Expires = c.now() }, fault.Invalid},
			"less than nothing": {func(l *player.Letter) { l.Goods.Wallet = map[string]int64{player.Gold: -1} }, fault.Invalid},
			"nothing of it":     {func(l *player.Letter) { l.Goods.Items = map[string]int64{"map": 0} }, fault.Invalid},
			"a bad item":        {func(l *player.Letter) { l.Goods.Items = map[string]int64{"Map!": 1} }, fault.Invalid},
			"17 goods": {func(l *player.Letter) {
				l.Goods.Items = map[string]int64{}
				for n := range 17 {
					l.Goods.Items[fmt.Sprint("i", n)] = 1
				}
			}, fault.Invalid},
		} {
			l := letter("k", 0)
			test.change(&l)
			if _, _, err := s.SendMail(t.Context(), l); fault.CodeOf(err) != test.want {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
		}
		good := letter("k", 0)
		good.Subject, good.Body = strings.Repeat("é", 64), strings.Repeat("é", 1000)
		empty := send(t, s, good) // and its key was not used up
		if _, _, err := s.ClaimMail(t.Context(), 7, epoch, empty.ID); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("claiming nothing: %v", err)
		}
		full := send(t, s, letter("l", player.MaxBalance))
		if _, _, err := s.ClaimMail(t.Context(), 7, epoch, full.ID); !errors.Is(err, player.ErrTooMuch) {
			t.Errorf("claiming too much: %v", err)
		}
		if list, _, _ := s.Mails(t.Context(), 7, 0, 0); len(list) != 2 || list[0].Claimed || list[0].Read || len(list[0].Goods.Wallet) != 1 {
			t.Errorf("afterwards there is %+v", list)
		}
		for name, call := range map[string]func(epoch uint64, mail player.MailID) error{
			"read":   func(e uint64, m player.MailID) error { _, err := s.ReadMail(t.Context(), 7, e, m); return err },
			"claim":  func(e uint64, m player.MailID) error { _, _, err := s.ClaimMail(t.Context(), 7, e, m); return err },
			"delete": func(e uint64, m player.MailID) error { return s.DeleteMail(t.Context(), 7, e, m, true) },
		} {
			if err := call(old, full.ID); !errors.Is(err, player.ErrFenced) {
				t.Errorf("%s by an old holder: %v", name, err)
			}
			if err := call(epoch, 1); name != "delete" && !errors.Is(err, player.ErrNoMail) {
				t.Errorf("%s what is not there: %v", name, err)
			}
		}
	})
}

// TestMailExpires has mails end in time: out of lists at once, and of the table when it is tidied up.
func TestMailExpires(t *testing.T) {
	t.Parallel()
	eachAt(t, func(t *testing.T, s *player.Store, db *gorm.DB, c *clock) {
		load(t, s, 7)
		l := letter("short", 5)
		l.Expires = c.now().Add(time.Minute)
		short := send(t, s, l)
		stays := send(t, s, letter("long", 5))
		if n, err := s.ExpireMails(t.Context()); n != 0 || err != nil {
			t.Errorf("%d are tidied up too early, %v", n, err)
		}
		c.pass(time.Minute)
		if ids := mails(t, s); !slices.Equal(ids, []player.MailID{stays.ID}) {
			t.Errorf("there is %v", ids)
		}
		if ids, err := s.Claimable(t.Context(), 7, 0); err != nil || !slices.Equal(ids, []player.MailID{stays.ID}) {
			t.Errorf("claimable is %v, %v", ids, err)
		}
		if _, _, err := s.ClaimMail(t.Context(), 7, 0, short.ID); !errors.Is(err, player.ErrNoMail) {
			t.Errorf("claimed too late: %v", err)
		}
		if n, err := s.ExpireMails(t.Context()); n != 1 || err != nil {
			t.Errorf("%d are tidied up, %v", n, err)
		}
		if n, err := s.ExpireMails(t.Context()); n != 0 || err != nil {
			t.Errorf("%d are tidied up again, %v", n, err)
		}
	})
}

// TestFullMailbox has what is not needed any more give way, and never what is unclaimed.
func TestFullMailbox(t *testing.T) {
	t.Parallel()
	eachAt(t, func(t *testing.T, s *player.Store, db *gorm.DB, c *clock) {
		load(t, s, 7)
		news := send(t, s, letter("news", 0))    // not read
		gold := send(t, s, letter("gold", 5))    // not claimed
		claimed := send(t, s, letter("done", 5)) // claimed
		soon := letter("soon", 5)                // not claimed, and soon expired
		soon.Expires = c.now().Add(time.Minute)
		soonSent := send(t, s, soon)
		if _, _, err := s.ClaimMail(t.Context(), 7, 0, claimed.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReadMail(t.Context(), 7, 0, gold.ID); err != nil { // and still not claimed
			t.Fatal(err)
		}
		fill(t, db, player.MaxMails-4)
		gone := func(what string, id player.MailID) {
			t.Helper()
			if ids := mails(t, s); slices.Contains(ids, id) || len(ids) != player.MaxMails || !slices.Contains(ids, gold.ID) {
				t.Errorf("%s: %d mails; gone: %t", what, len(ids), !slices.Contains(ids, id))
			}
		}
		send(t, s, letter("more:1", 0))
		gone("what is claimed gives way first", claimed.ID)
		if _, _, err := s.SendMail(t.Context(), letter("more:2", 0)); !errors.Is(err, player.ErrMailFull) {
			t.Errorf("news push out what is not read: %v", err)
		}
		send(t, s, letter("more:2", 1))
		gone("news give way to goods", news.ID)
		send(t, s, letter("more:3", 1)) // more:1
		if _, _, err := s.SendMail(t.Context(), letter("more:4", 1)); !errors.Is(err, player.ErrMailFull) {
			t.Errorf("goods push out goods: %v", err)
		}
		c.pass(time.Minute)
		send(t, s, letter("more:4", 1))
		gone("what has expired gives way", soonSent.ID)
	})
}

// TestClaimsRace has many claim and send at once: each mail is there once, and what is in it is given once.
func TestClaimsRace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		load(t, s, 7)
		const workers, letters = 8, 5
		var claims, sends atomic.Int64
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for n := range letters {
					m, repeated, err := s.SendMail(t.Context(), letter(fmt.Sprint("race:", n), 3))
					if err != nil {
						t.Error(err)
						return
					}
					if !repeated {
						sends.Add(1)
					}
					_, r, err := s.ClaimMail(t.Context(), 7, 0, m.ID)
					if err != nil {
						t.Error(err)
					} else if !r.Repeated {
						claims.Add(1)
					}
					if err := s.DeleteMail(t.Context(), 7, 0, m.ID, false); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if sends.Load() != letters || claims.Load() != letters {
			t.Errorf("%d sent, %d claimed; want %d", sends.Load(), claims.Load(), letters)
		}
		if gold := read(t, s, 7).Wallet[player.Gold]; gold != player.StartGold+3*letters {
			t.Errorf("gold = %d", gold)
		}
	})
}

// TestMailAgainstOracle sends, reads, claims, deletes and lets expire at random, against plain maps.
func TestMailAgainstOracle(t *testing.T) {
	t.Parallel()
	eachAt(t, func(t *testing.T, s *player.Store, db *gorm.DB, c *clock) {
		type box struct {
			id      player.MailID
			gold    int64
			expires time.Time
			claimed bool
			deleted bool
		}
		p := load(t, s, 7)
		rng := rand.New(rand.NewPCG(5, 6))
		sent := map[string]*box{}
		gold := player.StartGold
		for step := range 200 {
			key := fmt.Sprint("k", rng.IntN(40))
			b := sent[key]
			there := b != nil && !b.deleted && (b.expires.IsZero() || b.expires.After(c.now()))
			switch rng.IntN(6) {
			case 0, 1:
				l := letter(key, int64(rng.IntN(3)))
				if rng.IntN(2) == 0 {
					l.Expires = c.now().Add(time.Duration(1+rng.IntN(60)) * time.Second)
				}
				m, repeated, err := s.SendMail(t.Context(), l)
				if err != nil || repeated != (b != nil) || b != nil && m.ID != b.id {
					t.Fatalf("step %d: sending %s: %+v, %t, %v; it is %+v", step, key, m, repeated, err, b)
				}
				if b == nil {
					sent[key] = &box{id: m.ID, gold: l.Goods.Wallet[player.Gold], expires: l.Expires}
				}
			case 2, 3:
				if b == nil {
					continue
				}
				_, r, err := s.ClaimMail(t.Context(), 7, p.Epoch, b.id)
				switch {
				case b.claimed:
					if err != nil || !r.Repeated {
						t.Fatalf("step %d: claimed again: %+v, %v", step, r, err)
					}
				case !there:
					if !errors.Is(err, player.ErrNoMail) {
						t.Fatalf("step %d: claimed what is gone: %v", step, err)
					}
				case b.gold == 0:
					if fault.CodeOf(err) != fault.FailedPrecondition {
						t.Fatalf("step %d: claimed nothing: %v", step, err)
					}
				default:
					gold += b.gold
					b.claimed = true
					if err != nil || r.Repeated || r.Wallet[player.Gold] != gold {
						t.Fatalf("step %d: claiming: %+v, %v; want %d", step, r, err, gold)
					}
				}
			case 4:
				if b == nil {
					continue
				}
				err := s.DeleteMail(t.Context(), 7, p.Epoch, b.id, false)
				if there && b.gold > 0 && !b.claimed {
					if !errors.Is(err, player.ErrUnclaimed) {
						t.Fatalf("step %d: deleted with gold: %v", step, err)
					}
				} else if err != nil {
					t.Fatalf("step %d: deleting: %v", step, err)
				} else {
					b.deleted = true
				}
			case 5:
				c.pass(time.Duration(rng.IntN(4)) * time.Second)
				if _, err := s.ExpireMails(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			var want []player.MailID
			for _, b := range sent {
				if !b.deleted && (b.expires.IsZero() || b.expires.After(c.now())) {
					want = append(want, b.id)
				}
			}
			slices.Sort(want)
			if step%10 == 0 {
				if got := mails(t, s); !slices.Equal(got, want) {
					t.Fatalf("step %d: there is %v, want %v", step, got, want)
				}
				if got := read(t, s, 7).Wallet[player.Gold]; got != gold {
					t.Fatalf("step %d: gold = %d, want %d", step, got, gold)
				}
			}
		}
	})
}

// TestWelcome has a player created, by several at once, with mails that he then finds: once each, however often he comes, also after he has deleted one.
func TestWelcome(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *player.Store, _ *gorm.DB) {
		var wrong player.Letter
		if _, err := s.Welcoming(func() []player.Letter { return []player.Letter{wrong} }).Load(t.Context(), 7, 1, 1); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("created with a letter without a key: %v", err)
		}
		if _, err := s.Read(t.Context(), 7); !errors.Is(err, player.ErrNotFound) {
			t.Errorf("who could not be welcomed is there: %v", err)
		}
		letters := []player.Letter{letter("welcome:a", 5), letter("welcome:b", 0)}
		w := s.Welcoming(func() []player.Letter { return letters })
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, err := w.Load(t.Context(), 7, 1, 1); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		p, err := w.Load(t.Context(), 7, 1, 1)
		list, unread, listed := s.Mails(t.Context(), 7, 0, 0)
		if err != nil || listed != nil || len(list) != 2 || unread != 2 || p.Wallet[player.Gold] != player.StartGold {
			t.Fatalf("%v, %v: a new player has %v and %d mails: %+v", err, listed, p, len(list), list)
		}
		for range 2 {
			if _, _, err := s.ClaimMail(t.Context(), 7, p.Epoch, list[1].ID); err != nil {
				t.Error(err)
			}
		}
		if err := s.DeleteMail(t.Context(), 7, p.Epoch, list[0].ID, false); err != nil {
			t.Error(err)
		}
		if _, repeated, err := s.SendMail(t.Context(), letters[1]); !repeated || err != nil {
			t.Errorf("a welcome that was deleted is sent again: %t, %v", repeated, err)
		}
		if p, err = w.Load(t.Context(), 7, 1, 1); err != nil || p.Wallet[player.Gold] != player.StartGold+5 {
			t.Errorf("with the mail claimed he has %v, %v", p, err)
		}
		if list, _, err := s.Mails(t.Context(), 7, 0, 0); err != nil || len(list) != 1 {
			t.Errorf("he has %+v, %v", list, err)
		}
	})
}
