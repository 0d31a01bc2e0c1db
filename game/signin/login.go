package signin

import (
	"context"

	"loumiao/game/store/account"
)

// Logins is where the account is logged in, for its owner: who asks has shown already whose account it is.
func (s *Service) Logins(ctx context.Context, acc account.ID) ([]account.LoginEntry, error) {
	return s.Accounts.Logins(ctx, acc)
}

// EndLogin ends one of the account's logins, or all of them for "": none can be refreshed any more, and account nodes see to it within seconds that their tokens
// open no gate and that sessions which they have led to end. It is [account.ErrNoLogin]. Those that are left are returned.
func (s *Service) EndLogin(ctx context.Context, acc account.ID, login string) ([]account.LoginEntry, error) {
	end := func() error { return s.Accounts.EndLogin(ctx, acc, login) }
	if login == "" {
		end = func() error { return s.Accounts.RevokeRefresh(ctx, acc) }
	}
	if err := end(); err != nil {
		return nil, err
	}
	return s.Accounts.Logins(ctx, acc)
}
