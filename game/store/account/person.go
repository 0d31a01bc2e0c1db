package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

// A Person is what is known of whoever stands behind an account: what a registry has vouched for, without name or number.
type Person struct {
	Born      time.Time // the date, at midnight UTC
	Registry  string    // who vouches; 1 to 32 bytes
	Reference string    // what the registry calls its answer; at most 128 bytes
	Digest    string    // the same for all accounts of this person and for nobody else's, and says nothing to who has not the key; at most 64 bytes, empty: not known
}

// maxPerson bounds how many accounts of one person are looked at.
const maxPerson = 1000

type personRow struct {
	Account    ID  `gorm:"primaryKey;autoIncrement:false"`
	Born       int // as 20080131
	Registry   string
	Reference  string
	VerifiedAt int64
	Person     string
}

func (personRow) TableName() string { return "persons" }

// SetPerson stores who stands behind an account. The first time counts: somebody who is known stays who they are. It is [ErrNoAccount].
func (s *Store) SetPerson(ctx context.Context, acc ID, p Person) error {
	if p.Born.Year() < 1800 || p.Born.Year() > 9999 || p.Registry == "" || len(p.Registry) > 32 || len(p.Reference) > 128 || len(p.Digest) > 64 {
		return fault.New(fault.Invalid, "a person has a birth date from 1800 on, a registry of 1 to 32 bytes a reference of at most 128 and a digest of at most 64")
	}
	row := personRow{
		Account: acc, Born: p.Born.Year()*10_000 + int(p.Born.Month())*100 + p.Born.Day(), Registry: p.Registry, Reference: p.Reference,
		VerifiedAt: s.now().UnixMilli(), Person: p.Digest,
	}
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := lockAccount(tx, acc); err != nil {
			return err
		}
		var known int64
		if err := tx.Model(&personRow{}).Where("account = ?", acc).Count(&known).Error; err != nil || known > 0 {
			return err
		}
		return tx.Create(&row).Error
	})
	if err != nil {
		return fmt.Errorf("note who account %d is: %w", acc, err)
	}
	return nil
}

// Person is who stands behind an account; ok is false while nobody has vouched for anybody.
func (s *Store) Person(ctx context.Context, acc ID) (p Person, ok bool, err error) {
	var row personRow
	err = s.db.WithContext(ctx).Take(&row, "account = ?", acc).Error
	if errors.Is(err, store.ErrNotFound) {
		return Person{}, false, nil
	}
	if err != nil {
		return Person{}, false, fmt.Errorf("who account %d is: %w", acc, err)
	}
	born := time.Date(row.Born/10_000, time.Month(row.Born/100%100), row.Born%100, 0, 0, 0, 0, time.UTC)
	return Person{Born: born, Registry: row.Registry, Reference: row.Reference, Digest: row.Person}, true, nil
}

// SamePerson is all accounts of which the same person is known as of this one, itself among them, by their numbers and up to 1,000; only itself while nobody is known.
func (s *Store) SamePerson(ctx context.Context, acc ID) ([]ID, error) {
	p, ok, err := s.Person(ctx, acc)
	if err != nil {
		return nil, err
	}
	if !ok || p.Digest == "" {
		return []ID{acc}, nil
	}
	var all []ID
	err = s.db.WithContext(ctx).Model(&personRow{}).Order("account").Limit(maxPerson).Where("person = ?", p.Digest).Pluck("account", &all).Error
	if err != nil {
		return nil, fmt.Errorf("accounts of the person of account %d: %w", acc, err)
	}
	if !slices.Contains(all, acc) { // it was erased in this moment, or there are too many
		all = append(all, acc)
	}
	return all, nil
}
