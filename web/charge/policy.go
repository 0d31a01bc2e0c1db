package charge

import (
	"context"

	"loumiao/game/policy"
	"loumiao/game/store/order"
)

// allow asks the policy, if there is one, and has the order's table hold what it says.
func (s *Service) allow(ctx context.Context, d order.Draft) (order.Limits, error) {
	limits := s.Limits
	if s.Policy == nil {
		return limits, nil
	}
	caps, err := s.Policy.BeforeCharge(ctx, policy.ChargeRequest{
		Account: d.Account, Player: d.Player, Area: d.Area, Product: d.Product, Price: d.Price, Currency: d.Currency,
	})
	limits.Caps = caps
	return limits, err
}
