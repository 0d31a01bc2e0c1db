package charge

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"loumiao/game/store/order"
	"loumiao/web/charge/pay"
)

// slowStripe is Stripe with a way to pay that takes days to settle.
type slowStripe struct {
	mu       sync.Mutex
	sessions map[string]string // of each checkout: its status, its payment's and that of the payment intent
	asked    int
}

func (f *slowStripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodPost {
		_ = r.ParseForm()
		id := "cs_" + r.PostForm.Get("client_reference_id")
		f.sessions[id] = "open unpaid none"
		_, _ = fmt.Fprintf(w, `{"id":%q,"url":"https://checkout.example.com/%s","payment_intent":null}`, id, id)
		return
	}
	f.asked++
	id := strings.TrimPrefix(r.URL.Path, "/v1/checkout/sessions/")
	is := strings.Fields(f.sessions[id])
	_, _ = fmt.Fprintf(w, `{"id":%q,"status":%q,"payment_status":%q,"payment_intent":{"id":"pi_%s","status":%q},"amount_total":99,"currency":"usd"}`, id, is[0], is[1], id, is[2])
}

func (f *slowStripe) set(o Reply, is string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions["cs_"+strconv.FormatInt(o.ID, 10)] = is
}

func (f *slowStripe) times() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// TestMoneyThatTakesDays buys in ways that settle days after the order could be paid. Whether Stripe tells of it, or no webhook ever comes, the money leads to the goods; when it
// does not come, the order is given up.
func TestMoneyThatTakesDays(t *testing.T) {
	const webhookKey = "whsec_1"
	fakes := sync.Map{} // by setup
	each(t, func(t *testing.T, s *setup) {
		got, _ := fakes.Load(s)
		stripe, _ := got.(*slowStripe)
		s.born(7)
		quiet, told, fails, left := s.order(7, "stripe"), s.order(7, "stripe"), s.order(7, "stripe"), s.order(7, "stripe")
		for _, o := range []Reply{quiet, told, fails} {
			stripe.set(o, "complete unpaid processing")
		}
		stripe.set(left, "expired unpaid none")
		look := func(want ...order.State) {
			t.Helper()
			s.audit()
			s.work()
			for i, o := range []Reply{quiet, told, fails, left} {
				if got := s.find(o).State; got != want[i] {
					t.Errorf("after %v order %d is %s, want %s", s.clock().Sub(time.UnixMilli(quiet.Created)), i, got, want[i])
				}
			}
		}
		for range 40 { // longer than a checkout is open
			s.pass(90 * time.Minute)
			look(order.Pending, order.Pending, order.Pending, order.Expired)
		}
		asked := stripe.times()
		s.pass(3 * time.Minute)
		look(order.Pending, order.Pending, order.Pending, order.Expired)
		if n := stripe.times() - asked; n != 0 {
			t.Errorf("after days it is asked %d times in some minutes", n)
		}
		webhook := func(o Reply, typ, status string) {
			t.Helper()
			body := fmt.Sprintf(`{"id":"evt_%s_%d","type":%q,"data":{"object":{"payment_status":%q,"payment_intent":"pi_%d","amount_total":99,"currency":"usd","metadata":{"order":"%d"}}}}`,
				status, o.ID, typ, status, o.ID, o.ID)
			r := s.send("POST", "/v1/callbacks/stripe", body, 0, pay.StripeHeader, pay.Sign(webhookKey, s.clock(), []byte(body)))
			if r.status != http.StatusOK {
				t.Fatalf("%+v", r)
			}
		}
		webhook(told, "checkout.session.async_payment_succeeded", "paid")
		webhook(left, "checkout.session.async_payment_succeeded", "paid") // given up before
		stripe.set(quiet, "complete paid succeeded")
		stripe.set(fails, "complete unpaid requires_payment_method")
		s.pass(90 * time.Minute)
		look(order.Delivered, order.Delivered, order.Expired, order.Delivered)
		webhook(fails, "checkout.session.async_payment_failed", "unpaid")
		look(order.Delivered, order.Delivered, order.Expired, order.Delivered)
		if has := s.has(7); has != 400 {
			t.Errorf("%d gold", has)
		}
	}, func(s *setup, d *Deps) {
		fake := &slowStripe{sessions: map[string]string{}}
		server := httptest.NewServer(fake)
		s.t.Cleanup(server.Close)
		fakes.Store(s, fake)
		d.Providers = append(d.Providers, pay.Stripe{
			Key: "sk_test_1", WebhookSecrets: []string{webhookKey}, Base: server.URL, HTTP: server.Client(), Return: func() string { return "https://play.example.com/" },
		})
	})
}
