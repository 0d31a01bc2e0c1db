package order

import (
	"encoding/json"
	"time"
)

// The rows of the tables, as gorm sees them. Times are milliseconds UTC, 0 for none.

type orderRow struct {
	ID         ID `gorm:"primaryKey;autoIncrement:false"`
	Player     int64
	Account    int64
	Area       uint16
	Product    string
	Title      string
	Price      int64
	Currency   string
	Goods      string
	Provider   string
	Checkout   string
	Payment    string
	PayURL     string
	Secret     string
	State      State
	Version    int64
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	UpdatedAt  int64 `gorm:"autoUpdateTime:false"`
	ExpiresAt  int64
	CheckedAt  int64
	PaidAt     int64
	GrantedAt  int64
	RefundedAt int64
	DisputedAt int64
	ClearedAt  int64
	Debt       string

	RefundedSum, RevokingSum, RevokedSum int64
}

func (orderRow) TableName() string { return "orders" }

type historyRow struct {
	OrderID   ID    `gorm:"primaryKey;autoIncrement:false"`
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	FromState State
	ToState   State
	Why       string
	At        int64
}

func (historyRow) TableName() string { return "order_history" }

type spenderRow struct {
	Account int64 `gorm:"primaryKey;autoIncrement:false"`
}

func (spenderRow) TableName() string { return "spenders" }

type paymentRow struct {
	ID          EventID `gorm:"primaryKey;autoIncrement:false"`
	Provider    string
	Event       string
	Type        string
	Says        Says
	OrderID     ID
	Payment     string
	Amount      int64
	Currency    string
	OwnPrice    bool
	Digest      string
	ReceivedAt  int64
	DueAt       int64
	Attempts    int
	ProcessedAt int64
	Outcome     Outcome
}

func (paymentRow) TableName() string { return "payments" }

type outboxRow struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	OrderID   ID
	Kind      Kind
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	DueAt     int64
	Claim     int
	Failure   string
}

func (outboxRow) TableName() string { return "outbox" }

func (r orderRow) order() (Order, error) {
	o := Order{
		ID: r.ID, Player: r.Player, Account: r.Account, Area: r.Area, Product: r.Product, Title: r.Title, Price: r.Price, Currency: r.Currency,
		Provider: r.Provider, Checkout: r.Checkout, Payment: r.Payment, PayURL: r.PayURL, Secret: r.Secret, State: r.State,
		Created: fromMS(r.CreatedAt), Updated: fromMS(r.UpdatedAt), Expires: fromMS(r.ExpiresAt), Paid: fromMS(r.PaidAt),
		RefundedSum: r.back(), RevokingSum: r.RevokingSum, RevokedSum: r.RevokedSum,
		Granted: fromMS(r.GrantedAt), Refunded: fromMS(r.RefundedAt), Disputed: fromMS(r.DisputedAt), Cleared: fromMS(r.ClearedAt),
	}
	if err := json.Unmarshal([]byte(r.Goods), &o.Goods); err != nil {
		return Order{}, err
	}
	return o, json.Unmarshal([]byte(r.Debt), &o.Debt)
}

func orders(rows []orderRow) ([]Order, error) {
	list := make([]Order, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.order(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func fromMS(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
