package pay

import (
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
)

var now = time.Unix(1_800_000_000, 0)

func sample() order.Order {
	return order.Order{
		ID: 1<<53 + 1, Player: 7, Product: "pouch", Title: "Pouch of gold", Price: 99, Currency: "USD", Secret: "s3cret",
		Created: now, Expires: now.Add(time.Hour),
	}
}

// headers is a callback's headers.
func headers(h map[string]string) func(string) string {
	return func(name string) string { return h[name] }
}

func TestSandboxPressed(t *testing.T) {
	t.Parallel()
	box := Sandbox{Secrets: []string{"new secret of the sandbox", "old secret of the sandbox"}}
	old := Sandbox{Secrets: []string{"old secret of the sandbox"}}
	stranger := Sandbox{Secrets: []string{"secret of somebody else"}}
	o := sample()
	for action, says := range map[string]order.Says{
		"pay": order.SaysPaid, "fail": order.SaysFailed, "refund": order.SaysRefunded, "refund_half": order.SaysRefunded, "dispute": order.SaysDisputed, "clear": order.SaysCleared,
	} {
		for name, tc := range map[string]struct {
			by   Sandbox
			at   time.Time
			good bool
		}{
			"new secret": {box, now, true}, "old secret": {old, now, true}, "stranger": {stranger, now, false},
			"five minutes later": {box, now.Add(Tolerance), true}, "later": {box, now.Add(Tolerance + time.Second), false},
			"from the future": {box, now.Add(-Tolerance - time.Second), false},
		} {
			amount := map[bool]int64{true: 49, false: 99}[action == "refund_half"]
			signature, body, err := tc.by.Press(o, action, now)
			if err != nil {
				t.Fatal(err)
			}
			e, err := box.Callback(headers(map[string]string{SandboxHeader: signature}), body, tc.at)
			if !tc.good {
				if err != ErrForged {
					t.Errorf("%s, %s: %v", action, name, err)
				}
				continue
			}
			if err != nil || e.Says != says || e.Order != o.ID || e.Amount != amount || e.Currency != "USD" || e.Provider != "sandbox" || e.OwnPrice {
				t.Errorf("%s, %s: %+v, %v", action, name, e, err)
			}
		}
	}
	if _, _, err := box.Press(o, "nonsense", now); fault.CodeOf(err) != fault.Invalid {
		t.Error(err)
	}
	if _, _, err := (Sandbox{}).Press(o, "pay", now); fault.CodeOf(err) != fault.Invalid {
		t.Error("a sandbox without a secret signs:", err)
	}
}

// A secret that is not configured must not be one that everybody knows.
func TestNoSecretSignsNothing(t *testing.T) {
	t.Parallel()
	body := []byte(`{"id":"e","action":"pay","order":"1"}`)
	header := headers(map[string]string{
		SandboxHeader: Sign("", now, body), StripeHeader: Sign("", now, body), FakeStoreHeader: Sign("", now, body),
	})
	for _, c := range []Caller{Sandbox{}, Sandbox{Secrets: []string{"", ""}}, Stripe{}, Stripe{WebhookSecrets: []string{"", ""}}, Receipts{Store: FakeStore{}}} {
		if _, err := c.Callback(header, body, now); err != ErrForged {
			t.Errorf("%#v: %v", c, err)
		}
	}
	receipt, err := FakeStore{}.Sell(Transaction{ID: "1", Product: "pouch", Order: Token(sample())})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Receipts{Store: FakeStore{}}).Redeem(t.Context(), sample(), receipt); fault.CodeOf(err) != fault.Invalid {
		t.Error(err)
	}
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	o := sample()
	mine := FakeStore{Secret: "secret of the store"}
	sold := Transaction{ID: "tx1", Product: o.Product, Order: Token(o)}
	other := sample()
	other.Secret = "of another order"
	for name, tc := range map[string]struct {
		by     FakeStore
		change func(*Transaction)
		order  order.Order
		want   fault.Code
	}{
		"good":              {mine, func(*Transaction) {}, o, fault.OK},
		"another's order":   {mine, func(*Transaction) {}, other, fault.Forbidden},
		"another's product": {mine, func(t *Transaction) { t.Product = "pack" }, o, fault.Forbidden},
		"no order":          {mine, func(t *Transaction) { t.Order = "" }, o, fault.Forbidden},
		"refunded":          {mine, func(t *Transaction) { t.Refunded = true }, o, fault.FailedPrecondition},
		"forged":            {FakeStore{Secret: "guess"}, func(*Transaction) {}, o, fault.Invalid},
	} {
		tx := sold
		tc.change(&tx)
		receipt, err := tc.by.Sell(tx)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Receipts{Store: mine}.Redeem(t.Context(), tc.order, receipt)
		if fault.CodeOf(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (e.ID != "tx1" || e.Says != order.SaysPaid || e.Order != o.ID || e.Payment != "tx1" || !e.OwnPrice) {
			t.Errorf("%s: %+v", name, e)
		}
	}
	for _, receipt := range []string{"", "x", "x.y", "..", "!.!", string(make([]byte, maxReceipt+1))} {
		if _, err := (Receipts{Store: mine}).Redeem(t.Context(), o, receipt); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%.20q: %v", receipt, err)
		}
	}
	signature, body, err := mine.Refund(sold, now)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Receipts{Store: mine}.Callback(headers(map[string]string{FakeStoreHeader: signature}), body, now)
	if err != nil || e.Says != order.SaysRefunded || e.Payment != "tx1" || e.ID == "tx1" || e.Order != 0 {
		t.Errorf("refund: %+v, %v", e, err)
	}
	if _, err := (Receipts{Store: mine}).Callback(headers(map[string]string{FakeStoreHeader: signature}), append(body, ' '), now); err != ErrForged {
		t.Error(err)
	}
}
