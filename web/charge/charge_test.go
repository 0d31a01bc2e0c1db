package charge

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"loumiao/framework/fault"
	"loumiao/game/policy"
	"loumiao/game/store/order"
	"loumiao/game/store/player"
	"loumiao/web/charge/pay"
)

func TestBuyAndRefund(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		o := s.order(7, "")
		page, err := url.Parse(o.PayURL)
		if err != nil || o.State != order.Pending || o.Price != 99 || o.Currency != "USD" || o.Wallet["gold"] != 100 || o.Provider != "sandbox" || !strings.HasPrefix(o.PayURL, s.base) {
			t.Fatalf("order: %+v, %v", o, err)
		}
		key := page.Query().Get("key")
		shown := s.send("GET", o.PayURL, "", 0)
		if shown.status != 200 || !strings.Contains(shown.body, "Pouch of gold") || !strings.Contains(shown.header.Get("Content-Security-Policy"), "form-action 'self'") {
			t.Fatalf("page: %+v", shown)
		}
		for range 3 { // presses do not add up
			if r := s.press(o, key, "pay"); r.status != 200 || !strings.Contains(r.body, "Pouch of gold") {
				t.Fatalf("pressed: %+v", r)
			}
		}
		if s.has(7) != 100 {
			t.Error("something is granted before the event is processed")
		}
		s.work()
		if got := s.show(o, 7); got.State != order.Delivered || got.PayURL != "" || s.has(7) != 200 {
			t.Fatalf("delivered: %+v, %d gold", got, s.has(7))
		}
		if !slices.Equal(s.notified, []int64{7}) {
			t.Errorf("notified: %v", s.notified)
		}
		if _, err := s.players.Apply(t.Context(), op(7, "shop:1", "shop", order.Goods{Wallet: map[string]int64{"gold": 160}}, -1)); err != nil {
			t.Fatal(err)
		}
		s.press(o, key, "refund")
		s.work()
		found := s.find(o)
		if found.State != order.Refunded || s.has(7) != 0 || found.Debt.Wallet["gold"] != 60 || len(s.notified) != 2 {
			t.Fatalf("refunded: %+v, %d gold", found, s.has(7))
		}
		if got := testutil.ToFloat64(s.metrics.debts); got != 1 {
			t.Errorf("%v debts are counted", got)
		}
		if list := s.send("GET", "/v1/orders", "", 7); !strings.Contains(list.body, `"state":"refunded"`) {
			t.Errorf("list: %+v", list)
		}
	})
}

// TestPartOfTheMoneyBack has half of a price go back, told twice, and then all of it, at once and in the wrong order.
func TestPartOfTheMoneyBack(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		for p, buttons := range [][]string{{"refund_half", "refund_half", "refund"}, {"refund", "refund_half"}, {"refund_half"}} {
			p := int64(p + 1)
			s.born(p)
			o := s.order(p, "")
			key := s.find(o).Secret
			s.press(o, key, "pay")
			s.work()
			for _, button := range buttons {
				s.press(o, key, button)
				s.work()
				found, has := s.find(o), s.has(p)
				want, state := int64(100), order.Refunded
				if button == "refund_half" && found.Refunded.IsZero() {
					want, state = 200-100*(99/2)/99, order.Delivered // 49 of 99 cents, and 49 of 100 gold
				}
				if has != want || found.State != state || !found.Debt.Empty() {
					t.Errorf("after %s of %v: %d gold, want %d: %+v", button, buttons, has, want, found)
				}
			}
			s.pass(time.Hour)
			s.audit()
		}
	})
}

// TestRefundOfWhatDidNotFit has a player with a full bag buy what comes by mail, and have his money back: nothing is left to claim, and no debt.
func TestRefundOfWhatDidNotFit(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		o := s.send("POST", "/v1/orders", `{"product":"starter_pack"}`, 7).reply(t)
		key := s.find(o).Secret
		s.press(o, key, "pay")
		s.work()
		waiting, err := s.players.Claimable(t.Context(), 7, 0)
		if err != nil || len(waiting) != 1 || s.has(7) != 700 || s.find(o).State != order.Delivered {
			t.Fatalf("there are mails %v, %v, and %d gold", waiting, err, s.has(7))
		}
		s.press(o, key, "refund")
		s.work()
		if found := s.find(o); found.State != order.Refunded || s.has(7) != 100 || !found.Debt.Empty() {
			t.Errorf("refunded: %+v, %d gold", found, s.has(7))
		}
		if _, _, err := s.players.ClaimMail(t.Context(), 7, 0, waiting[0]); !errors.Is(err, player.ErrNoMail) {
			t.Errorf("what went back is claimed: %v", err)
		}
	}, func(s *setup, d *Deps) {
		d.Goods = shelf{s.players.Carrying(func() player.Catalogue { return noRoom{} })}
	})
}

// noRoom is a bag that is full, whatever there is.
type noRoom struct{}

func (noRoom) Slots() int64               { return 0 }
func (noRoom) Currency(string) bool       { return true }
func (noRoom) Stack(string) (int64, bool) { return 1, true }

func TestOrdersRefused(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		good := `{"product":"gold_pouch"}`
		for name, tc := range map[string]struct {
			body    string
			player  int64
			headers []string
			status  int
			says    string
		}{
			"nobody":             {body: good, status: 401, says: "Bearer"},
			"forged token":       {body: good, headers: []string{"Authorization", "Bearer e30.e30.e30"}, status: 401},
			"basic":              {body: good, headers: []string{"Authorization", "Basic e30"}, status: 401},
			"never in the game":  {body: good, player: 8, status: 409, says: "never been in the game"},
			"no such product":    {body: `{"product":"moon"}`, player: 7, status: 404},
			"no such provider":   {body: `{"product":"gold_pouch","provider":"stripe"}`, player: 7, status: 404},
			"a price of his own": {body: `{"product":"gold_pouch","price":1}`, player: 7, status: 400, says: "price"},
			"too large":          {body: strings.Repeat(" ", 5<<10), player: 7, status: 413},
		} {
			r := s.send("POST", "/v1/orders", tc.body, tc.player, tc.headers...)
			if r.status != tc.status || !strings.Contains(r.body, tc.says) {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if list, err := s.Orders.OfPlayer(t.Context(), 7, 10); len(list) != 0 || err != nil {
			t.Errorf("orders were made: %v, %v", list, err)
		}
		for range 3 {
			s.order(7, "")
		}
		if r := s.send("POST", "/v1/orders", good, 7); r.status != 409 || !strings.Contains(r.body, "unpaid") {
			t.Errorf("one too many: %+v", r)
		}
		s.pass(2 * time.Hour)
		for i := range 5 {
			r := s.send("POST", "/v1/orders", good, 7)
			if want := map[bool]int{true: 201, false: 409}[i < 3]; r.status != want {
				t.Errorf("order %d after the others expired: %+v", i, r)
			}
		}
	}, func(_ *setup, d *Deps) { d.Limits = order.Limits{Open: 3} })
}

// TestWhoIsKeptOut: a token that is still good makes no order when its account is blocked or its login has ended. Who is blocked still gets what he has paid for, in an app
// store too; who has ended a login looks by another.
func TestWhoIsKeptOut(t *testing.T) {
	const said = "this account is blocked: aimbot"
	blocked, ended, unknown := fault.New(fault.Forbidden, said), fault.New(fault.Unauthenticated, "this login was ended"), fault.New(fault.Unavailable, "it is not known")
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		paid, bought := s.order(7, ""), s.order(7, "store")
		receipt, err := s.store.Sell(pay.Transaction{ID: "sale", Product: bought.Product, Order: bought.Token})
		if err != nil {
			t.Fatal(err)
		}
		s.press(paid, s.find(paid).Secret, "pay")
		redeem := func() response {
			return s.send("POST", "/v1/orders/"+order.ID(bought.ID).String()+"/receipt", `{"receipt":"`+receipt+`"}`, 7)
		}
		for _, tc := range []struct {
			why         *fault.Error
			order, look int
		}{{ended, 401, 401}, {unknown, 503, 200}, {blocked, 403, 200}} {
			s.barred.Store(tc.why)
			if r := s.send("POST", "/v1/orders", `{"product":"gold_pouch"}`, 7); r.status != tc.order || !strings.Contains(r.body, tc.why.Message) {
				t.Errorf("%v: an order: %+v", tc.why, r)
			}
			for what, r := range map[string]response{
				"list": s.send("GET", "/v1/orders", "", 7), "order": s.send("GET", "/v1/orders/"+order.ID(paid.ID).String(), "", 7), "receipt": redeem(),
			} {
				if r.status != tc.look {
					t.Errorf("%v: %s: %+v", tc.why, what, r)
				}
			}
		}
		s.work()
		if s.find(paid).State != order.Delivered || s.find(bought).State != order.Delivered {
			t.Errorf("what was paid for: %+v, %+v", s.find(paid), s.find(bought))
		}
		if list, err := s.Orders.OfPlayer(t.Context(), 7, 10); len(list) != 2 || err != nil {
			t.Errorf("orders: %v, %v", list, err)
		}
	})
}

func TestTooManyOrdersAMinute(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		s.order(7, "")
		if r := s.send("POST", "/v1/orders", `{"product":"gold_pouch"}`, 7); r.status != 429 || r.header.Get("Retry-After") != "60" {
			t.Errorf("%+v", r)
		}
	}, func(_ *setup, d *Deps) { d.Limits = order.Limits{PerMinute: 1} })
}

func TestOthersOrdersAreNone(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		s.born(8)
		o := s.order(7, "")
		path := "/v1/orders/" + order.ID(o.ID).String()
		for _, r := range []response{
			s.send("GET", path, "", 8), s.send("POST", path+"/receipt", `{"receipt":"x"}`, 8), s.send("GET", "/v1/orders/99", "", 7), s.send("GET", "/v1/orders/-1", "", 7),
			s.send("GET", "/v1/orders/x", "", 7), s.send("GET", "/sandbox/"+order.ID(o.ID).String(), "", 7), s.send("GET", "/sandbox/"+order.ID(o.ID).String()+"?key=guess", "", 7),
			s.press(o, "", "pay"), s.press(o, "guess", "pay"),
		} {
			if r.status != 404 || strings.Contains(r.body, "Pouch") {
				t.Errorf("%+v", r)
			}
		}
		if r := s.send("GET", path, "", 0); r.status != 401 {
			t.Errorf("without a token: %+v", r)
		}
		s.work()
		if got := s.show(o, 7); got.State != order.Pending {
			t.Errorf("%+v", got)
		}
		if r := s.press(o, s.find(o).Secret, "nonsense"); r.status != 400 {
			t.Errorf("%+v", r)
		}
	})
}

func TestCallbacks(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		o := s.find(s.order(7, ""))
		signature, body, err := s.box.Press(o, "pay", s.clock())
		if err != nil {
			t.Fatal(err)
		}
		late, lateBody, _ := s.box.Press(o, "pay", s.clock().Add(-pay.Tolerance-time.Minute))
		forged, _, _ := pay.Sandbox{Secrets: []string{"secret of a stranger"}}.Press(o, "pay", s.clock())
		odd := []byte(`{"id":"sb_odd","action":"explode","order":"5"}`)
		for _, tc := range []struct {
			name, path, signature, body string
			status                      int
		}{
			{"no signature", "sandbox", "", string(body), 401},
			{"a stranger's", "sandbox", forged, string(body), 401},
			{"too late", "sandbox", late, string(lateBody), 401},
			{"other bytes", "sandbox", signature, string(body) + " ", 401},
			{"of another provider", "store", signature, string(body), 401},
			{"of no provider", "nobody", signature, string(body), 404},
			{"huge", "sandbox", signature, strings.Repeat("x", 5<<10), 413},
			{"not JSON", "sandbox", pay.Sign(s.box.Secrets[0], s.clock(), []byte("x")), "x", 400},
			{"no id", "sandbox", pay.Sign(s.box.Secrets[0], s.clock(), []byte("{}")), "{}", 400},
			{"unknown", "sandbox", pay.Sign(s.box.Secrets[0], s.clock(), odd), string(odd), 200},
			{"good", "sandbox", signature, string(body), 200},
			{"good again", "sandbox", signature, string(body), 200},
		} {
			r := s.send("POST", "/v1/callbacks/"+tc.path, tc.body, 0, pay.SandboxHeader, tc.signature)
			if r.status != tc.status {
				t.Errorf("%s: %+v", tc.name, r)
			}
			if r.status == 401 && !strings.Contains(r.body, "not signed as it should be") {
				t.Errorf("%s: a refusal that tells something: %s", tc.name, r.body)
			}
			if state := s.find(Reply{ID: int64(o.ID)}).State; state != order.Pending {
				t.Errorf("%s: the order is %s before the event is processed", tc.name, state)
			}
		}
		s.work()
		if s.has(7) != 200 {
			t.Errorf("%d gold", s.has(7))
		}
		for result, want := range map[string]float64{"stored": 2, "repeated": 1, "unauthenticated": 4, "invalid": 2} {
			if got := testutil.ToFloat64(s.metrics.callbacks.WithLabelValues("sandbox", result)); got != want {
				t.Errorf("%v callbacks %s, want %v", got, result, want)
			}
		}
		if got := testutil.ToFloat64(s.metrics.events.WithLabelValues("sandbox", "other", "unknown")); got != 1 {
			t.Errorf("unknown events: %v", got)
		}
	})
}

func TestReceipts(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		s.born(8)
		mine, second, his := s.order(7, "store"), s.order(7, "store"), s.order(8, "store")
		if mine.Token == "" || mine.PayURL != "" {
			t.Fatalf("order: %+v", mine)
		}
		r := s.press(mine, s.find(mine).Secret, "buy")
		_, text, _ := strings.Cut(r.body, "<pre>")
		receipt, _, ok := strings.Cut(text, "</pre>")
		if r.status != 200 || !ok {
			t.Fatalf("%+v", r)
		}
		redeem := func(o Reply, p int64) response {
			return s.send("POST", "/v1/orders/"+order.ID(o.ID).String()+"/receipt", `{"receipt":"`+receipt+`"}`, p)
		}
		for range 2 {
			redeem(mine, 7).reply(t)
		}
		if r := redeem(second, 7); r.status != 403 {
			t.Errorf("for another order: %+v", r)
		}
		if r := redeem(his, 8); r.status != 403 {
			t.Errorf("by another player: %+v", r)
		}
		s.work()
		if s.has(7) != 200 || s.has(8) != 100 {
			t.Errorf("%d and %d gold", s.has(7), s.has(8))
		}
		s.press(mine, s.find(mine).Secret, "refund")
		s.work()
		if s.has(7) != 100 || s.find(mine).State != order.Refunded {
			t.Errorf("refunded: %d gold, %+v", s.has(7), s.find(mine))
		}
		// A store that vouches for one sale under two orders is not believed the second time.
		forSecond, err := s.store.Sell(pay.Transaction{ID: "fake_" + order.ID(mine.ID).String(), Product: "gold_pouch", Order: second.Token})
		if err != nil {
			t.Fatal(err)
		}
		receipt = forSecond
		if r := redeem(second, 7); r.status != 409 {
			t.Errorf("a sale that was used: %+v", r)
		}
		if r := s.send("POST", "/v1/orders/"+order.ID(s.order(7, "sandbox").ID).String()+"/receipt", `{"receipt":"x"}`, 7); r.status != 409 {
			t.Errorf("for the sandbox: %+v", r)
		}
	})
}

func TestDisputes(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		o := s.order(7, "")
		key := s.find(o).Secret
		s.press(o, key, "pay")
		s.press(o, key, "dispute")
		s.work()
		if got := s.find(o); got.State != order.Disputed || s.has(7) != 100 || !slices.Equal(s.disputed, []order.ID{got.ID}) {
			t.Fatalf("disputed before delivery: %s, %d gold, told of %v", got.State, s.has(7), s.disputed)
		}
		s.press(o, key, "clear")
		s.work()
		if got := s.find(o); got.State != order.Delivered || s.has(7) != 200 {
			t.Errorf("won: %s, %d gold", got.State, s.has(7))
		}
	})
}

// A policy that allows so much altogether.
type spendingCap int64

func (c spendingCap) BeforeCharge(_ context.Context, r policy.ChargeRequest) ([]order.Cap, error) {
	if r.Product == "" || r.Price == 0 || r.Account == 0 {
		return nil, fault.New(fault.Internal, "the policy is not told what it is about")
	}
	return []order.Cap{{Most: int64(c), Exceeded: func(int64) error { return fault.Errorf(fault.Forbidden, "only %d may be spent", int64(c)) }}}, nil
}

func TestPolicy(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		s.order(7, "")
		if r := s.send("POST", "/v1/orders", `{"product":"gold_pouch"}`, 7); r.status != 403 || !strings.Contains(r.body, "only 150") {
			t.Errorf("%+v", r)
		}
	}, func(_ *setup, d *Deps) { d.Policy = spendingCap(150) })
}

// lasting is a provider whose checkouts are open for an hour.
type lasting struct{ asked }

func (lasting) Shortest() time.Duration { return time.Hour }

// TestCapOfWhatCanStillBePaid: an order counts as long as its provider takes money for it, also where orders are given up sooner.
func TestCapOfWhatCanStillBePaid(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		first := s.order(7, "")
		for range 2 {
			s.pass(20 * time.Minute)
			s.audit()
		}
		if r := s.send("POST", "/v1/orders", `{"product":"gold_pouch"}`, 7); r.status != 403 {
			t.Errorf("the first is %s, and there is a second: %+v", s.find(first).State, r)
		}
		s.pass(30 * time.Minute)
		s.audit()
		s.order(7, "")
	}, func(s *setup, d *Deps) {
		d.Policy, d.ExpireAfter = spendingCap(150), 5*time.Minute
		d.Providers = []pay.Provider{lasting{asked{Sandbox: s.box, answer: func(o order.Order) (order.Event, error) { return order.Event{Says: order.SaysOther}, nil }}}}
	})
}

// asked is a provider that knows more than it tells.
type asked struct {
	pay.Sandbox
	begins error
	answer func(o order.Order) (order.Event, error)
}

func (a asked) Begin(ctx context.Context, o order.Order) (pay.Payment, error) {
	if a.begins != nil {
		return pay.Payment{}, a.begins
	}
	return a.Sandbox.Begin(ctx, o)
}

func (a asked) Ask(_ context.Context, o order.Order) (order.Event, error) { return a.answer(o) }

func (s *setup) audit() {
	s.t.Helper()
	if err := s.auditor.audit(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func TestAuditAsksAndExpires(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		quiet, lost := s.order(7, ""), s.order(7, "")
		s.pass(askAfter + time.Second)
		s.audit()
		s.work()
		if got := s.find(quiet); got.State != order.Pending {
			t.Fatalf("%+v", got)
		}
		s.Service.auditor.providers["sandbox"] = asked{answer: func(o order.Order) (order.Event, error) {
			if int64(o.ID) != lost.ID {
				return order.Event{Says: order.SaysOther}, nil
			}
			return order.Event{Provider: "sandbox", ID: "ask:" + o.ID.String(), Type: "ask", Says: order.SaysPaid, Order: o.ID, Amount: 99, Currency: "USD"}, nil
		}}
		for range 2 {
			s.pass(askAfter + time.Second)
			s.audit()
			s.work()
		}
		if got := s.find(lost); got.State != order.Delivered || s.has(7) != 200 {
			t.Errorf("a payment whose callback was lost: %s, %d gold", got.State, s.has(7))
		}
		if got := testutil.ToFloat64(s.metrics.found.WithLabelValues("callback_missing")); got != 1 {
			t.Errorf("counted %v times", got)
		}
		s.pass(2 * time.Hour)
		s.Service.auditor.providers["sandbox"] = asked{answer: func(order.Order) (order.Event, error) { return order.Event{}, errors.New("no answer") }}
		if err := s.auditor.audit(t.Context()); err == nil {
			t.Error("a provider that does not answer is no error")
		}
		if got := s.find(quiet); got.State != order.Pending {
			t.Errorf("given up without asking: %s", got.State)
		}
		s.Service.auditor.providers["sandbox"] = s.box
		s.audit()
		if got := s.find(quiet); got.State != order.Expired {
			t.Errorf("after its time: %s", got.State)
		}
		s.press(quiet, s.find(quiet).Secret, "pay") // late money counts
		s.work()
		if got := s.find(quiet); got.State != order.Delivered || s.has(7) != 300 {
			t.Errorf("paid late: %s, %d gold", got.State, s.has(7))
		}
	})
}

func TestProviderThatCannotBegin(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		if r := s.send("POST", "/v1/orders", `{"product":"gold_pouch"}`, 7); r.status != 503 || strings.Contains(r.body, "wires") {
			t.Errorf("%+v", r)
		}
		list, err := s.Orders.OfPlayer(t.Context(), 7, 10)
		if err != nil || len(list) != 1 || list[0].State != order.Failed {
			t.Errorf("%+v, %v", list, err)
		}
	}, func(_ *setup, d *Deps) {
		d.Providers = []pay.Provider{asked{begins: fault.Wrap(errors.New("wires cut"), fault.Unavailable, "cannot be reached")}}
	})
}

func TestAuditComparesWithTheLedger(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		good, bad := s.order(7, ""), s.order(7, "")
		for _, o := range []Reply{good, bad} {
			s.press(o, s.find(o).Secret, "pay")
		}
		real := s.courier.goods
		s.work()
		if s.has(7) != 300 {
			t.Fatalf("%d gold", s.has(7))
		}
		s.auditor.goods = forgetful{real, grantKey(order.ID(bad.ID))}
		s.pass(time.Minute)
		s.audit()
		s.audit() // each order once
		if got := testutil.ToFloat64(s.metrics.found.WithLabelValues("not_in_ledger")); got != 1 {
			t.Errorf("found %v", got)
		}
	})
}

// forgetful is goods whose ledger has lost an operation.
type forgetful struct {
	Goods
	key string
}

func (f forgetful) Given(ctx context.Context, p int64, key string) (order.Goods, bool, error) {
	if key == f.key {
		return order.Goods{}, false, nil
	}
	return f.Goods.Given(ctx, p, key)
}

func TestStuckOrdersShow(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		o := s.order(7, "")
		s.courier.goods = down{}
		s.press(o, s.find(o).Secret, "pay")
		for range 5 {
			s.work()
			s.pass(10 * time.Minute)
		}
		s.audit()
		if got := s.find(o); got.State != order.Granting {
			t.Fatalf("%+v", got)
		}
		for what, got := range map[string]float64{
			"stuck":   testutil.ToFloat64(s.metrics.stuck.WithLabelValues("granting")),
			"backlog": testutil.ToFloat64(s.metrics.backlog.WithLabelValues("outbox")),
		} {
			if got != 1 {
				t.Errorf("%s: %v", what, got)
			}
		}
		if got := testutil.ToFloat64(s.metrics.oldest.WithLabelValues("outbox")); got < 2000 {
			t.Errorf("the oldest work has waited %v s", got)
		}
		s.courier.goods = s.Goods
		s.work()
		if got := s.find(o); got.State != order.Delivered || s.has(7) != 200 {
			t.Errorf("once db is back: %s, %d gold", got.State, s.has(7))
		}
	})
}

// down is goods that cannot be reached.
type down struct{ Goods }

func (down) Give(context.Context, int64, string, order.Goods) error {
	return fault.New(fault.Unavailable, "no db")
}

// Run does by itself what the other tests do by hand, and stops.
func TestRun(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Run(t.Context())
		}()
		o := s.order(7, "")
		s.press(o, s.find(o).Secret, "pay")
		late := time.After(time.Minute)
		for tick := time.NewTicker(5 * time.Millisecond); s.show(o, 7).State != order.Delivered; {
			select {
			case <-tick.C:
			case <-late:
				t.Fatal("not delivered")
			}
		}
		for range 2 {
			if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		<-ended
		if s.has(7) != 200 {
			t.Errorf("%d gold", s.has(7))
		}
	})
}

func TestProducts(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		r := s.send("GET", "/v1/products", "", 0)
		want := `{"products":[{"id":"gold_pouch","title":"Pouch of gold","price":99,"currency":"USD","wallet":{"gold":100}},` +
			`{"id":"starter_pack","title":"Starter pack","price":499,"currency":"USD","wallet":{"gold":600},"items":{"shield":3}},` +
			`{"id":"gems_100","title":"100 gems","price":199,"currency":"USD","wallet":{"gem":100}},` +
			`{"id":"gems_550","title":"550 gems","price":999,"currency":"USD","wallet":{"gem":550}}],"providers":["sandbox","store"]}`
		if r.status != 200 || r.body != want {
			t.Errorf("%+v", r)
		}
		if r := s.send("GET", "/thanks", "", 0); r.status != 200 {
			t.Errorf("%+v", r)
		}
	})
}

// TestProductsChange publishes other products while an order is open: it keeps its price and its goods, and the next one has the new ones.
func TestProductsChange(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		before := s.order(7, "sandbox")
		s.design(map[string]string{"products": "id,title,price,currency,goods\ngold_pouch,Less,199,EUR,gem=1\n"})
		if now := s.order(7, "sandbox"); now.Price != 199 || now.Currency != "EUR" || now.Title != "Less" || now.Wallet["gem"] != 1 {
			t.Errorf("a new order is %+v", now)
		}
		if kept := s.show(before, 7); kept.Price != 99 || kept.Currency != "USD" || kept.Title != "Pouch of gold" || kept.Wallet["gold"] != 100 {
			t.Errorf("the old order is %+v", kept)
		}
		s.design(map[string]string{"products": "id,title,price,currency,goods\nother,Other,1,USD,gem=1\n"})
		if r := s.send("POST", "/v1/orders", `{"product":"gold_pouch"}`, 7); r.status != 404 {
			t.Errorf("what is sold no more: %+v", r)
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	for name, tc := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"URL":               {func(c *Config) { c.Public = "pay.example.com" }, "public"},
		"no webhook secret": {func(c *Config) { c.Stripe.Key = "sk_test_1" }, "stripe.webhook_key"},
		"short secret":      {func(c *Config) { c.Sandbox.Key = "short" }, "sandbox.key"},
		"sandbox and money": {func(c *Config) { c.Sandbox.Enabled, c.Stripe.Key, c.Stripe.WebhookKey = true, "sk_live_1", "w" }, "sandbox.enabled"},
	} {
		cfg := Defaults()
		tc.change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(fmt.Sprint(err), "sk_live_1") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// poisoned is events of which one cannot be settled.
type poisoned struct {
	events
	id *order.EventID
}

func (p poisoned) Settle(ctx context.Context, id order.EventID) (order.Settled, error) {
	if *p.id == 0 {
		*p.id = id
	}
	if id == *p.id {
		return order.Settled{}, errors.New("no way")
	}
	return p.events.Settle(ctx, id)
}

func TestOneBadEventDoesNotStopTheOthers(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		s.born(7)
		for range 3 {
			o := s.order(7, "")
			s.press(o, s.find(o).Secret, "pay")
		}
		s.cashier.events = poisoned{s.cashier.events, new(order.EventID)}
		if err := s.cashier.settle(t.Context()); err == nil {
			t.Error("a failure is not told")
		}
		s.work()
		if s.has(7) != 300 {
			t.Errorf("%d gold", s.has(7))
		}
	})
}
