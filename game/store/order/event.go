package order

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// An EventID is our number of an event.
type EventID int64

// Says is what an event means for its order.
type Says string

// What events say.
const (
	SaysPaid     Says = "paid"
	SaysFailed   Says = "failed"
	SaysExpired  Says = "expired"
	SaysRefunded Says = "refunded" // Amount is all that was refunded so far
	SaysDisputed Says = "disputed"
	SaysCleared  Says = "cleared"  // a dispute was won: the money stays
	SaysLost     Says = "lost"     // a dispute was lost: the money went back
	SaysOther    Says = "other"    // nothing that we know; stored and counted
	SaysUnderway Says = "underway" // the payer has done his part, and the money may take days; an answer only, of which nothing is stored
)

// An Event is what a provider has told, verified to come from it.
type Event struct {
	Provider string
	ID       string // unique to the provider; 1 to 191 printable ASCII characters
	Type     string // the provider's own word for it, for people
	Says     Says
	Order    ID     // 0: it names only the payment
	Payment  string // the provider's id of the payment, by which other events name it; "" if it has none
	Amount   int64  // in minor units of Currency
	Currency string
	// OwnPrice is that of a provider which has prices of its own, an app store, and has checked that its product is the order's: amounts are
	// then not compared.
	OwnPrice bool
	Digest   string // of the bytes that it came in, for people
}

// An Outcome is what has come of an event.
type Outcome string

// The outcomes.
const (
	Applied       Outcome = "applied"
	Repeated      Outcome = "repeated"       // another event said so before
	Ignored       Outcome = "ignored"        // it came too late to matter
	Unknown       Outcome = "unknown"        // nothing that we know
	NoOrder       Outcome = "no_order"       // nothing of ours
	WrongProvider Outcome = "wrong_provider" // the order is paid for elsewhere
	WrongAmount   Outcome = "wrong_amount"   // not what the order costs: a person has to look
	PartialRefund Outcome = "partial_refund" // less than the order's price: as much of the goods goes with it
	Postponed     Outcome = "postponed"      // its order is not known yet
)

const (
	postponeFirst = time.Second // before an event whose order is not known is tried again; doubles
	postponeMost  = 10 * time.Minute
	postponeEnd   = 72 * time.Hour // after which its order is not ours
)

var printable = regexp.MustCompile(`^[!-~]{1,191}$`)

// Stored is what is known of an event once it is stored.
type Stored struct {
	ID    EventID
	Fresh bool // it was not stored before
	Order ID   // as it was stored first
}

// Receive stores an event, once for its provider and ID. Nothing has happened to its order yet: see [Store.Settle].
func (s *Store) Receive(ctx context.Context, e Event) (Stored, error) {
	if !printable.MatchString(e.ID) || !providerName.MatchString(e.Provider) || len(e.Payment) > 191 {
		return Stored{}, fault.New(fault.Invalid, "the event has no decent id")
	}
	row := paymentRow{
		ID: EventID(s.ids.Next()), Provider: e.Provider, Event: e.ID, Type: cut(e.Type, 64), Says: e.Says, OrderID: e.Order, Payment: cut(e.Payment, 191),
		Amount: e.Amount, Currency: strings.ToUpper(cut(e.Currency, 8)), OwnPrice: e.OwnPrice, Digest: cut(e.Digest, 64), ReceivedAt: s.nowMS(),
	}
	row.DueAt = row.ReceivedAt
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error { return tx.Create(&row).Error })
	if err == nil {
		return Stored{ID: row.ID, Fresh: true, Order: row.OrderID}, nil
	}
	if errors.Is(err, store.ErrDuplicate) {
		var before paymentRow
		if err = s.db.WithContext(ctx).Take(&before, "provider = ? AND event = ?", e.Provider, e.ID).Error; err == nil {
			return Stored{ID: before.ID, Order: before.OrderID}, nil
		}
	}
	return Stored{}, fmt.Errorf("store event %s of %s: %w", e.ID, e.Provider, err)
}

// DueEvents is up to limit events that are to be processed now, the oldest first.
func (s *Store) DueEvents(ctx context.Context, limit int) ([]EventID, error) {
	var ids []EventID
	err := s.db.WithContext(ctx).Model(&paymentRow{}).Where("processed_at = 0 AND due_at <= ?", s.nowMS()).
		Order("due_at").Limit(limit).Pluck("id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("due events: %w", err)
	}
	return ids, nil
}

// Settled is what has become of an event and its order.
type Settled struct {
	Outcome  Outcome
	Event    Event
	From, To State // of the order; "" when there is none
}

// errProcessed says that somebody else has processed the event.
var errProcessed = errors.New("the event is processed")

// Settle processes an event: in one transaction the event is marked, its order changed and what that makes due put into the outbox. Repetitions,
// also at the same time elsewhere, change nothing and have the Outcome "".
func (s *Store) Settle(ctx context.Context, id EventID) (Settled, error) {
	var done Settled
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		done = Settled{}
		var event paymentRow
		if err := tx.Take(&event, "id = ? AND processed_at = 0", id).Error; errors.Is(err, store.ErrNotFound) {
			return errProcessed
		} else if err != nil {
			return err
		}
		done.Event = Event{
			Provider: event.Provider, ID: event.Event, Type: event.Type, Says: event.Says, Payment: event.Payment, Amount: event.Amount,
			Currency: event.Currency, OwnPrice: event.OwnPrice, Digest: event.Digest,
		}
		row, err := s.orderOf(tx, event)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, ErrNotFound) {
			done.Outcome = NoOrder
			if event.Says == SaysOther {
				done.Outcome = Unknown
			} else if event.OrderID == 0 && event.Payment != "" && s.nowMS() < event.ReceivedAt+postponeEnd.Milliseconds() {
				done.Outcome = Postponed
				return s.postpone(tx, event)
			}
			return s.processed(tx, event, done.Outcome)
		}
		if err != nil {
			return err
		}
		before := row
		done.Event.Order = row.ID
		if done.Outcome = row.learn(event, s.nowMS()); row.differs(before) {
			if err := s.write(tx, before, &row, fmt.Sprintf("%s: %s %s", event.Provider, event.Type, event.Event)); err != nil {
				return err
			}
		}
		done.From, done.To = before.State, row.State
		event.OrderID = row.ID
		return s.processed(tx, event, done.Outcome)
	})
	if errors.Is(err, errProcessed) {
		return Settled{}, nil
	}
	if err != nil {
		return Settled{}, fmt.Errorf("settle event %d: %w", id, err)
	}
	return done, nil
}

// orderOf locks the order that an event is about.
func (s *Store) orderOf(tx *gorm.DB, event paymentRow) (orderRow, error) {
	if event.OrderID != 0 {
		return lock(tx, event.OrderID)
	}
	if event.Payment == "" {
		return orderRow{}, ErrNotFound
	}
	var named orderRow
	if err := tx.Select("id").Take(&named, "provider = ? AND payment = ?", event.Provider, event.Payment).Error; err != nil {
		return orderRow{}, err
	}
	return lock(tx, named.ID)
}

// learn adds what an event says to what is known of the order, and says what came of it.
func (r *orderRow) learn(e paymentRow, now int64) Outcome {
	if e.Provider != r.Provider {
		return WrongProvider
	}
	priced := e.OwnPrice || e.Currency == r.Currency
	fact := func(at *int64) Outcome {
		if *at != 0 {
			return Repeated
		}
		*at = now
		return Applied
	}
	outcome := Ignored
	switch e.Says {
	case SaysPaid:
		if !priced || !e.OwnPrice && e.Amount != r.Price {
			return WrongAmount
		}
		outcome = fact(&r.PaidAt)
	case SaysRefunded:
		switch {
		case !priced || !e.OwnPrice && e.Amount <= 0:
			return WrongAmount
		case e.OwnPrice || e.Amount >= r.Price:
			outcome = fact(&r.RefundedAt)
		case e.Amount <= r.back():
			outcome = Repeated // or overtaken: it tells the sum of all refunds
		default:
			r.RefundedSum = e.Amount
			outcome = PartialRefund
		}
	case SaysLost:
		outcome = fact(&r.RefundedAt)
	case SaysDisputed:
		outcome = fact(&r.DisputedAt)
	case SaysCleared:
		outcome = fact(&r.ClearedAt)
	case SaysFailed, SaysExpired:
		if r.State.open() {
			outcome = Applied
			r.State = map[Says]State{SaysFailed: Failed, SaysExpired: Expired}[e.Says]
		}
	default:
		return Unknown
	}
	if r.Payment == "" {
		r.Payment = e.Payment
	}
	r.State = r.settled()
	return outcome
}

// differs reports whether there is anything to write.
func (r *orderRow) differs(before orderRow) bool { return *r != before }

// processed marks an event, which must not have been marked before.
func (s *Store) processed(tx *gorm.DB, event paymentRow, outcome Outcome) error {
	done := tx.Model(&paymentRow{}).Where("id = ? AND processed_at = 0", event.ID).
		Updates(map[string]any{"processed_at": s.nowMS(), "outcome": outcome, "order_id": event.OrderID})
	if done.Error == nil && done.RowsAffected != 1 {
		return errProcessed
	}
	return done.Error
}

// Delay has an event that could not be settled tried again later, so that it does not stand in the way of the others.
func (s *Store) Delay(ctx context.Context, id EventID) error {
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		var event paymentRow
		if err := tx.Take(&event, "id = ?", id).Error; err != nil {
			return err
		}
		return s.postpone(tx, event)
	})
	if err != nil {
		return fmt.Errorf("delay event %d: %w", id, err)
	}
	return nil
}

func (s *Store) postpone(tx *gorm.DB, event paymentRow) error {
	wait := min(postponeFirst<<min(event.Attempts, 20), postponeMost)
	return tx.Model(&paymentRow{}).Where("id = ? AND processed_at = 0", event.ID).
		Updates(map[string]any{"due_at": s.nowMS() + wait.Milliseconds(), "attempts": event.Attempts + 1}).Error
}
