package pay

import (
	"context"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
)

// StoreName is the name of the provider behind which an app store is.
const StoreName = "store"

// maxReceipt is the longest receipt that is looked at, in bytes.
const maxReceipt = 16 << 10

// A Store is an app store: it sells on the device, and vouches for what it has sold.
type Store interface {
	// Transaction is what the store has sold for a receipt. fault.Invalid when it is no receipt of the store's; any other error that it cannot say now.
	Transaction(ctx context.Context, receipt string) (Transaction, error)
	// Notification is what the store tells of a transaction later, of refunds above all. [ErrForged] when it does not come from the store.
	Notification(header func(name string) string, body []byte, now time.Time) (Transaction, error)
}

// A Transaction is one sale.
type Transaction struct {
	ID       string // unique to the store
	Product  string // as the store knows it, which is as we do
	Order    string // what the client gave the store to keep with the sale: our order's token, see [Token]
	Refunded bool
}

// Token is what a client hands to the store with a purchase (Apple's appAccountToken, Google's obfuscatedAccountId): it ties the sale to one order,
// and so to its player, that a receipt which somebody else gets hold of is worth nothing to him.
func Token(o order.Order) string { return o.ID.String() + "." + o.Secret }

// Receipts is a provider whose payments happen in an app store, on the device.
type Receipts struct{ Store Store }

var (
	_ Caller   = Receipts{}
	_ Receiver = Receipts{}
)

// Name is "store".
func (Receipts) Name() string { return StoreName }

// Begin needs nothing of the store.
func (Receipts) Begin(context.Context, order.Order) (Payment, error) { return Payment{}, nil }

// Ask knows nothing: a store is asked by receipt, and that is the client's to bring.
func (Receipts) Ask(_ context.Context, o order.Order) (order.Event, error) {
	return nothing(StoreName, o), nil
}

// Redeem has the store vouch for a receipt, and checks that it is for this order.
func (r Receipts) Redeem(ctx context.Context, o order.Order, receipt string) (order.Event, error) {
	if receipt == "" || len(receipt) > maxReceipt {
		return order.Event{}, fault.Errorf(fault.Invalid, "a receipt has 1 to %d bytes", maxReceipt)
	}
	t, err := r.Store.Transaction(ctx, receipt)
	switch {
	case err != nil:
		return order.Event{}, err
	case t.Order != Token(o) || t.Product != o.Product:
		return order.Event{}, fault.New(fault.Forbidden, "the receipt is for something else")
	case t.Refunded:
		return order.Event{}, fault.New(fault.FailedPrecondition, "the purchase was refunded")
	}
	return t.event(o.ID, order.SaysPaid, t.ID, []byte(receipt)), nil
}

// Callback is a notification of the store's. Only refunds are news: sales come with their receipts.
func (r Receipts) Callback(header func(string) string, body []byte, now time.Time) (order.Event, error) {
	t, err := r.Store.Notification(header, body, now)
	if err != nil {
		return order.Event{}, err
	}
	if !t.Refunded {
		return t.event(0, order.SaysOther, t.ID+":sold", body), nil
	}
	return t.event(0, order.SaysRefunded, t.ID+":refunded", body), nil
}

func (t Transaction) event(id order.ID, says order.Says, event string, body []byte) order.Event {
	return order.Event{
		Provider: StoreName, ID: event, Type: string(says), Says: says, Order: id, Payment: t.ID, OwnPrice: true, Digest: digest(body),
	}
}
