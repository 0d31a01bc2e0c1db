package player

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"loumiao/framework/fault"
)

// A Catalogue says what there is, and how it is carried. It never changes, and is safe for concurrent use.
type Catalogue interface {
	// Currency is whether there is such a currency.
	Currency(name string) bool
	// Stack is how many of an item share one slot of the bag; 0: it needs no slot. false: there is no such item.
	Stack(item string) (size int64, ok bool)
	// Slots is how many slots a player's bag has.
	Slots() int64
}

// Carrying is the store with a bag: from now on nobody gets a currency or an item that is not known, or an item that he has no room for, unless he has
// a right to it already. catalogue says what is true now, and is asked once for each operation. Without, everything exists, and everybody has room.
// What a player has he keeps when it is not known any more; it then needs no room.
func (s *Store) Carrying(catalogue func() Catalogue) *Store {
	with := *s
	with.catalogue = catalogue
	return &with
}

// checkBag refuses what does not exist, and items that need more slots than there are: [ErrBagFull]. Who has too much already may still get less
// of it. The transaction has locked the player's row, and has not changed his items yet.
func (s *Store) checkBag(tx *gorm.DB, p posting) error {
	if s.catalogue == nil {
		return nil
	}
	there, added := s.catalogue(), false
	for _, c := range p.changes {
		if c.amount < 0 {
			continue
		}
		if err := exists(there, c.asset); err != nil && !p.owed {
			return err
		}
		_, item := c.asset.itemName()
		added = added || item
	}
	if !added {
		return nil
	}
	var rows []itemRow
	if err := tx.Find(&rows, "player = ? AND amount > 0", p.player).Error; err != nil {
		return fmt.Errorf("read items: %w", err)
	}
	counts := map[string]int64{}
	for _, r := range rows {
		counts[r.Item] = r.Amount
	}
	before := slots(there, counts)
	for _, c := range p.changes {
		if name, ok := c.asset.itemName(); ok {
			counts[name] += c.amount
		}
	}
	if after, most := slots(there, counts), there.Slots(); after > most && after > before {
		return fault.Wrap(ErrBagFull, fault.FailedPrecondition, fmt.Sprintf("the bag is full: %d slots, and %d are needed", most, after))
	}
	return nil
}

// give posts an operation's changes. What does not fit into the bag goes into a mail if op says so.
func (s *Store) give(tx *gorm.DB, op Op, changes []change) (MailID, map[asset]int64, error) {
	have, err := s.post(tx, []posting{{player: op.Player, op: op.Key, reason: op.Reason, owed: op.Owed, changes: changes}})
	if !op.Spill || !errors.Is(err, ErrBagFull) {
		return 0, have[op.Player], err
	}
	fits, spilled := []change{}, Goods{Items: map[string]int64{}}
	for _, c := range changes {
		if name, ok := c.asset.itemName(); ok && c.amount > 0 {
			spilled.Items[name] = c.amount
		} else {
			fits = append(fits, c)
		}
	}
	if have, err = s.post(tx, []posting{{player: op.Player, op: op.Key, reason: op.Reason, owed: op.Owed, changes: fits}}); err != nil {
		return 0, nil, err
	}
	l := Letter{Player: op.Player, Sender: op.Reason, Subject: spillSubject, Goods: spilled}
	row, err := s.deliver(tx, l, true)
	return row.ID, have[op.Player], err
}

// spillSubject is the subject of mails with what did not fit.
const spillSubject = "Your bag was full"

// checkGoods refuses goods that do not exist.
func (s *Store) checkGoods(g Goods) error {
	if s.catalogue == nil {
		return nil
	}
	changes, err := g.changes()
	there := s.catalogue()
	for _, c := range changes {
		err = errors.Join(err, exists(there, c.asset))
	}
	return err
}

// exists is nil, or fault.Invalid with what there is not.
func exists(there Catalogue, a asset) error {
	if name, item := a.itemName(); item {
		if _, ok := there.Stack(name); !ok {
			return fault.Errorf(fault.Invalid, "there is no item %s", name)
		}
	} else if !there.Currency(name) {
		return fault.Errorf(fault.Invalid, "there is no currency %s", name)
	}
	return nil
}

// slots is how many slots items need. What does not exist any more needs none.
func slots(there Catalogue, counts map[string]int64) int64 {
	var n int64
	for name, count := range counts {
		if size, ok := there.Stack(name); ok && size > 0 && count > 0 {
			n += (count-1)/size + 1
		}
	}
	return n
}
