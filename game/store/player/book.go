package player

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
)

// MaxBalance is the most that a player can have of one currency or item. JSON numbers, and so every client, hold it exactly.
const MaxBalance int64 = 1<<53 - 1

// The ledger's names for who has something.
const (
	holderPlayer = "player"
	holderSystem = "system:" // and the reason
)

// An asset is what a ledger's leg is in: a currency, or "item:" and the item.
type asset string

const itemPrefix = "item:"

func currency(name string) asset { return asset(name) }
func item(name string) asset     { return asset(itemPrefix + name) }

// itemName is the item of an asset that is one.
func (a asset) itemName() (name string, ok bool) { return strings.CutPrefix(string(a), itemPrefix) }

// assetName is the form of currencies and items; with itemPrefix it fits its column.
var assetName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// A change is what is added to a player's asset, or taken if negative.
type change struct {
	asset  asset
	amount int64
}

// A posting is the changes of one player by one operation.
type posting struct {
	player  ID
	op      string // the idempotency key
	reason  string
	owed    bool     // what exists no more is given as well
	changes []change // sorted by asset, each asset once
}

// balances is what players have of the assets that an operation touched.
type balances map[ID]map[asset]int64

// collect checks changes, and sums up those of one asset.
func collect(wallet []Change, items []ItemChange) ([]change, error) {
	sums := map[asset]int64{}
	add := func(what, name string, a asset, amount int64) error {
		if !assetName.MatchString(name) {
			return fault.Errorf(fault.Invalid, "%s %q is not 1 to 32 lower-case letters, digits and underscores", what, name)
		}
		if amount == 0 || amount < -MaxBalance || amount > MaxBalance {
			return fault.Errorf(fault.Invalid, "%s %s cannot change by %d", what, name, amount)
		}
		sums[a] += amount // cannot overflow: maxChanges times MaxBalance is below 1<<63
		return nil
	}
	if len(wallet)+len(items) > maxChanges {
		return nil, fault.Errorf(fault.Invalid, "%d changes in one operation are more than %d", len(wallet)+len(items), maxChanges)
	}
	var errs []error
	for _, w := range wallet {
		errs = append(errs, add("currency", w.Currency, currency(w.Currency), w.Amount))
	}
	for _, i := range items {
		errs = append(errs, add("item", i.Item, item(i.Item), i.Count))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var changes []change
	for _, a := range slices.Sorted(maps.Keys(sums)) {
		if sums[a] != 0 {
			changes = append(changes, change{a, sums[a]})
		}
	}
	return changes, nil
}

// maxChanges bounds the changes of one operation.
const maxChanges = 64

// post enters postings in the ledger and changes wallets and items accordingly. The transaction has locked the players' rows. It returns
// what the players have of the touched assets afterwards. When one of them has not enough, nothing may be committed.
func (s *Store) post(tx *gorm.DB, postings []posting) (balances, error) {
	have, err := touched(tx, postings)
	if err != nil {
		return nil, err
	}
	now := s.nowMS()
	var wallets []walletRow
	var items []itemRow
	var legs []ledgerRow
	var owed []unloggedRow // to the log
	for _, p := range postings {
		if err := s.checkBag(tx, p); err != nil {
			return nil, err
		}
		for n, c := range p.changes {
			balance := have[p.player][c.asset] + c.amount
			switch {
			case balance < 0:
				return nil, fault.Wrap(ErrInsufficient, fault.FailedPrecondition, fmt.Sprintf("not enough %s: %d, and %d are needed", c.asset, have[p.player][c.asset], -c.amount))
			case balance > MaxBalance:
				return nil, fault.Wrap(ErrTooMuch, fault.FailedPrecondition, fmt.Sprintf("more %s than one can have, %d", c.asset, MaxBalance))
			}
			have[p.player][c.asset] = balance
			if name, ok := c.asset.itemName(); ok {
				items = append(items, itemRow{p.player, name, balance})
			} else {
				wallets = append(wallets, walletRow{p.player, string(c.asset), balance})
			}
			leg := ledgerRow{
				Player: p.player, Entry: s.ids.Next(), Leg: int32(2 * n), Op: p.op, Holder: holderPlayer,
				Asset: string(c.asset), Amount: c.amount, Reason: p.reason, At: now,
			}
			other := leg
			other.Leg, other.Holder, other.Amount = leg.Leg+1, holderSystem+p.reason, -c.amount
			legs = append(legs, leg, other)
			owed = append(owed, unloggedRow{Player: p.player, Kind: economyLog, ID: leg.Entry})
		}
	}
	if len(legs) == 0 {
		return have, nil
	}
	if err := upsert(tx, wallets, "player", "currency"); err != nil {
		return nil, err
	}
	if err := upsert(tx, items, "player", "item"); err != nil {
		return nil, err
	}
	if err := tx.Create(&legs).Error; err != nil {
		return nil, err
	}
	return have, s.owe(tx, owed)
}

// upsert writes rows with their new amounts, whether they are there or not.
func upsert[Row any](tx *gorm.DB, rows []Row, key ...string) error {
	if len(rows) == 0 {
		return nil
	}
	var columns []clause.Column
	for _, k := range key {
		columns = append(columns, clause.Column{Name: k})
	}
	return tx.Clauses(clause.OnConflict{Columns: columns, DoUpdates: clause.AssignmentColumns([]string{"amount"})}).Create(&rows).Error
}

// touched reads what the players have of what is about to change.
func touched(tx *gorm.DB, postings []posting) (balances, error) {
	have := balances{}
	currencies, items := map[string]bool{}, map[string]bool{}
	for _, p := range postings {
		have[p.player] = map[asset]int64{}
		for _, c := range p.changes {
			have[p.player][c.asset] = 0
			if name, ok := c.asset.itemName(); ok {
				items[name] = true
			} else {
				currencies[string(c.asset)] = true
			}
		}
	}
	// Of several players, some rows may be read in vain: what one of them did not touch stays out.
	set := func(player ID, a asset, amount int64) {
		if _, ok := have[player][a]; ok {
			have[player][a] = amount
		}
	}
	players := slices.SortedFunc(maps.Keys(have), cmp.Compare)
	if len(currencies) > 0 {
		var rows []walletRow
		if err := tx.Find(&rows, "player IN ? AND currency IN ?", players, slices.Sorted(maps.Keys(currencies))).Error; err != nil {
			return nil, fmt.Errorf("read wallets: %w", err)
		}
		for _, r := range rows {
			set(r.Player, currency(r.Currency), r.Amount)
		}
	}
	if len(items) > 0 {
		var rows []itemRow
		if err := tx.Find(&rows, "player IN ? AND item IN ?", players, slices.Sorted(maps.Keys(items))).Error; err != nil {
			return nil, fmt.Errorf("read items: %w", err)
		}
		for _, r := range rows {
			set(r.Player, item(r.Item), r.Amount)
		}
	}
	return have, nil
}
