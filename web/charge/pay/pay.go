package pay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
)

// A Provider takes payments. Its methods are safe for concurrent use.
type Provider interface {
	// Name is what orders and callbacks' paths call it: 1 to 32 lower-case letters, digits and underscores.
	Name() string
	// Begin makes the payment for an order. It may be called again for the same order, and then answers the same. [ErrRefused] says that the order
	// can never be paid; any other error that it may be tried again.
	Begin(ctx context.Context, o order.Order) (Payment, error)
	// Ask is what the provider knows of an order's payment now, as an event; one that says order.SaysOther when that is nothing new, and order.SaysUnderway when the order
	// must not be given up, since it may be paid for without the payer's doing.
	Ask(ctx context.Context, o order.Order) (order.Event, error)
}

// A Payment is what a provider has made of an order.
type Payment struct {
	Checkout string // the id to ask by
	Payment  string // the id that later events name; "" when it is not known yet
	URL      string // where the player pays, or the path of a page of ours; "" when it happens on the device
}

// A Caller is a provider that calls back.
type Caller interface {
	Provider
	// Callback is the event in a callback: its bytes as they came, and its headers by name. [ErrForged] when it does not surely come from the
	// provider, or comes too late; fault.Invalid when it does and means nothing.
	Callback(header func(name string) string, body []byte, now time.Time) (order.Event, error)
}

// A Lasting provider keeps a payment open for some time at least. Its orders last as long: one that is given up while it can be paid counts for no cap.
type Lasting interface {
	Provider
	Shortest() time.Duration
}

// A Receiver is a provider whose clients bring receipts.
type Receiver interface {
	Provider
	// Redeem is the event that a receipt stands for, once the store has vouched for it. fault.Invalid or fault.Forbidden when it is none for
	// this order.
	Redeem(ctx context.Context, o order.Order, receipt string) (order.Event, error)
}

var (
	// ErrForged says no more than that.
	ErrForged = fault.New(fault.Unauthenticated, "the callback is not signed as it should be")
	// ErrRefused: the provider will not take this payment.
	ErrRefused = fault.New(fault.FailedPrecondition, "the payment provider refuses this order")
)

// nothing is the answer that a provider knows nothing new.
func nothing(provider string, o order.Order) order.Event {
	return order.Event{Provider: provider, ID: "ask:" + o.ID.String() + ":nothing", Type: "ask", Says: order.SaysOther, Order: o.ID}
}

// digest names bytes without keeping them.
func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// orderID reads an order's id as we write it into what providers give back to us; 0 when it is none.
func orderID(text string) order.ID {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != text {
		return 0
	}
	return order.ID(n)
}
