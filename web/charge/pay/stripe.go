package pay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
)

const (
	// StripeName is the name of the provider Stripe.
	StripeName = "stripe"
	// StripeHeader is the header with the signature of Stripe's webhooks.
	StripeHeader = "Stripe-Signature"

	stripeVersion   = "2024-06-20"     // of the API whose answers are read here
	stripeShortest  = 31 * time.Minute // Stripe keeps a checkout open for at least 30
	stripeLongest   = 24*time.Hour - 10*time.Minute
	maxStripeAnswer = 1 << 20 // bytes
)

// A Stripe is the provider of that name, by its Checkout: https://docs.stripe.com/payments/checkout.
type Stripe struct {
	// Key is the secret key of the API, as sk_live_...
	Key string
	// WebhookSecrets verify webhooks: the endpoint's, and while that is rolled over the other one.
	WebhookSecrets []string
	// Base is the API's URL, https://api.stripe.com.
	Base string
	// Return is the URL where Stripe sends the player's browser afterwards.
	Return func() string
	// HTTP calls the API. It has a timeout.
	HTTP *http.Client
}

var (
	_ Caller  = Stripe{}
	_ Lasting = Stripe{}
)

// Name is "stripe".
func (Stripe) Name() string { return StripeName }

// Shortest is how long a checkout is open at least.
func (Stripe) Shortest() time.Duration { return stripeShortest }

// stripeObject is what we read of the objects in events and answers: a checkout session, a payment intent, a charge or a dispute.
type stripeObject struct {
	ID             string            `json:"id"`
	Object         string            `json:"object"`
	URL            string            `json:"url"`
	Status         string            `json:"status"`
	PaymentStatus  string            `json:"payment_status"`
	PaymentIntent  stripeRef         `json:"payment_intent"`
	Reference      string            `json:"client_reference_id"`
	Metadata       map[string]string `json:"metadata"`
	Amount         int64             `json:"amount"`
	AmountTotal    int64             `json:"amount_total"`
	AmountReceived int64             `json:"amount_received"`
	AmountRefunded int64             `json:"amount_refunded"`
	Currency       string            `json:"currency"`
}

// A stripeRef is another object's id, or that object with everything, of which we read the status.
type stripeRef struct{ id, status string }

// UnmarshalJSON takes both.
func (r *stripeRef) UnmarshalJSON(data []byte) error {
	*r = stripeRef{}
	if json.Unmarshal(data, &r.id) == nil {
		return nil
	}
	var object struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	}
	err := json.Unmarshal(data, &object)
	*r = stripeRef{object.ID, object.Status}
	return err
}

// Begin opens a checkout. The idempotency key makes it one for each order.
func (s Stripe) Begin(ctx context.Context, o order.Order) (Payment, error) {
	id := o.ID.String()
	expires := o.Expires // follows from the order alone: with its key, Stripe takes only what it was sent the first time
	if least := o.Created.Add(stripeShortest); expires.Before(least) {
		expires = least
	}
	if most := o.Created.Add(stripeLongest); expires.After(most) {
		expires = most
	}
	form := url.Values{
		"mode":                                          {"payment"},
		"client_reference_id":                           {id},
		"metadata[order]":                               {id},
		"payment_intent_data[metadata][order]":          {id}, // and from there to its charges
		"line_items[0][quantity]":                       {"1"},
		"line_items[0][price_data][currency]":           {strings.ToLower(o.Currency)},
		"line_items[0][price_data][unit_amount]":        {strconv.FormatInt(o.Price, 10)},
		"line_items[0][price_data][product_data][name]": {o.Title},
		"success_url":                                   {s.Return()},
		"cancel_url":                                    {s.Return()},
		"expires_at":                                    {strconv.FormatInt(expires.Unix(), 10)},
	}
	session, err := s.call(ctx, http.MethodPost, "/v1/checkout/sessions", form, "order-"+id)
	if err != nil {
		return Payment{}, err
	}
	if session.ID == "" || session.URL == "" {
		return Payment{}, errors.New("stripe: the checkout that it made has no id or no URL")
	}
	return Payment{Checkout: session.ID, Payment: session.PaymentIntent.id, URL: session.URL}, nil
}

// Ask looks at the order's checkout. One that is complete and not paid was paid in a way that settles later, after days maybe, such as a bank debit or a voucher; its payment
// wants another way to be paid when that has failed: https://docs.stripe.com/payments/paymentintents/lifecycle.
func (s Stripe) Ask(ctx context.Context, o order.Order) (order.Event, error) {
	if o.Checkout == "" {
		return nothing(StripeName, o), nil
	}
	session, err := s.call(ctx, http.MethodGet, "/v1/checkout/sessions/"+url.PathEscape(o.Checkout)+"?expand[]=payment_intent", nil, "")
	if err != nil {
		return order.Event{}, err
	}
	e := order.Event{
		Provider: StripeName, Type: "ask", Says: order.SaysOther, Order: o.ID, Payment: session.PaymentIntent.id, Amount: session.AmountTotal,
		Currency: session.Currency,
	}
	switch {
	case session.PaymentStatus == "paid":
		e.Says = order.SaysPaid
	case session.Status == "expired":
		e.Says = order.SaysExpired
	case session.Status == "complete" && (session.PaymentIntent.status == "requires_payment_method" || session.PaymentIntent.status == "canceled"):
		e.Says = order.SaysFailed
	case session.Status == "complete":
		e.Says = order.SaysUnderway
	}
	e.ID = fmt.Sprintf("ask:%d:%s", o.ID, e.Says)
	return e, nil
}

// Callback is what a webhook tells: https://docs.stripe.com/api/events/types. Events come in any order, and more than once.
func (s Stripe) Callback(header func(string) string, body []byte, now time.Time) (order.Event, error) {
	if err := verify(header(StripeHeader), body, s.WebhookSecrets, now, Tolerance); err != nil {
		return order.Event{}, err
	}
	return stripeEvent(body)
}

// stripeEvent reads an event. One of a type that we do not know is no error.
func stripeEvent(body []byte) (order.Event, error) {
	var in struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Data struct {
			Object json.RawMessage `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.ID == "" || in.Type == "" {
		return order.Event{}, fault.New(fault.Invalid, "the callback is no event of Stripe's")
	}
	e := order.Event{Provider: StripeName, ID: in.ID, Type: in.Type, Says: order.SaysOther, Digest: digest(body)}
	if !strings.HasPrefix(in.Type, "checkout.session.") && !strings.HasPrefix(in.Type, "payment_intent.") && !strings.HasPrefix(in.Type, "charge.") {
		return e, nil
	}
	var o stripeObject
	if err := json.Unmarshal(in.Data.Object, &o); err != nil {
		return order.Event{}, fault.New(fault.Invalid, "the object of Stripe's event is not as published")
	}
	e.Order, e.Payment, e.Currency = orderID(o.Metadata["order"]), o.PaymentIntent.id, o.Currency
	switch in.Type {
	case "checkout.session.completed", "checkout.session.async_payment_succeeded":
		if e.Order == 0 {
			e.Order = orderID(o.Reference)
		}
		if e.Amount = o.AmountTotal; o.PaymentStatus == "paid" { // otherwise the money is still on its way
			e.Says = order.SaysPaid
		}
	case "checkout.session.async_payment_failed":
		e.Says = order.SaysFailed
	case "checkout.session.expired":
		e.Says = order.SaysExpired
	case "payment_intent.succeeded":
		e.Payment, e.Amount, e.Says = o.ID, o.AmountReceived, order.SaysPaid
	case "charge.refunded":
		e.Amount, e.Says = o.AmountRefunded, order.SaysRefunded
	case "charge.dispute.created", "charge.dispute.funds_withdrawn":
		e.Amount = o.Amount
		if !strings.HasPrefix(o.Status, "warning_") { // a mere inquiry, which takes no money
			e.Says = order.SaysDisputed
		}
	case "charge.dispute.closed":
		e.Amount = o.Amount
		switch o.Status {
		case "won":
			e.Says = order.SaysCleared
		case "lost":
			e.Says = order.SaysLost
		}
	}
	return e, nil
}

// call asks Stripe's API. What it refuses for good is [ErrRefused].
func (s Stripe) call(ctx context.Context, method, path string, form url.Values, key string) (stripeObject, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(s.Base, "/")+path, strings.NewReader(form.Encode()))
	if err != nil {
		return stripeObject{}, err
	}
	req.Header.Set("Authorization", "Bearer "+s.Key)
	req.Header.Set("Stripe-Version", stripeVersion)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return stripeObject{}, fault.Wrap(err, fault.Unavailable, "the payment provider cannot be reached")
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxStripeAnswer))
	if err != nil {
		return stripeObject{}, fault.Wrap(err, fault.Unavailable, "the payment provider's answer broke off")
	}
	if resp.StatusCode != http.StatusOK {
		return stripeObject{}, stripeRefusal(resp.StatusCode, data)
	}
	var o stripeObject
	if err := json.Unmarshal(data, &o); err != nil {
		return stripeObject{}, fmt.Errorf("stripe: answer to %s %s: %w", method, path, err)
	}
	return o, nil
}

// stripeRefusal is the error in an answer: https://docs.stripe.com/api/errors. Its message may quote what was sent, so it is for the log only.
func stripeRefusal(status int, data []byte) error {
	var body struct {
		Error struct {
			Type    string `json:"type"`
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(data, &body) // if it is none, the status says what there is to say
	why := fmt.Errorf("stripe answers %d: %s %s: %s", status, body.Error.Type, body.Error.Code, body.Error.Message)
	if status == http.StatusBadRequest || status == http.StatusPaymentRequired || status == http.StatusNotFound {
		return fmt.Errorf("%w: %w", ErrRefused, why)
	}
	return fault.Wrap(why, fault.Unavailable, "the payment provider does not take this now")
}
