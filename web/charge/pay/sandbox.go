package pay

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
)

const (
	// SandboxName is the name of the sandbox.
	SandboxName = "sandbox"
	// SandboxHeader is the header with the signature of the sandbox's callbacks.
	SandboxHeader = "Sandbox-Signature"
	// Tolerance is how far from now a callback may have been signed.
	Tolerance = 5 * time.Minute
)

// A Sandbox is a provider that takes no money: whoever presses "pay" has paid. Its page is served beside the orders', so that its URL is a path.
type Sandbox struct {
	// Secrets sign callbacks; the first one signs ours, all are accepted.
	Secrets []string
}

var _ Caller = Sandbox{}

// sandboxEvent is the body of a callback.
type sandboxEvent struct {
	ID       string `json:"id"`
	Action   string `json:"action"`
	Order    int64  `json:"order,string"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// sandboxActions is what each button says.
var sandboxActions = map[string]order.Says{
	"pay": order.SaysPaid, "fail": order.SaysFailed, "refund": order.SaysRefunded, "refund_half": order.SaysRefunded, "dispute": order.SaysDisputed, "clear": order.SaysCleared,
}

// Name is "sandbox".
func (Sandbox) Name() string { return SandboxName }

// SandboxPage is the path of an order's page, with the key that opens it.
func SandboxPage(o order.Order) string {
	return "/sandbox/" + o.ID.String() + "?key=" + url.QueryEscape(o.Secret)
}

// Begin is the path of the order's page.
func (Sandbox) Begin(_ context.Context, o order.Order) (Payment, error) {
	id := "sb_" + o.ID.String()
	return Payment{Checkout: id, Payment: id, URL: SandboxPage(o)}, nil
}

// Ask knows nothing: a button that was pressed has told everything at once.
func (Sandbox) Ask(_ context.Context, o order.Order) (order.Event, error) {
	return nothing(SandboxName, o), nil
}

// Press is the callback that a button sends, with its signature. A button says the same however often it is pressed.
func (s Sandbox) Press(o order.Order, action string, now time.Time) (header string, body []byte, err error) {
	if _, ok := sandboxActions[action]; !ok || len(s.Secrets) == 0 {
		return "", nil, fault.Errorf(fault.Invalid, "the sandbox has no button %q", action)
	}
	amount := o.Price
	if action == "refund_half" {
		amount /= 2
	}
	body, err = json.Marshal(sandboxEvent{ID: "sb_" + o.ID.String() + "_" + action, Action: action, Order: int64(o.ID), Amount: amount, Currency: o.Currency})
	return Sign(s.Secrets[0], now, body), body, err
}

// Callback is a button's event.
func (s Sandbox) Callback(header func(string) string, body []byte, now time.Time) (order.Event, error) {
	if err := verify(header(SandboxHeader), body, s.Secrets, now, Tolerance); err != nil {
		return order.Event{}, err
	}
	var e sandboxEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return order.Event{}, fault.New(fault.Invalid, "the callback is no JSON object of the sandbox's")
	}
	says, ok := sandboxActions[e.Action]
	if !ok {
		says = order.SaysOther
	}
	return order.Event{
		Provider: SandboxName, ID: e.ID, Type: e.Action, Says: says, Order: order.ID(max(0, e.Order)),
		Amount: e.Amount, Currency: e.Currency, Digest: digest(body),
	}, nil
}
