package policy

import (
	"context"
	"time"

	"loumiao/framework/node"
	"loumiao/game/realname"
	"loumiao/game/store/account"
	"loumiao/game/store/order"
)

// LookEvery is how often those are looked at who are in and whose time is limited.
const LookEvery = 10 * time.Second

// Login decides who may come in.
type Login interface {
	// BeforeLogin is called when it is known who comes, before he is let in; a sanction has been looked for. Its error refuses him and goes to the player.
	BeforeLogin(ctx context.Context, r LoginRequest) error
}

// A LoginRequest is a login that is about to be let in.
type LoginRequest struct {
	Account account.ID
	Area    uint16
}

// Playtime decides who may stay.
type Playtime interface {
	// Watched is up to limit accounts that have to be looked at now.
	Watched(ctx context.Context, limit int) ([]account.Playtime, error)
	// Look counts the time of one of them, and says why it must go, with until when it cannot come back; online is whether it has a session. A nil over says that it may stay,
	// or that another node has looked.
	Look(ctx context.Context, p account.Playtime, online bool) (over error, until time.Time, err error)
}

// Charge decides who may buy what.
type Charge interface {
	// BeforeCharge is called before an order is made. Its error refuses the order and goes to the player; the caps are held by the order's table, exactly.
	BeforeCharge(ctx context.Context, r ChargeRequest) ([]order.Cap, error)
}

// A ChargeRequest is an order that is about to be made.
type ChargeRequest struct {
	Account  int64
	Player   int64
	Area     uint16
	Product  string
	Price    int64 // in minor units of Currency
	Currency string
}

// People learns who stands behind accounts.
type People interface {
	// Identify has somebody vouched for; an account of which somebody is known stays as it is. Its errors are for the client.
	Identify(ctx context.Context, acc account.ID, claim realname.Claim) error
}

// A Set is who answers the questions; nil refuses nobody, and for People knows nobody.
type Set struct {
	Login    Login
	Playtime Playtime
	Charge   Charge
	People   People
}

// Open makes a Set for a node. A nil Open is an empty Set.
type Open func(n *node.Node) (Set, error)

// On is the set for a node.
func (o Open) On(n *node.Node) (Set, error) {
	if o == nil {
		return Set{}, nil
	}
	return o(n)
}
