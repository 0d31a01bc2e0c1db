package signin_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/signin"
	"loumiao/game/store/account"
	"loumiao/game/token"
	"loumiao/migrations"
)

// service is the rules on the stores, for one area, and the accounts that they work with.
func service(t *testing.T, stores *store.Stores, change func(*signin.Deps)) (*signin.Service, *account.Store) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.New(storetest.Migrated(t, stores, "account", migrations.FS("account")), id.NewGenerator(1, nil), nil)
	deps := signin.Deps{
		Accounts: accounts, Throttle: account.NewThrottle(stores, account.ThrottleConfig{PerName: 100, PerAddress: 100}),
		Tokens: token.NewSigner(private, "k", time.Minute, nil), Areas: []signin.Area{{ID: 1, Name: "First"}},
	}
	change(&deps)
	if err := deps.Validate(); err != nil {
		t.Fatal(err)
	}
	return signin.New(deps), accounts
}
