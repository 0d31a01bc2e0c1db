package signin

import (
	"context"
	"fmt"

	"loumiao/framework/fault"
	"loumiao/game/store/account"
)

// A Provider tells whose proof it is shown, for one kind of identity. There is one for names and passwords, one for devices, and one for each channel.
type Provider func(ctx context.Context, proof Proof) (account.Identity, error)

// A Proof is what somebody shows for an identity that is to be theirs.
type Proof struct {
	Name   string // to log in with; of a password only
	Secret string // the password, the device's secret, or the channel's ticket
}

// Identities is what binding needs of the account store; [account.Store] is one.
type Identities interface {
	NewPassword(ctx context.Context, name, password string) (account.Identity, error)
	Bind(ctx context.Context, acc account.ID, identity account.Identity) error
	Unbind(ctx context.Context, acc account.ID, kind string) error
	Identities(ctx context.Context, acc account.ID) ([]account.Identity, error)
}

var _ Identities = (*account.Store)(nil)

// A Binder changes how accounts can be logged in to. Who asks has shown already whose account it is. It is safe for concurrent use.
type Binder struct {
	store     Identities
	service   *Service
	providers map[string]Provider
}

// NewBinder is a binder for all kinds of identities that service lets in.
func NewBinder(store Identities, service *Service) *Binder {
	b := &Binder{store: store, service: service, providers: map[string]Provider{
		"password": func(ctx context.Context, p Proof) (account.Identity, error) {
			return store.NewPassword(ctx, p.Name, p.Secret)
		},
		"device": func(_ context.Context, p Proof) (account.Identity, error) { return account.Device(p.Secret) },
	}}
	for _, c := range service.Channels {
		b.providers[c.Name()] = func(ctx context.Context, p Proof) (account.Identity, error) {
			return service.vouched(ctx, c.Name(), p.Secret)
		}
	}
	return b
}

// Bind adds an identity to the account, which is told how it can be logged in to from then on. Nothing moves when it is refused: see
// [account.Store.Bind]. Passwords, which cost much to hash, are throttled for the account, whatever its address: it is a *[Throttled].
func (b *Binder) Bind(ctx context.Context, acc account.ID, kind string, proof Proof) ([]account.Identity, error) {
	provider := b.providers[kind]
	if provider == nil {
		return nil, fault.New(fault.NotFound, "there is no such kind of identity")
	}
	binds := fmt.Sprintf("bind:%d", acc)
	if kind == "password" {
		if err := b.service.take(ctx, binds, binds); err != nil {
			return nil, err
		}
	}
	identity, err := provider(ctx, proof)
	if err != nil {
		if kind == "password" { // nothing was hashed
			b.service.uncount(ctx, binds, binds)
		}
		return nil, err
	}
	if err := b.store.Bind(ctx, acc, identity); err != nil {
		return nil, err
	}
	return b.store.Identities(ctx, acc)
}

// Unbind takes one away, but for the last.
func (b *Binder) Unbind(ctx context.Context, acc account.ID, kind string) ([]account.Identity, error) {
	if err := b.store.Unbind(ctx, acc, kind); err != nil {
		return nil, err
	}
	return b.store.Identities(ctx, acc)
}

// List is how the account can be logged in to.
func (b *Binder) List(ctx context.Context, acc account.ID) ([]account.Identity, error) {
	return b.store.Identities(ctx, acc)
}

// vouched is whom a channel vouches for.
func (s *Service) vouched(ctx context.Context, name, ticket string) (account.Identity, error) {
	for _, c := range s.Channels {
		if c.Name() != name {
			continue
		}
		user, err := c.Verify(ctx, ticket)
		if err != nil {
			return account.Identity{}, err
		}
		return account.Identity{Kind: name, Subject: user.ID, Display: user.Name}, nil
	}
	return account.Identity{}, fault.New(fault.NotFound, "there is no such channel")
}
