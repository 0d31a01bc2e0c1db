package order

import "slices"

// A State is how far an order has come.
type State string

// The states.
const (
	Created   State = "created"   // the order is made; its payment may not be begun yet
	Pending   State = "pending"   // the player can pay
	Paid      State = "paid"      // the money is there, and the goods are surely not granted yet
	Granting  State = "granting"  // the goods are perhaps granted
	Delivered State = "delivered" // the goods are granted
	Failed    State = "failed"    // the payment failed
	Expired   State = "expired"   // nobody paid in time
	Refunded  State = "refunded"  // the money went back, and the goods with it, but for the order's debt
	Disputed  State = "disputed"  // the payer has the money called back; what is not granted yet is held
)

// transitions is every change of state that there is.
var transitions = map[State][]State{
	Created:   {Pending, Paid, Failed, Expired, Refunded, Disputed},
	Pending:   {Paid, Failed, Expired, Refunded, Disputed},
	Failed:    {Paid, Refunded, Disputed}, // the player tried again
	Expired:   {Paid, Refunded, Disputed}, // late money counts
	Paid:      {Granting, Refunded, Disputed},
	Granting:  {Delivered, Disputed},
	Delivered: {Refunded, Disputed},
	Disputed:  {Pending, Paid, Delivered, Refunded},
	Refunded:  {},
}

// allows reports whether an order may go from one state to another; it may always stay.
func allows(from, to State) bool { return from == to || slices.Contains(transitions[from], to) }

// open reports whether nothing is known yet of the order's payment.
func (s State) open() bool { return s == Created || s == Pending }

// back is how much of the price went back.
func (r *orderRow) back() int64 {
	if r.RefundedAt != 0 {
		return r.Price
	}
	return r.RefundedSum
}

// owes reports whether there are goods to take back: those of a price that went back, once they are surely granted.
func (r *orderRow) owes() bool {
	return r.GrantedAt != 0 && r.State != Refunded && r.back() > r.RevokedSum
}

// settled is the state that follows from what is known of an order: its facts, in whichever order they were learned.
func (r *orderRow) settled() State {
	refunded, held := r.RefundedAt != 0, r.DisputedAt != 0 && r.ClearedAt == 0
	switch {
	case r.State == Refunded:
		return Refunded
	case r.State == Granting && r.GrantedAt == 0:
		return Granting // whatever was told waits until it is known whether the goods are there
	case r.GrantedAt != 0 && held:
		return Disputed
	case r.GrantedAt != 0:
		return Delivered // of a refund, too, until the goods are taken back
	case refunded:
		return Refunded
	case held:
		return Disputed
	case r.PaidAt != 0:
		return Paid
	case r.State == Disputed:
		return Pending // the dispute is over, and the payment not told yet
	}
	return r.State
}
