package pay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
)

// fakeStripe is the part of Stripe's API that we use.
type fakeStripe struct {
	mu       sync.Mutex
	sessions map[string]url.Values // by idempotency key
	status   int                   // to answer with; 0 is 200
	answer   string                // to GET with
	headers  http.Header           // of the last request
	path     string
}

func (f *fakeStripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.headers, f.path = r.Header, r.URL.RequestURI()
	if f.status != 0 {
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, `{"error":{"type":"some_error","code":"c","message":"because of 42"}}`)
		return
	}
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, f.answer)
		return
	}
	_ = r.ParseForm()
	key := r.Header.Get("Idempotency-Key")
	if before, ok := f.sessions[key]; ok && before.Encode() != r.PostForm.Encode() {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"idempotency_error"}}`)
		return
	}
	f.sessions[key] = r.PostForm
	_, _ = fmt.Fprintf(w, `{"id":"cs_%s","object":"checkout.session","url":"https://checkout.example.com/%s","payment_intent":null}`, key, key)
}

func startStripe(t *testing.T) (*fakeStripe, Stripe) {
	f := &fakeStripe{sessions: map[string]url.Values{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, Stripe{
		Key: "sk_test_1", WebhookSecrets: []string{"whsec_1"}, Base: server.URL + "/", HTTP: server.Client(),
		Return: func() string { return "https://play.example.com/back" },
	}
}

func TestStripeBegins(t *testing.T) {
	t.Parallel()
	fake, stripe := startStripe(t)
	o := sample()
	p, err := stripe.Begin(t.Context(), o)
	key := "order-" + o.ID.String()
	if err != nil || p.Checkout != "cs_"+key || p.URL != "https://checkout.example.com/"+key || p.Payment != "" {
		t.Fatalf("%+v, %v", p, err)
	}
	if again, err := stripe.Begin(t.Context(), o); err != nil || again != p {
		t.Errorf("again: %+v, %v", again, err)
	}
	form := fake.sessions[key]
	for name, want := range map[string]string{
		"mode": "payment", "client_reference_id": o.ID.String(), "metadata[order]": o.ID.String(), "payment_intent_data[metadata][order]": o.ID.String(),
		"line_items[0][price_data][unit_amount]": "99", "line_items[0][price_data][currency]": "usd", "line_items[0][quantity]": "1",
		"line_items[0][price_data][product_data][name]": "Pouch of gold", "success_url": "https://play.example.com/back",
		"expires_at": strconv.FormatInt(now.Add(time.Hour).Unix(), 10),
	} {
		if form.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, form.Get(name), want)
		}
	}
	if fake.headers.Get("Authorization") != "Bearer sk_test_1" || fake.headers.Get("Stripe-Version") == "" || fake.path != "/v1/checkout/sessions" {
		t.Errorf("%s with %v", fake.path, fake.headers)
	}
	soon := sample()
	soon.ID, soon.Expires = 5, now.Add(time.Minute)
	if _, err := stripe.Begin(t.Context(), soon); err != nil || fake.sessions["order-5"].Get("expires_at") != strconv.FormatInt(now.Add(stripeShortest).Unix(), 10) {
		t.Errorf("an order that expires soon: %v, %v", fake.sessions["order-5"], err)
	}
	for status, want := range map[int]fault.Code{400: fault.FailedPrecondition, 402: fault.FailedPrecondition, 404: fault.FailedPrecondition, 401: fault.Unavailable, 409: fault.Unavailable, 429: fault.Unavailable, 500: fault.Unavailable} {
		fake.status = status
		_, err := stripe.Begin(t.Context(), o)
		code, message := fault.Outside(err)
		if code != want || errors.Is(err, ErrRefused) != (want == fault.FailedPrecondition) || message == "" || json.Valid([]byte(message)) {
			t.Errorf("status %d: %v", status, err)
		}
	}
}

func TestStripeAsked(t *testing.T) {
	t.Parallel()
	fake, stripe := startStripe(t)
	o := sample()
	if e, err := stripe.Ask(t.Context(), o); err != nil || e.Says != order.SaysOther {
		t.Errorf("an order without a checkout: %+v, %v", e, err)
	}
	o.Checkout = "cs_1"
	for answer, want := range map[string]order.Event{
		`{"id":"cs_1","status":"open","payment_status":"unpaid","payment_intent":null,"amount_total":99,"currency":"usd"}`:                                                 {Says: order.SaysOther},
		`{"id":"cs_1","status":"complete","payment_status":"unpaid","payment_intent":"pi_1","amount_total":99,"currency":"usd"}`:                                           {Says: order.SaysUnderway, Payment: "pi_1"},
		`{"id":"cs_1","status":"complete","payment_status":"unpaid","payment_intent":{"id":"pi_1","status":"processing"},"amount_total":99,"currency":"usd"}`:              {Says: order.SaysUnderway, Payment: "pi_1"},
		`{"id":"cs_1","status":"complete","payment_status":"unpaid","payment_intent":{"id":"pi_1","status":"requires_action"},"amount_total":99,"currency":"usd"}`:         {Says: order.SaysUnderway, Payment: "pi_1"},
		`{"id":"cs_1","status":"complete","payment_status":"unpaid","payment_intent":{"id":"pi_1","status":"requires_payment_method"},"amount_total":99,"currency":"usd"}`: {Says: order.SaysFailed, Payment: "pi_1"},
		`{"id":"cs_1","status":"complete","payment_status":"unpaid","payment_intent":{"id":"pi_1","status":"canceled"},"amount_total":99,"currency":"usd"}`:                {Says: order.SaysFailed, Payment: "pi_1"},
		`{"id":"cs_1","status":"complete","payment_status":"paid","payment_intent":{"id":"pi_1"},"amount_total":99,"currency":"usd"}`:                                      {Says: order.SaysPaid, Payment: "pi_1"},
		`{"id":"cs_1","status":"expired","payment_status":"unpaid","payment_intent":null,"amount_total":99,"currency":"usd","x":{"y":1}}`:                                  {Says: order.SaysExpired},
	} {
		fake.answer = answer
		e, err := stripe.Ask(t.Context(), o)
		if err != nil || e.Says != want.Says || e.Payment != want.Payment || e.Order != o.ID || e.Amount != 99 || e.Currency != "usd" {
			t.Errorf("%s\nis %+v, %v", answer, e, err)
		}
	}
	if fake.path != "/v1/checkout/sessions/cs_1?expand[]=payment_intent" {
		t.Error(fake.path)
	}
	fake.status = 500
	if _, err := stripe.Ask(t.Context(), o); fault.CodeOf(err) != fault.Unavailable {
		t.Error(err)
	}
}

// What Stripe's events look like is from its published reference of events and objects.
func TestStripeEvents(t *testing.T) {
	t.Parallel()
	const id = 1<<53 + 1
	for name, tc := range map[string]struct {
		typ, object string
		want        order.Event
	}{
		"paid": {"checkout.session.completed",
			`{"id":"cs_1","client_reference_id":"9007199254740993","payment_status":"paid","payment_intent":"pi_1","amount_total":99,"currency":"usd","metadata":{}}`,
			order.Event{Says: order.SaysPaid, Order: id, Payment: "pi_1", Amount: 99, Currency: "usd"}},
		"money is on its way": {"checkout.session.completed",
			`{"id":"cs_1","payment_status":"unpaid","payment_intent":"pi_1","amount_total":99,"currency":"usd","metadata":{"order":"9007199254740993"}}`,
			order.Event{Says: order.SaysOther, Order: id, Payment: "pi_1", Amount: 99, Currency: "usd"}},
		"money came": {"checkout.session.async_payment_succeeded",
			`{"payment_status":"paid","payment_intent":"pi_1","amount_total":99,"currency":"usd","metadata":{"order":"9007199254740993"}}`,
			order.Event{Says: order.SaysPaid, Order: id, Payment: "pi_1", Amount: 99, Currency: "usd"}},
		"money did not come": {"checkout.session.async_payment_failed", `{"payment_intent":"pi_1","currency":"usd","metadata":{"order":"9007199254740993"}}`,
			order.Event{Says: order.SaysFailed, Order: id, Payment: "pi_1", Currency: "usd"}},
		"expired": {"checkout.session.expired", `{"payment_intent":null,"currency":"usd","metadata":{"order":"9007199254740993"}}`,
			order.Event{Says: order.SaysExpired, Order: id, Currency: "usd"}},
		"intent": {"payment_intent.succeeded", `{"id":"pi_1","amount":99,"amount_received":98,"currency":"usd","metadata":{"order":"9007199254740993"}}`,
			order.Event{Says: order.SaysPaid, Order: id, Payment: "pi_1", Amount: 98, Currency: "usd"}},
		"card declined, and another may follow": {"payment_intent.payment_failed", `{"id":"pi_1","currency":"usd","metadata":{"order":"9007199254740993"}}`,
			order.Event{Says: order.SaysOther, Order: id, Currency: "usd"}},
		"refund": {"charge.refunded", `{"id":"ch_1","payment_intent":"pi_1","amount":99,"amount_refunded":50,"currency":"usd","metadata":{"order":"9007199254740993"}}`,
			order.Event{Says: order.SaysRefunded, Order: id, Payment: "pi_1", Amount: 50, Currency: "usd"}},
		"dispute": {"charge.dispute.created", `{"id":"du_1","charge":"ch_1","payment_intent":"pi_1","amount":99,"currency":"usd","status":"needs_response","metadata":{}}`,
			order.Event{Says: order.SaysDisputed, Payment: "pi_1", Amount: 99, Currency: "usd"}},
		"inquiry": {"charge.dispute.created", `{"payment_intent":"pi_1","amount":99,"currency":"usd","status":"warning_needs_response"}`,
			order.Event{Says: order.SaysOther, Payment: "pi_1", Amount: 99, Currency: "usd"}},
		"dispute won": {"charge.dispute.closed", `{"payment_intent":"pi_1","amount":99,"currency":"usd","status":"won"}`,
			order.Event{Says: order.SaysCleared, Payment: "pi_1", Amount: 99, Currency: "usd"}},
		"dispute lost": {"charge.dispute.closed", `{"payment_intent":"pi_1","amount":99,"currency":"usd","status":"lost"}`,
			order.Event{Says: order.SaysLost, Payment: "pi_1", Amount: 99, Currency: "usd"}},
		"something else":        {"customer.created", `{"id":"cus_1","metadata":7}`, order.Event{Says: order.SaysOther}},
		"no order of ours":      {"payment_intent.succeeded", `{"id":"pi_1","amount_received":99,"currency":"usd","metadata":{"order":"007"}}`, order.Event{Says: order.SaysPaid, Payment: "pi_1", Amount: 99, Currency: "usd"}},
		"a type of later times": {"charge.nonsense", `{"payment_intent":"pi_1"}`, order.Event{Says: order.SaysOther, Payment: "pi_1"}},
	} {
		stripe := Stripe{WebhookSecrets: []string{"whsec_new", "whsec_old"}}
		body := fmt.Appendf(nil, `{"id":"evt_1","object":"event","type":%q,"created":1800000000,"livemode":false,"data":{"object":%s}}`, tc.typ, tc.object)
		for _, secret := range stripe.WebhookSecrets {
			got, err := stripe.Callback(headers(map[string]string{StripeHeader: Sign(secret, now, body)}), body, now)
			if err != nil || len(got.Digest) != 64 {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			want := tc.want
			want.Provider, want.ID, want.Type, want.Digest = "stripe", "evt_1", tc.typ, got.Digest
			if got != want {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
		if _, err := stripe.Callback(headers(map[string]string{StripeHeader: Sign("whsec_other", now, body)}), body, now); err != ErrForged {
			t.Errorf("%s, forged: %v", name, err)
		}
	}
	for _, body := range []string{``, `{}`, `[]`, `null`, `{"id":"evt_1"}`, `{"id":1,"type":"x"}`, `{"id":"e","type":"charge.refunded","data":{"object":[]}}`, `{"id":"e","type":"charge.refunded","data":{}}`} {
		if e, err := stripeEvent([]byte(body)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s is %+v, %v", body, e, err)
		}
	}
}

func FuzzStripeEvent(f *testing.F) {
	f.Add([]byte(`{"id":"evt_1","type":"charge.refunded","data":{"object":{"payment_intent":"pi_1","amount_refunded":50,"metadata":{"order":"5"}}}}`))
	f.Add([]byte(`{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"payment_intent":{"id":"pi"},"payment_status":"paid","client_reference_id":"5"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := stripeEvent(body)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if e.ID == "" || e.Type == "" || e.Says == "" || e.Order < 0 || e.OwnPrice || e.Provider != StripeName {
			t.Errorf("%q is %+v", body, e)
		}
	})
}

func FuzzReceipt(f *testing.F) {
	store := FakeStore{Secret: "secret of the store"}
	only := Transaction{ID: "1", Product: "pouch", Order: "5.x"}
	good, err := store.Sell(only)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("..")
	f.Fuzz(func(t *testing.T, receipt string) {
		sold, err := store.Transaction(t.Context(), receipt)
		if err == nil && sold != only { // however base64 is written
			t.Errorf("%q is taken for a receipt of %+v", receipt, sold)
		}
	})
}

func FuzzSandboxEvent(f *testing.F) {
	box := Sandbox{Secrets: []string{"secret of the sandbox"}}
	f.Add([]byte(`{"id":"sb_5_pay","action":"pay","order":"5","amount":99,"currency":"USD"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := box.Callback(headers(map[string]string{SandboxHeader: Sign(box.Secrets[0], now, body)}), body, now)
		if err == nil && (e.Order < 0 || e.Says == "" || e.OwnPrice) || err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q is %+v, %v", body, e, err)
		}
	})
}
