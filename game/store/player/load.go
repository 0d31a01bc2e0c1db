package player

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/game/name"
)

// createAttempts bounds how many names are tried for a new player.
const createAttempts = 8

// Load returns a player and takes a new epoch: from now on every older holder is refused. The first Load creates the player, with a
// name of his own, the starting wallet and the mails of [Store.Welcoming]. A player of another account is fault.Forbidden, one who was erased [ErrErased]. area counts only for a new player.
func (s *Store) Load(ctx context.Context, id ID, account int64, area uint16) (*Player, error) {
	return s.load(ctx, id, account, area, 0, nil)
}

// Enter is [Store.Load] of a player who comes in now, which the log is told, with how he has logged in: a way of at most [MaxWay] bytes.
func (s *Store) Enter(ctx context.Context, id ID, account int64, area uint16, way string) (*Player, error) {
	if err := checkWay(way); err != nil {
		return nil, err
	}
	return s.load(ctx, id, account, area, 0, &way)
}

// LoadFrom is [Store.Load] of a player who is given from one holder to the next: [ErrFenced] unless epoch is his newest,
// [ErrNotFound] when he was never loaded.
func (s *Store) LoadFrom(ctx context.Context, id ID, account int64, area uint16, epoch uint64) (*Player, error) {
	if epoch == 0 {
		return nil, fault.Errorf(fault.Invalid, "player %d: no epoch to load him from", id)
	}
	return s.load(ctx, id, account, area, epoch, nil)
}

func (s *Store) load(ctx context.Context, id ID, account int64, area uint16, from uint64, way *string) (*Player, error) {
	if id <= 0 || account <= 0 {
		return nil, fault.Errorf(fault.Invalid, "player %d or account %d is not a positive number", id, account)
	}
	var p *Player
	for attempt := 1; ; attempt++ {
		err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
			row, err := lock(tx, id)
			if errors.Is(err, ErrNotFound) && from == 0 {
				row, err = s.create(tx, id, account, area, attempt)
			}
			if err != nil {
				return err
			}
			if row.ErasedAt != 0 {
				return ErrErased
			}
			if row.Account != account {
				return fault.New(fault.Forbidden, "the player belongs to another account")
			}
			if from != 0 && row.Epoch != from {
				return ErrFenced
			}
			if s.reads != 0 && row.SchemaVersion > s.reads {
				return ErrNewerState
			}
			row.Epoch++
			row.Version++
			row.UpdatedAt = s.nowMS()
			if way != nil {
				if err := s.comes(tx, &row, *way); err != nil {
					return err
				}
			}
			err = tx.Model(&row).Select("epoch", "version", "updated_at", "came_at").Updates(row).Error
			if err != nil {
				return err
			}
			p, err = s.read(tx, row)
			return err
		})
		// Either the name was taken, or another Load has created the player in this moment.
		if errors.Is(err, store.ErrDuplicate) && attempt < createAttempts {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("load player %d: %w", id, err)
		}
		return p, nil
	}
}

// Read returns a player without taking anything from whoever holds him. It is [ErrNotFound] when he was never loaded, and [ErrErased].
func (s *Store) Read(ctx context.Context, id ID) (*Player, error) {
	var row playerRow
	err := s.db.WithContext(ctx).Take(&row, "id = ?", id).Error
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err == nil && row.ErasedAt != 0 {
		err = ErrErased
	}
	if err != nil {
		return nil, fmt.Errorf("read player %d: %w", id, err)
	}
	p, err := s.read(s.db.WithContext(ctx), row)
	if err != nil {
		return nil, fmt.Errorf("read player %d: %w", id, err)
	}
	return p, nil
}

// lock reads a player's row, which nobody else can change until the end of the transaction.
func lock(tx *gorm.DB, id ID) (playerRow, error) {
	var row playerRow
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&row, "id = ?", id).Error
	if errors.Is(err, store.ErrNotFound) {
		return row, ErrNotFound
	}
	return row, err
}

// read completes a row.
func (s *Store) read(db *gorm.DB, row playerRow) (*Player, error) {
	p := &Player{
		ID: row.ID, Account: row.Account, Area: row.Area, Origin: row.Origin, Name: row.Name, Level: s.levelAt(row.Exp), Exp: row.Exp,
		Rating: row.Rating, Epoch: row.Epoch, Version: row.Version, Schema: row.SchemaVersion, Wallet: map[string]int64{},
	}
	if row.SchemaVersion > 0 {
		p.State = []byte(row.State)
	}
	var wallet []walletRow
	if err := db.Find(&wallet, "player = ?", row.ID).Error; err != nil {
		return nil, err
	}
	for _, w := range wallet {
		p.Wallet[w.Currency] = w.Amount
	}
	var items []itemRow
	if err := db.Order("item").Find(&items, "player = ? AND amount > 0", row.ID).Error; err != nil {
		return nil, err
	}
	for _, i := range items {
		p.Items = append(p.Items, Item{Item: i.Item, Count: i.Amount})
	}
	return p, nil
}

// create makes a player with epoch 0. It is store.ErrDuplicate when the name is taken, or the player is there after all.
func (s *Store) create(tx *gorm.DB, id ID, account int64, area uint16, attempt int) (playerRow, error) {
	now := s.nowMS()
	called := defaultName(attempt)
	row := playerRow{
		ID: id, Account: account, Area: area, Origin: area, Name: called, NameKey: name.Key(called), Level: s.levelAt(0), Rating: StartRating,
		State: "{}", CreatedAt: now, UpdatedAt: now,
	}
	if err := tx.Create(&row).Error; err != nil {
		return row, err
	}
	_, err := s.post(tx, []posting{{
		player: id, op: createKey + strconv.FormatInt(int64(id), 10), reason: "create", changes: []change{{currency(Gold), StartGold}},
	}})
	if err != nil || s.welcome == nil {
		return row, err
	}
	for _, l := range s.welcome() {
		l.Player = id
		err := l.validate()
		if err == nil {
			_, _, err = s.sendOnce(tx, l)
		}
		if err != nil {
			return row, fmt.Errorf("welcome mail %s: %w", l.Key, err)
		}
	}
	return row, nil
}

// nameLetters leaves out what is easily mistaken: 0 and o, 1 and l, and the vowels, which make words.
const nameLetters = "23456789bcdfghjkmnpqrstvwxz"

// defaultName is "Pilot-" and 5 letters, of which there are 14 million; longer ones once that was taken.
func defaultName(attempt int) string {
	name := []byte("Pilot-")
	for range 4 + attempt {
		name = append(name, nameLetters[rand.IntN(len(nameLetters))])
	}
	return string(name)
}
