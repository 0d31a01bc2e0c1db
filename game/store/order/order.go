package order

import (
	"errors"
	"maps"
	"math/bits"
	"regexp"
	"strconv"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// An ID is one order.
type ID int64

// String is the id in decimal.
func (i ID) String() string { return strconv.FormatInt(int64(i), 10) }

// What a caller may tell apart.
var (
	// ErrNotFound: no such order.
	ErrNotFound = fault.New(fault.NotFound, "no such order")
	// ErrTooManyOpen: the player has as many unpaid orders as he may have.
	ErrTooManyOpen = fault.New(fault.FailedPrecondition, "there are too many unpaid orders; pay or wait until they expire")
	// ErrTooOften: the player has made as many orders in this minute as he may.
	ErrTooOften = fault.New(fault.RateLimited, "too many orders; try again in a minute")
)

// Goods is what an order grants.
type Goods struct {
	Wallet map[string]int64 `json:"wallet,omitempty" yaml:"wallet" doc:"amounts by currency of the game"`
	Items  map[string]int64 `json:"items,omitempty" yaml:"items" doc:"counts by item"`
}

const (
	maxGoods  = 16       // kinds of goods in one order
	maxAmount = 1 << 40  // of one kind
	maxPrice  = 10000000 // in minor units
)

var assetName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// Empty reports whether there is nothing in it.
func (g Goods) Empty() bool { return len(g.Wallet)+len(g.Items) == 0 }

// Validate reports everything that is wrong, joined.
func (g Goods) Validate() error {
	var errs []error
	if n := len(g.Wallet) + len(g.Items); n == 0 || n > maxGoods {
		errs = append(errs, fault.Errorf(fault.Invalid, "%d kinds of goods; must be 1 to %d", n, maxGoods))
	}
	for _, part := range []map[string]int64{g.Wallet, g.Items} {
		for name, amount := range part {
			if !assetName.MatchString(name) {
				errs = append(errs, fault.Errorf(fault.Invalid, "goods %q: must be 1 to 32 lower-case letters, digits and underscores", name))
			}
			if amount < 1 || amount > maxAmount {
				errs = append(errs, fault.Errorf(fault.Invalid, "goods %s: %d; must be 1 to %d", name, amount, int64(maxAmount)))
			}
		}
	}
	return errors.Join(errs...)
}

// An Order is all that is stored of one. Times that are zero have not come.
type Order struct {
	ID       ID
	Player   int64
	Account  int64
	Area     uint16
	Product  string
	Title    string // of the product, for people
	Price    int64  // in minor units of Currency
	Currency string // ISO 4217, upper case
	Goods    Goods
	Provider string
	Checkout string // the provider's id of the payment, to ask it by; "" before the payment is begun
	Payment  string // the id by which the provider's later events name the payment; "" while unknown
	PayURL   string // where the player pays; "" where there is no such page
	Secret   string // opens the sandbox's page of this order; known to its player
	State    State
	Created  time.Time
	Updated  time.Time
	Expires  time.Time // when it is given up unless it is paid
	Paid     time.Time
	Granted  time.Time
	Refunded time.Time // when the money went back; the goods follow, and the state with them
	Disputed time.Time
	Cleared  time.Time // when a dispute was won
	Debt     Goods     // what could not be taken back after a refund because the player had no longer enough

	RefundedSum int64 // how much of the price went back, in minor units
	RevokingSum int64 // for how much of that goods are taken back, or perhaps are
	RevokedSum  int64 // for how much of that they surely are
}

// Revoking is the goods to take back now, between [Store.StartRevoke] and [Store.Revoked]: of each kind as much of it as is the share of the price that goes
// back, rounded down, without what was taken back before. All of the price is all of the goods.
func (o Order) Revoking() Goods {
	part := func(all map[string]int64) map[string]int64 {
		var some map[string]int64
		for name, amount := range all {
			if n := share(amount, o.RevokingSum, o.Price) - share(amount, o.RevokedSum, o.Price); n > 0 {
				if some == nil {
					some = map[string]int64{}
				}
				some[name] = n
			}
		}
		return some
	}
	return Goods{Wallet: part(o.Goods.Wallet), Items: part(o.Goods.Items)}
}

// share is amount*sum/price, rounded down; sum is at most price.
func share(amount, sum, price int64) int64 {
	hi, lo := bits.Mul64(uint64(amount), uint64(sum))
	n, _ := bits.Div64(hi, lo, uint64(price))
	return int64(n)
}

// add is both together.
func (g Goods) add(more Goods) Goods {
	sum := func(a, b map[string]int64) map[string]int64 {
		if len(b) == 0 {
			return a
		}
		c := maps.Clone(b)
		for name, n := range a {
			c[name] += n
		}
		return c
	}
	return Goods{Wallet: sum(g.Wallet, more.Wallet), Items: sum(g.Items, more.Items)}
}

// A Store is the orders' tables. It is safe for concurrent use, by any number of processes.
type Store struct {
	db  *gorm.DB
	ids *id.Generator
	now func() time.Time
}

// New uses db, the handle of owner "order", and makes ids with ids. now is the clock of what is stored and of when something is due; nil is
// time.Now. The clocks of several machines may differ by seconds.
func New(db *gorm.DB, ids *id.Generator, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{db: db, ids: ids, now: now}
}

func (s *Store) nowMS() int64 { return s.now().UnixMilli() }
