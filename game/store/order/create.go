package order

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// A Draft is what an order is made of.
type Draft struct {
	Player   int64
	Account  int64
	Area     uint16
	Product  string // 1 to 64 printable ASCII characters
	Title    string // for people, at most 128 characters
	Price    int64  // in minor units, 1 to 10,000,000
	Currency string // three upper-case letters
	Goods    Goods
	Provider string
	Expires  time.Time
}

// Limits bounds a player's orders, and what his account spends. Zero is no limit.
type Limits struct {
	Open      int // orders that are neither paid nor given up
	PerMinute int // orders made in a minute
	Caps      []Cap
}

// A Cap bounds what an account spends in one currency from some time on: see [Store.Spent] for what counts.
type Cap struct {
	Accounts []int64 // whose orders count together, such as all of one person; the buyer's do anyway
	Since    time.Time
	Most     int64                   // in minor units of the order's currency, the order included
	Exceeded func(spent int64) error // what an order that is too much is refused with; made with package fault
}

var (
	productName  = regexp.MustCompile(`^[!-~]{1,64}$`)
	currencyName = regexp.MustCompile(`^[A-Z]{3}$`)
	providerName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
)

// Validate reports everything that is wrong, joined.
func (d Draft) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fault.Errorf(fault.Invalid, format, args...)) }
	if d.Player <= 0 || d.Account <= 0 {
		bad("player %d, account %d: must be positive", d.Player, d.Account)
	}
	if !productName.MatchString(d.Product) {
		bad("product %q: must be 1 to 64 printable characters", d.Product)
	}
	if len(d.Title) > 128 {
		bad("title: %d bytes; must be at most 128", len(d.Title))
	}
	if d.Price < 1 || d.Price > maxPrice {
		bad("price: %d; must be 1 to %d", d.Price, maxPrice)
	}
	if !currencyName.MatchString(d.Currency) {
		bad("currency %q: must be three upper-case letters", d.Currency)
	}
	if !providerName.MatchString(d.Provider) {
		bad("provider %q: must be 1 to 32 lower-case letters, digits and underscores", d.Provider)
	}
	return errors.Join(append(errs, d.Goods.Validate())...)
}

// Create makes an order in state [Created]. Beyond the limits it is [ErrTooManyOpen], [ErrTooOften] or what a cap says; they hold exactly, however many
// nodes the account's players ask at once.
func (s *Store) Create(ctx context.Context, d Draft, limits Limits) (Order, error) {
	if err := d.Validate(); err != nil {
		return Order{}, err
	}
	goods, err := json.Marshal(d.Goods)
	if err != nil {
		return Order{}, err
	}
	var row orderRow
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		now := s.nowMS()
		for _, account := range limits.spenders(d.Account) {
			if err := s.lockSpender(tx, account); err != nil {
				return err
			}
		}
		if err := within(tx, d, limits, now); err != nil {
			return err
		}
		row = orderRow{
			ID: ID(s.ids.Next()), Player: d.Player, Account: d.Account, Area: d.Area, Product: d.Product, Title: d.Title, Price: d.Price,
			Currency: d.Currency, Goods: string(goods), Provider: d.Provider, Secret: rand.Text(), State: Created, Version: 1,
			CreatedAt: now, UpdatedAt: now, ExpiresAt: d.Expires.UnixMilli(), Debt: "{}",
		}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return tx.Create(&historyRow{OrderID: row.ID, ID: s.ids.Next(), ToState: Created, Why: "ordered", At: now}).Error
	})
	if err != nil {
		return Order{}, fmt.Errorf("create order of player %d: %w", d.Player, err)
	}
	return row.order()
}

// spenders is whose orders count, in one order for everybody.
func (l Limits) spenders(buyer int64) []int64 {
	all := []int64{buyer}
	for _, c := range l.Caps {
		all = append(all, c.Accounts...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// lockSpender takes the row under which an account's orders are counted.
func (s *Store) lockSpender(tx *gorm.DB, account int64) error {
	row := spenderRow{Account: account}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
		return err
	}
	return tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&row, "account = ?", account).Error
}

func within(tx *gorm.DB, d Draft, limits Limits, now int64) error {
	count := func(where string, args ...any) (n int64, err error) {
		err = tx.Model(&orderRow{}).Where("player = ?", d.Player).Where(where, args...).Count(&n).Error
		return n, err
	}
	if limits.Open > 0 {
		n, err := count("state IN ? AND expires_at > ?", []State{Created, Pending}, now)
		if err != nil {
			return err
		}
		if n >= int64(limits.Open) {
			return ErrTooManyOpen
		}
	}
	if limits.PerMinute > 0 {
		n, err := count("created_at > ?", now-time.Minute.Milliseconds())
		if err != nil {
			return err
		}
		if n >= int64(limits.PerMinute) {
			return ErrTooOften
		}
	}
	for _, c := range limits.Caps {
		sum, err := spent(tx, d.Currency, c.Since, slices.Concat(c.Accounts, []int64{d.Account})...)
		if err != nil {
			return err
		}
		if sum+d.Price > c.Most {
			return c.Exceeded(sum)
		}
	}
	return nil
}

// Begun notes what the provider has made of an order's payment, and lets the player pay: the order is [Pending], unless it has already come further.
func (s *Store) Begun(ctx context.Context, id ID, checkout, payment, payURL string) (Order, error) {
	return s.alter(ctx, id, "payment begun", func(_ *gorm.DB, row *orderRow) (changed bool, err error) {
		row.Checkout = checkout
		if row.Secret != "" { // else the player was erased meanwhile
			row.PayURL = payURL
		}
		if row.Payment == "" {
			row.Payment = payment
		}
		if row.State == Created {
			row.State = Pending
		}
		return true, nil
	})
}

// GiveUp ends an order that nobody has paid, as [Failed] or [Expired]. An order that has come further stays as it is.
func (s *Store) GiveUp(ctx context.Context, id ID, as State, why string) (Order, error) {
	if as != Failed && as != Expired {
		return Order{}, fmt.Errorf("order %d cannot be given up as %q", id, as)
	}
	return s.alter(ctx, id, why, func(_ *gorm.DB, row *orderRow) (changed bool, err error) {
		if !row.State.open() {
			return false, nil
		}
		row.State = as
		return true, nil
	})
}
