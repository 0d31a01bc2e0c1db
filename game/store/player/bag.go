package player

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"loumiao/framework/fault"
)

// Items says how items are carried. It never changes, and is safe for concurrent use.
type Items interface {
	// Stack is how many of an item share one slot of the bag; 0: it needs no slot. false: there is no such item.
	Stack(item string) (size int64, ok bool)
	// Slots is how many slots a player's bag has.
	Slots() int64
}

// Carrying is the store with a bag: from now on nobody gets an item that is not known, or that he has no room for, unless he has a right to it
// already. items says what is true now, and is asked once for each operation. Without, every item exists, and everybody has room. What a player has
// he keeps when it is not known any more; it then needs no room.
func (s *Store) Carrying(items func() Items) *Store {
	with := *s
	with.items = items
	return &with
}

// checkBag refuses items that do not exist, and those that need more slots than there are: [ErrBagFull]. Who has too much already may still get less
// of it. The transaction has locked the player's row, and has not changed his items yet.
func (s *Store) checkBag(tx *gorm.DB, p posting) error {
	if s.items == nil {
		return nil
	}
	items, added := s.items(), false
	for _, c := range p.changes {
		name, ok := c.asset.itemName()
		if !ok || c.amount < 0 {
			continue
		}
		if _, ok := items.Stack(name); !ok && !p.owed {
			return noItem(name)
		}
		added = true
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
	before := slots(items, counts)
	for _, c := range p.changes {
		if name, ok := c.asset.itemName(); ok {
			counts[name] += c.amount
		}
	}
	if after, most := slots(items, counts), items.Slots(); after > most && after > before {
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

// checkItems refuses goods with items that do not exist.
func (s *Store) checkItems(g Goods) error {
	if s.items == nil {
		return nil
	}
	items := s.items()
	for name := range g.Items {
		if _, ok := items.Stack(name); !ok {
			return noItem(name)
		}
	}
	return nil
}

func noItem(name string) error { return fault.Errorf(fault.Invalid, "there is no item %s", name) }

// slots is how many slots items need. What does not exist any more needs none.
func slots(items Items, counts map[string]int64) int64 {
	var n int64
	for name, count := range counts {
		if size, ok := items.Stack(name); ok && size > 0 && count > 0 {
			n += (count-1)/size + 1
		}
	}
	return n
}
