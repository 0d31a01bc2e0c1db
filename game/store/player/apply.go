package player

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/game/name"
)

// An Op is one change of what a player has. It happens as a whole or not at all, once under its key.
type Op struct {
	// Key names the operation: the order, the quest and its day. Once it is applied to the player, it is not again. 1 to 128 printable
	// ASCII characters. Those that begin with "create:", "match:", "mail:" and "claim:" are the package's own.
	Key    string
	Player ID
	// Epoch is that of the world that holds the player; 0 is for who need not hold him, such as an order that was paid.
	Epoch uint64
	// Reason is for the ledger and names the system account on the other side: 1 to 32 lower-case letters, digits and underscores.
	Reason string
	Wallet []Change
	Items  []ItemChange
	Exp    int64   // to add, not negative
	Rating int32   // to add; a rating does not fall below 0
	Counts []Count // to be counted, within their limits
	// Name is the player's new one, whose rules are the caller's to keep; empty: as it is. At most 64 bytes.
	Name string
	// Tag is what the key stands for, where a client chooses the key: a repetition with another tag is [ErrOtherOp]. At most 128 bytes.
	Tag string
	// Spill has the items sent by mail when they do not all fit into the bag, and the operation still done: for what was paid for.
	Spill bool
	// Owed has given what exists no more: the player has a right to it from when it did.
	Owed bool
}

// A Change adds to a currency, or takes if negative.
type Change struct {
	Currency string
	Amount   int64
}

// An ItemChange adds to an item, or takes if negative.
type ItemChange struct {
	Item  string
	Count int64
}

// A Result is what an operation has led to: the balances of what it touched, right after it.
type Result struct {
	Repeated bool             `json:"-"` // the key was applied before; this is what it led to then
	Wallet   map[string]int64 `json:"wallet,omitempty"`
	Items    map[string]int64 `json:"items,omitempty"`
	Level    int32            `json:"level"`
	Exp      int64            `json:"exp"`
	Rating   int32            `json:"rating"`
	Version  int64            `json:"version"`          // of the player's row
	Counts   map[string]int64 `json:"counts,omitempty"` // of what was counted
	Tag      string           `json:"tag,omitempty"`
	Mail     MailID           `json:"mail,omitempty"` // with the items that did not fit; 0: there is none
}

// The beginnings of the keys of what is not an [Op].
const (
	createKey = "create:" // and the player
	matchKey  = "match:"  // and the match
	mailKey   = "mail:"   // and the sender's key
	claimKey  = "claim:"  // and the mail
)

// maxNameKey bounds what a name is compared by, in bytes. No name that package name allows comes near it.
const maxNameKey = 255

var ownKeys = []string{createKey, matchKey, mailKey, claimKey}

// opKey is the form of an idempotency key.
var opKey = regexp.MustCompile(`^[!-~]{1,128}$`)

// Apply changes what a player has, once for each key. It is [ErrInsufficient] when there is not enough, [ErrBagFull], [ErrLimit], [ErrNameTaken] or [ErrSameName] when he
// may not, [ErrFenced] when op.Epoch is old, [ErrNotFound] when the player was never loaded, [ErrOtherOp] or fault.Invalid when op itself is wrong; then
// nothing is changed, and the key is not used up.
func (s *Store) Apply(ctx context.Context, op Op) (Result, error) {
	changes, err := op.validate()
	if err != nil {
		return Result{}, err
	}
	var result Result
	renaming := false
	err = store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		result, renaming = Result{}, false
		row, err := hold(tx, op.Player, op.Epoch)
		if err != nil {
			return err
		}
		if result.Repeated, err = recall(tx, op.Player, op.Key, &result); err != nil {
			return err
		}
		if result.Repeated {
			return op.is(result)
		}
		if op.Name != "" && op.Name == row.Name {
			return ErrSameName
		}
		mailed, have, err := s.give(tx, op, changes)
		if err != nil {
			return err
		}
		counts, err := count(tx, op.Player, op.Counts)
		if err != nil {
			return err
		}
		if op.Name != "" {
			renaming = true
			if err := tx.Model(&row).Updates(map[string]any{"name": op.Name, "name_key": name.Key(op.Name)}).Error; err != nil {
				return err
			}
			renaming = false
		}
		if err := s.progress(tx, &row, op.Exp, op.Rating); err != nil {
			return err
		}
		result = resultOf(row, have)
		result.Counts, result.Tag, result.Mail = counts, op.Tag, mailed
		return remember(tx, op.Player, op.Key, result, row.UpdatedAt)
	})
	if renaming && errors.Is(err, store.ErrDuplicate) {
		err = ErrNameTaken
	}
	if err != nil {
		return Result{}, fmt.Errorf("apply %s to player %d: %w", op.Key, op.Player, err)
	}
	return result, nil
}

// Applied returns what an operation has led to, if it was applied. The error may be [ErrOtherOp], for a tag that is not empty.
func (s *Store) Applied(ctx context.Context, id ID, key, tag string) (result Result, ok bool, err error) {
	if ok, err = recall(s.db.WithContext(ctx), id, key, &result); ok && err == nil {
		err = Op{Tag: tag}.is(result)
	}
	if err != nil {
		return Result{}, false, fmt.Errorf("result of %s of player %d: %w", key, id, err)
	}
	result.Repeated = ok
	return result, ok, nil
}

// is refuses what an earlier operation with the same key has led to, if that was another one.
func (op Op) is(before Result) error {
	if op.Tag != "" && op.Tag != before.Tag {
		return ErrOtherOp
	}
	return nil
}

func (op Op) validate() ([]change, error) {
	changes, err := collect(op.Wallet, op.Items)
	switch {
	case err != nil:
		return nil, err
	case !opKey.MatchString(op.Key):
		return nil, fault.Errorf(fault.Invalid, "idempotency key %q is not 1 to 128 printable characters", op.Key)
	case slices.ContainsFunc(ownKeys, func(own string) bool { return strings.HasPrefix(op.Key, own) }):
		return nil, fault.Errorf(fault.Invalid, "idempotency key %q begins like the package's own", op.Key)
	case !assetName.MatchString(op.Reason):
		return nil, fault.Errorf(fault.Invalid, "reason %q is not 1 to 32 lower-case letters, digits and underscores", op.Reason)
	case op.Exp < 0 || op.Exp > MaxBalance:
		return nil, fault.Errorf(fault.Invalid, "experience cannot change by %d", op.Exp)
	case len(op.Name) > 64 || len(op.Tag) > 128 || !utf8.ValidString(op.Name) || !utf8.ValidString(op.Tag):
		return nil, fault.Errorf(fault.Invalid, "name %q or tag %q is more than 64 or 128 bytes of UTF-8", op.Name, op.Tag)
	case len(name.Key(op.Name)) > maxNameKey:
		return nil, fault.Errorf(fault.Invalid, "name %q is too long to be compared", op.Name)
	}
	return changes, checkCounts(op.Counts)
}

// hold is [lock], for who holds the player under that epoch; 0 is for who need not.
func hold(tx *gorm.DB, id ID, epoch uint64) (playerRow, error) {
	row, err := lock(tx, id)
	if err == nil && epoch != 0 && epoch != row.Epoch {
		err = ErrFenced
	}
	return row, err
}

// recall reads into result what an operation has led to, if it is applied.
func recall(tx *gorm.DB, player ID, op string, result any) (applied bool, err error) {
	var before appliedRow
	err = tx.Take(&before, "player = ? AND op = ?", player, op).Error
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal([]byte(before.Result), result)
}

func resultOf(row playerRow, have map[asset]int64) Result {
	r := Result{Level: row.Level, Exp: row.Exp, Rating: row.Rating, Version: row.Version}
	for a, amount := range have {
		if name, ok := a.itemName(); ok {
			if r.Items == nil {
				r.Items = map[string]int64{}
			}
			r.Items[name] = amount
			continue
		}
		if r.Wallet == nil {
			r.Wallet = map[string]int64{}
		}
		r.Wallet[string(a)] = amount
	}
	return r
}

// remember stores an operation's result under its key.
func remember(tx *gorm.DB, player ID, op string, result any, at int64) error {
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	return tx.Create(&appliedRow{Player: player, Op: op, Result: string(text), AppliedAt: at}).Error
}

// progress adds experience and rating to a locked row, and counts the change.
func (s *Store) progress(tx *gorm.DB, row *playerRow, exp int64, rating int32) error {
	row.Exp = min(row.Exp+exp, MaxBalance)
	row.Level = s.levelAt(row.Exp)
	row.Rating = addRating(row.Rating, rating)
	row.Version++
	row.UpdatedAt = s.nowMS()
	return tx.Model(row).Select("exp", "level", "rating", "version", "updated_at").Updates(*row).Error
}
