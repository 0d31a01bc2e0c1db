package account

import (
	"context"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/game/store/password"
)

// An ID is one account.
type ID int64

// What a caller may tell apart.
var (
	// ErrNameTaken: somebody has registered the name, in whatever case.
	ErrNameTaken = fault.New(fault.AlreadyExists, "this name is taken")
	// ErrCredentials: no such name, or not its password. Which of the two is not said, and takes the same time.
	ErrCredentials = fault.New(fault.Unauthenticated, "wrong name or password")
	// ErrBusy: too many passwords are being checked. Nothing was tried.
	ErrBusy = password.ErrBusy
)

// Kinds of identities.
const (
	kindPassword = "password"
	kindDevice   = "device"
)

// A Store is the accounts' tables. It is safe for concurrent use, by any number of processes.
type Store struct {
	db     *gorm.DB
	ids    *id.Generator
	now    func() time.Time
	hasher *password.Hasher
}

// New uses db, the handle of owner "account", and makes ids of accounts and players with ids. now is the clock of what expires; nil is
// time.Now.
func New(db *gorm.DB, ids *id.Generator, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{db: db, ids: ids, now: now, hasher: password.NewHasher()}
}

type accountRow struct {
	ID        ID    `gorm:"primaryKey;autoIncrement:false"`
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

func (accountRow) TableName() string { return "accounts" }

type identityRow struct {
	Kind      string `gorm:"primaryKey"`
	Subject   string `gorm:"primaryKey"`
	Account   ID
	Display   string
	Secret    string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

func (identityRow) TableName() string { return "identities" }

// create makes an account with its first identity. It is store.ErrDuplicate when the subject has one.
func (s *Store) create(ctx context.Context, identity identityRow) (ID, error) {
	identity.Account = ID(s.ids.Next())
	identity.CreatedAt = s.now().UnixMilli()
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := tx.Create(&accountRow{ID: identity.Account, CreatedAt: identity.CreatedAt}).Error; err != nil {
			return err
		}
		return tx.Create(&identity).Error
	})
	return identity.Account, err
}

// find returns the identity of a subject, or store.ErrNotFound.
func (s *Store) find(ctx context.Context, kind, subject string) (identityRow, error) {
	var row identityRow
	err := s.db.WithContext(ctx).Take(&row, "kind = ? AND subject = ?", kind, subject).Error
	return row, err
}

// Bounds of a device's id, in bytes. Shorter ones could be guessed.
const (
	MinDevice = 16
	MaxDevice = 128
)

// Guest logs a device in, and makes an account for it the first time: see [Device].
func (s *Store) Guest(ctx context.Context, device string) (ID, error) {
	identity, err := Device(device)
	if err != nil {
		return 0, err
	}
	return s.Enter(ctx, identity)
}
