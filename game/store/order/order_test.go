package order

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/migrations"
)

// A setup is a store whose clock the test moves.
type setup struct {
	*Store
	t  *testing.T
	mu sync.Mutex
	at time.Time
}

func each(t *testing.T, test func(t *testing.T, s *setup)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := &setup{t: t, at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		s.Store = New(storetest.Migrated(t, stores, "order", migrations.FS("order")), id.NewGenerator(1, nil), s.clock)
		test(t, s)
	})
}

func (s *setup) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *setup) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(d)
}

func (s *setup) draft(player int64) Draft {
	return Draft{
		Player: player, Account: player + 1000, Area: 1, Product: "pouch", Title: "Pouch", Price: 99, Currency: "USD", Provider: "sandbox",
		Goods: Goods{Wallet: map[string]int64{"gold": 100}}, Expires: s.clock().Add(time.Hour),
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (s *setup) create(player int64) Order {
	s.t.Helper()
	return must(s.Create(s.t.Context(), s.draft(player), Limits{}))(s.t)
}

// tell receives and settles an event.
func (s *setup) tell(e Event) Settled {
	s.t.Helper()
	stored := must(s.Receive(s.t.Context(), e))(s.t)
	return must(s.Settle(s.t.Context(), stored.ID))(s.t)
}

func paid(o Order, id string) Event {
	return Event{Provider: o.Provider, ID: id, Type: "pay", Says: SaysPaid, Order: o.ID, Amount: o.Price, Currency: "usd"}
}

func (s *setup) claim() []Work {
	s.t.Helper()
	return must(s.Claim(s.t.Context(), 100, time.Minute))(s.t)
}

func (s *setup) state(o Order, want State) Order {
	s.t.Helper()
	now := must(s.Find(s.t.Context(), o.ID))(s.t)
	if now.State != want {
		s.t.Fatalf("order is %s, want %s", now.State, want)
	}
	return now
}

func TestWholeLife(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		ctx := t.Context()
		o := s.create(7)
		if o.State != Created || o.Secret == "" || o.Goods.Wallet["gold"] != 100 || o.Title != "Pouch" {
			t.Fatalf("created: %+v", o)
		}
		o = must(s.Begun(ctx, o.ID, "co_1", "pi_1", "/pay"))(t)
		if o.State != Pending || o.Checkout != "co_1" || o.Payment != "pi_1" || o.PayURL != "/pay" {
			t.Fatalf("begun: %+v", o)
		}
		if done := s.tell(paid(o, "e1")); done.Outcome != Applied || done.From != Pending || done.To != Paid {
			t.Fatalf("paid: %+v", done)
		}
		work := s.claim()
		if len(work) != 1 || work[0].Kind != Grant || work[0].Order != o.ID || work[0].Tries != 1 {
			t.Fatalf("work: %+v", work)
		}
		if again := s.claim(); len(again) != 0 {
			t.Fatalf("claimed twice: %+v", again)
		}
		if _, ok, err := s.StartGrant(ctx, work[0]); !ok || err != nil {
			t.Fatal(ok, err)
		}
		s.state(o, Granting)
		must(s.Granted(ctx, work[0]))(t)
		if o = s.state(o, Delivered); o.Granted.IsZero() || o.Paid.IsZero() {
			t.Errorf("delivered: %+v", o)
		}
		refund := paid(o, "e2")
		refund.Says, refund.Order, refund.Payment = SaysRefunded, 0, "pi_1"
		if done := s.tell(refund); done.Outcome != Applied || done.To != Delivered || done.Event.Order != o.ID {
			t.Fatalf("refund: %+v", done)
		}
		work = s.claim()
		if len(work) != 1 || work[0].Kind != Revoke {
			t.Fatalf("work after the refund: %+v", work)
		}
		if _, ok, err := s.StartRevoke(ctx, work[0]); !ok || err != nil {
			t.Fatal(ok, err)
		}
		must(s.Revoked(ctx, work[0], o.Price, Goods{Wallet: map[string]int64{"gold": 3}}))(t)
		if o = s.state(o, Refunded); o.Debt.Wallet["gold"] != 3 {
			t.Errorf("debt: %+v", o.Debt)
		}
		var path []State
		for _, h := range must(s.History(ctx, o.ID))(t) {
			path = append(path, h.To)
		}
		if want := []State{Created, Pending, Paid, Granting, Delivered, Delivered, Refunded}; !slices.Equal(path, want) {
			t.Errorf("history is %v, want %v", path, want)
		}
		if b := must(s.Backlog(ctx))(t); b != (Backlog{}) {
			t.Errorf("backlog %+v", b)
		}
	})
}

func TestWhatAnEventMustNotDo(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		for i, tc := range []struct {
			name   string
			change func(*Event)
			want   Outcome
		}{
			{"less money", func(e *Event) { e.Amount = 98 }, WrongAmount},
			{"more money", func(e *Event) { e.Amount = 9900 }, WrongAmount},
			{"other money", func(e *Event) { e.Currency = "JPY" }, WrongAmount},
			{"no currency", func(e *Event) { e.Currency = "" }, WrongAmount},
			{"other provider", func(e *Event) { e.Provider = "stripe" }, WrongProvider},
			{"no such order", func(e *Event) { e.Order = 12345 }, NoOrder},
			{"nothing named", func(e *Event) { e.Order = 0 }, NoOrder},
			{"unknown", func(e *Event) { e.Says = SaysOther }, Unknown},
			{"unknown of nobody", func(e *Event) { e.Says, e.Order = SaysOther, 0 }, Unknown},
			{"nonsense", func(e *Event) { e.Says = "nonsense" }, Unknown},
			{"part of the money back", func(e *Event) { e.Says, e.Amount = SaysRefunded, 98 }, PartialRefund},
			{"nothing back", func(e *Event) { e.Says, e.Amount = SaysRefunded, 0 }, WrongAmount},
			{"less than nothing back", func(e *Event) { e.Says, e.Amount = SaysRefunded, -98 }, WrongAmount},
			{"other money back", func(e *Event) { e.Says, e.Currency = SaysRefunded, "JPY" }, WrongAmount},
		} {
			o := s.create(int64(i + 1))
			e := paid(o, "e-"+o.ID.String())
			tc.change(&e)
			if done := s.tell(e); done.Outcome != tc.want || done.From != done.To {
				t.Errorf("%s: %+v, want %s", tc.name, done, tc.want)
			}
			s.state(o, Created)
		}
		if work := s.claim(); len(work) != 0 {
			t.Errorf("work: %+v", work)
		}
		for _, e := range []Event{{Provider: "x"}, {Provider: "x", ID: "a b"}, {Provider: "X", ID: "a"}, {Provider: "x", ID: "a", Payment: string(make([]byte, 200))}} {
			if _, err := s.Receive(t.Context(), e); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%+v: %v", e, err)
			}
		}
	})
}

func TestEventsAreStoredOnce(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		ctx := t.Context()
		o, other := s.create(1), s.create(2)
		first := must(s.Receive(ctx, paid(o, "e1")))(t)
		again := must(s.Receive(ctx, paid(other, "e1")))(t)
		if !first.Fresh || again.Fresh || again.ID != first.ID || again.Order != o.ID {
			t.Errorf("first %+v, again %+v", first, again)
		}
		elsewhere := paid(o, "e1")
		elsewhere.Provider = "stripe"
		if third := must(s.Receive(ctx, elsewhere))(t); !third.Fresh {
			t.Error("another provider's event with the same id counts as the same")
		}

		var applied sync.Map
		var busy sync.WaitGroup
		for range 8 {
			busy.Go(func() {
				done, err := s.Settle(ctx, first.ID)
				if err != nil {
					t.Error(err)
				}
				if _, again := applied.LoadOrStore(done.Outcome, 1); done.Outcome != "" && (again || done.Outcome != Applied) {
					t.Errorf("settled once more, with outcome %s", done.Outcome)
				}
			})
		}
		busy.Wait()
		if _, ok := applied.Load(Applied); !ok {
			t.Error("nobody applied it")
		}
		if work := s.claim(); len(work) != 1 {
			t.Errorf("work: %+v", work)
		}
		s.state(other, Created)
	})
}

// An event that names only the payment may come before the one that says whose payment it is.
func TestEventBeforeItsPaymentIsKnown(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		ctx := t.Context()
		o := s.create(1)
		dispute := Event{Provider: "sandbox", ID: "d", Type: "dispute", Says: SaysDisputed, Payment: "pi_9", Amount: 99, Currency: "USD"}
		if done := s.tell(dispute); done.Outcome != Postponed {
			t.Fatalf("%+v", done)
		}
		if due := must(s.DueEvents(ctx, 10))(t); len(due) != 0 {
			t.Error("it is due again at once")
		}
		e := paid(o, "p")
		e.Payment = "pi_9"
		s.tell(e)
		s.state(o, Paid)
		s.pass(2 * time.Second)
		for _, id := range must(s.DueEvents(ctx, 10))(t) {
			must(s.Settle(ctx, id))(t)
		}
		s.state(o, Disputed)
		if work := s.claim(); len(work) != 1 || work[0].Kind != Dispute {
			t.Errorf("a disputed order is not held: %+v", work)
		}

		s.tell(Event{Provider: "sandbox", ID: "x", Type: "pay", Says: SaysPaid, Payment: "pi_nobody"})
		for range 2000 {
			s.pass(postponeMost)
			due := must(s.DueEvents(ctx, 10))(t)
			if len(due) == 0 {
				return
			}
			if done := must(s.Settle(ctx, due[0]))(t); done.Outcome == NoOrder {
				return
			}
		}
		t.Error("an event of nobody's payment is never given up")
	})
}

func TestLimitsHoldExactly(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		count := func(limits Limits, player int64) (made int, last error) {
			var mu sync.Mutex
			var busy sync.WaitGroup
			for range 8 {
				busy.Go(func() {
					_, err := s.Create(t.Context(), s.draft(player), limits)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						made++
					} else {
						last = err
					}
				})
			}
			busy.Wait()
			return made, last
		}
		if made, err := count(Limits{Open: 3}, 1); made != 3 || !errors.Is(err, ErrTooManyOpen) {
			t.Errorf("open orders: %d, %v", made, err)
		}
		if made, err := count(Limits{PerMinute: 2}, 2); made != 2 || !errors.Is(err, ErrTooOften) {
			t.Errorf("orders a minute: %d, %v", made, err)
		}
		s.pass(61 * time.Second)
		if made, _ := count(Limits{PerMinute: 2, Open: 4}, 2); made != 2 {
			t.Errorf("a minute later: %d", made)
		}
		s.pass(2 * time.Hour) // what has expired is not open, even before anybody has noted it
		if made, _ := count(Limits{Open: 3}, 1); made != 3 {
			t.Errorf("after they expired: %d", made)
		}
	})
}

func TestWorkIsClaimedByOne(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		const n = 20
		for i := range n {
			o := s.create(int64(i + 1))
			s.tell(paid(o, o.ID.String()))
		}
		var mu sync.Mutex
		seen := map[int64]int{}
		var busy sync.WaitGroup
		for range 4 {
			busy.Go(func() {
				for {
					work, err := s.Claim(t.Context(), 3, time.Minute)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, w := range work {
						seen[w.ID]++
					}
					all := len(seen) == n
					mu.Unlock()
					if all {
						return
					}
				}
			})
		}
		busy.Wait()
		for id, times := range seen {
			if times != 1 {
				t.Errorf("work %d was claimed %d times", id, times)
			}
		}
		s.pass(2 * time.Minute)
		work := s.claim()
		if len(work) != n || work[0].Tries != 2 {
			t.Errorf("after the leases: %d pieces of work, the first at try %d", len(work), work[0].Tries)
		}
		if err := s.Postpone(t.Context(), work[0], time.Hour, "no\ndb"); err != nil {
			t.Fatal(err)
		}
		s.pass(2 * time.Minute)
		if work := s.claim(); len(work) != n-1 {
			t.Errorf("%d pieces of work beside one that was postponed", len(work))
		}
	})
}

func TestOrphans(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		ctx := t.Context()
		lose := func() {
			err := store.InTx(ctx, s.db, func(tx *gorm.DB) error { return tx.Delete(&outboxRow{}, "1 = 1").Error })
			if err != nil {
				t.Fatal(err)
			}
		}
		orphans := func(want ...ID) {
			t.Helper()
			s.pass(2 * time.Minute)
			var got []ID
			for _, o := range must(s.Orphans(ctx, s.clock().Add(-time.Minute), 10))(t) {
				got = append(got, o.ID)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("orphans are %v, want %v", got, want)
			}
		}
		waits, starts, back, part := s.create(1), s.create(2), s.create(3), s.create(4)
		for _, o := range []Order{waits, starts, back, part} {
			s.tell(paid(o, o.ID.String()))
		}
		for _, w := range s.claim() {
			if w.Order != waits.ID {
				must(s.Find(ctx, w.Order))(t)
				if _, ok, err := s.StartGrant(ctx, w); !ok || err != nil {
					t.Fatal(ok, err)
				}
			}
			for _, o := range []Order{back, part} {
				if w.Order != o.ID {
					continue
				}
				must(s.Granted(ctx, w))(t)
				refund := paid(o, "refund-"+o.ID.String())
				refund.Says = SaysRefunded
				if o.ID == part.ID {
					refund.Amount /= 2
				}
				s.tell(refund)
			}
		}
		orphans()
		lose()
		orphans(waits.ID, starts.ID, back.ID, part.ID)
		for _, o := range []Order{waits, starts, back, part} {
			for range 2 {
				if err := s.Heal(ctx, o.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		orphans()
		kinds := map[ID]Kind{}
		for _, w := range s.claim() {
			kinds[w.Order] = w.Kind
		}
		if fmt.Sprint(kinds) != fmt.Sprint(map[ID]Kind{waits.ID: Grant, starts.ID: Grant, back.ID: Revoke, part.ID: Revoke}) {
			t.Errorf("healed: %v", kinds)
		}
	})
}

// TestSpentInPart has half of a price go back: what was spent is the rest, and then nothing.
func TestSpentInPart(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		o := s.create(1)
		s.tell(paid(o, "p"))
		for _, back := range []int64{0, 49, 20, 99} {
			if back > 0 {
				refund := paid(o, fmt.Sprint("back-", back))
				refund.Says, refund.Amount = SaysRefunded, back
				s.tell(refund)
			}
			want := map[int64]int64{0: 99, 49: 50, 20: 50}[back] // 20 was overtaken
			if sum := must(s.Spent(t.Context(), o.Account, "USD", time.Time{}))(t); sum != want {
				t.Errorf("with %d back, %d are spent; want %d", back, sum, want)
			}
		}
	})
}

func TestLists(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		ctx := t.Context()
		began := s.clock()
		a := s.create(1)
		s.pass(time.Second)
		b := s.create(1)
		gone := s.create(1)
		must(s.GiveUp(ctx, gone.ID, Failed, "test"))(t)
		s.create(2)
		if list := must(s.OfPlayer(ctx, 1, 2))(t); len(list) != 2 || list[0].ID != gone.ID || list[1].ID != b.ID {
			t.Errorf("orders: %+v", list)
		}
		for _, tc := range []struct {
			currency string
			since    time.Time
			want     int64
		}{{"USD", began, 198}, {"USD", began.Add(time.Second), 99}, {"EUR", began, 0}} {
			if got := must(s.Spent(ctx, a.Account, tc.currency, tc.since))(t); got != tc.want {
				t.Errorf("spent %d %s, want %d", got, tc.currency, tc.want)
			}
		}
		if _, err := s.Find(ctx, 99); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if _, err := s.Begun(ctx, 99, "", "", ""); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if _, err := s.GiveUp(ctx, a.ID, Paid, "test"); err == nil {
			t.Error("an order was given up as paid")
		}
		s.pass(2 * time.Hour)
		if list := must(s.Overdue(ctx, Created, 10))(t); len(list) != 3 {
			t.Errorf("%d overdue", len(list))
		}
		if list := must(s.Since(ctx, Created, s.clock(), 10))(t); len(list) != 3 || list[0].ID != a.ID {
			t.Errorf("created since then: %+v", list)
		}
		s.tell(paid(a, "late"))
		w := s.claim()[0]
		if _, _, err := s.StartGrant(ctx, w); err != nil {
			t.Fatal(err)
		}
		must(s.Granted(ctx, w))(t)
		s.pass(time.Minute)
		if list := must(s.Unchecked(ctx, s.clock(), 10))(t); len(list) != 1 || list[0].ID != a.ID {
			t.Errorf("unchecked: %+v", list)
		}
		if err := s.Checked(ctx, must(s.Find(ctx, a.ID))(t)); err != nil {
			t.Fatal(err)
		}
		if list := must(s.Unchecked(ctx, s.clock(), 10))(t); len(list) != 0 {
			t.Errorf("unchecked after it was checked: %+v", list)
		}
	})
}

// TestCheckedTooLate: an order that is delivered while its provider is asked about it is still to be compared with the ledger.
func TestCheckedTooLate(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		ctx := t.Context()
		o := s.create(7)
		must(s.Begun(ctx, o.ID, "co", "pi", "/pay"))(t)
		s.pass(time.Minute)
		asked := must(s.Unasked(ctx, s.clock(), 10))(t)
		if len(asked) != 1 {
			t.Fatalf("unasked: %+v", asked)
		}
		s.tell(paid(o, "e1")) // the answer
		w := s.claim()[0]
		if _, _, err := s.StartGrant(ctx, w); err != nil {
			t.Fatal(err)
		}
		must(s.Granted(ctx, w))(t)
		if err := s.Checked(ctx, asked[0]); err != nil {
			t.Fatal(err)
		}
		s.pass(time.Minute)
		if list := must(s.Unchecked(ctx, s.clock(), 10))(t); len(list) != 1 {
			t.Errorf("unchecked: %+v", list)
		}
	})
}

// TestCapsOfOnePerson has three accounts that count together order at once: all of them together stay below, and who counts alone does not mind.
func TestCapsOfOnePerson(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		const most = 5
		refused := fault.New(fault.Forbidden, "enough")
		limits := Limits{Caps: []Cap{{
			Accounts: []int64{72, 70, 71}, Since: s.clock().Add(-time.Hour), Most: most * 99, Exceeded: func(int64) error { return refused },
		}}}
		var made atomic.Int64
		var wg sync.WaitGroup
		for n := range int64(15) {
			wg.Go(func() {
				d := s.draft(1 + n%3)
				d.Account = 70 + n%3
				_, err := s.Create(t.Context(), d, limits)
				if err == nil {
					made.Add(1)
				} else if !errors.Is(err, refused) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if made.Load() != most {
			t.Errorf("%d orders, want %d", made.Load(), most)
		}
		other := s.draft(4)
		other.Account = 73
		limits.Caps[0].Accounts = []int64{73}
		if _, err := s.Create(t.Context(), other, limits); err != nil {
			t.Errorf("another person: %v", err)
		}
	})
}

// TestCapsHoldExactly has an account's two players order at once, over and over: what is allowed is ordered, and not one more. What fails, and what is
// refunded, gives its room back; what is only disputed does not.
func TestCapsHoldExactly(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		ctx := t.Context()
		const most = 5
		refused := fault.New(fault.Forbidden, "enough")
		limits := Limits{Caps: []Cap{{Since: s.clock().Add(-time.Hour), Most: most*99 + 98, Exceeded: func(spent int64) error {
			if spent != most*99 {
				t.Errorf("refused with %d spent", spent)
			}
			return refused
		}}}}
		order := func(player int64) (Order, error) {
			d := s.draft(player)
			d.Account = 77
			return s.Create(ctx, d, limits)
		}
		var (
			wg   sync.WaitGroup
			mu   sync.Mutex
			made []Order
		)
		for n := range 12 {
			wg.Go(func() {
				o, err := order(int64(1 + n%2))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					made = append(made, o)
				} else if !errors.Is(err, refused) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(made) != most {
			t.Fatalf("%d orders at once, want %d", len(made), most)
		}
		full := func(when string, want bool) {
			t.Helper()
			o, err := order(1)
			if (err != nil) != want {
				t.Errorf("%s: %v", when, err)
			}
			if err == nil {
				must(s.GiveUp(ctx, o.ID, Failed, "test"))(t)
			}
		}
		full("when all is spent", true)
		other := s.draft(3)
		other.Account = 78
		if _, err := s.Create(ctx, other, limits); err != nil {
			t.Errorf("another account: %v", err)
		}
		s.tell(paid(made[0], "p0"))
		full("when one is paid", true)
		s.tell(Event{Provider: made[0].Provider, ID: "d0", Says: SaysDisputed, Order: made[0].ID, Amount: 99, Currency: "USD"})
		full("when that is disputed", true)
		s.tell(Event{Provider: made[0].Provider, ID: "r0", Says: SaysRefunded, Order: made[0].ID, Amount: 99, Currency: "USD"})
		full("when that is refunded", false)
		s.pass(30 * time.Minute)
		if _, err := order(2); err != nil {
			t.Error(err)
		}
		full("when the room is used", true)
		must(s.GiveUp(ctx, made[1].ID, Expired, "test"))(t)
		full("when another has expired", false)
	})
}

func TestDraftsThatAreRefused(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		for name, change := range map[string]func(*Draft){
			"no player": func(d *Draft) { d.Player = 0 }, "no price": func(d *Draft) { d.Price = 0 }, "huge price": func(d *Draft) { d.Price = maxPrice + 1 },
			"small currency": func(d *Draft) { d.Currency = "usd" }, "no goods": func(d *Draft) { d.Goods = Goods{} },
			"goods taken": func(d *Draft) { d.Goods = Goods{Items: map[string]int64{"shield": -1}} },
			"odd goods":   func(d *Draft) { d.Goods = Goods{Items: map[string]int64{"Shield": 1}} },
			"no product":  func(d *Draft) { d.Product = "" }, "no provider": func(d *Draft) { d.Provider = "" },
			"long title": func(d *Draft) { d.Title = string(make([]byte, 129)) },
		} {
			d := s.draft(1)
			change(&d)
			if _, err := s.Create(context.Background(), d, Limits{}); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestErasedWhileAPaymentBegins: what comes late of a player who was erased does not say where he pays.
func TestErasedWhileAPaymentBegins(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		o := s.create(7)
		if n, err := s.ErasePlayer(t.Context(), 7); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		begun := must(s.Begun(t.Context(), o.ID, "cs_1", "pi_1", "https://pay.example.com/zanzibar"))(t)
		if begun.State != Pending || begun.Checkout != "cs_1" || begun.PayURL != "" || begun.Secret != "" {
			t.Errorf("%+v", begun)
		}
	})
}
