package charge

import (
	"context"
	"time"

	"loumiao/game/store/order"
)

// A Policy decides who may buy what: real names, spending caps of minors.
type Policy interface {
	// BeforeCharge is called before an order is made. Its error refuses the order and goes to the player: make it with package fault.
	BeforeCharge(ctx context.Context, r ChargeRequest) error
}

// A ChargeRequest is an order that is about to be made.
type ChargeRequest struct {
	Account  int64
	Player   int64
	Area     uint16
	Product  string
	Price    int64 // in minor units of Currency
	Currency string
	// Spent is what the account's orders since then cost in that currency, paid ones and those that still may be. Two orders that are made in the same
	// moment do not see each other.
	Spent func(ctx context.Context, since time.Time) (int64, error)
}

// allow asks the policy, if there is one.
func (s *Service) allow(ctx context.Context, d order.Draft) error {
	if s.Policy == nil {
		return nil
	}
	return s.Policy.BeforeCharge(ctx, ChargeRequest{
		Account: d.Account, Player: d.Player, Area: d.Area, Product: d.Product, Price: d.Price, Currency: d.Currency,
		Spent: func(ctx context.Context, since time.Time) (int64, error) {
			return s.Orders.Spent(ctx, d.Account, d.Currency, since)
		},
	})
}
