package operator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/game/store/password"
)

// Bounds of a password, in bytes. The upper one bounds what hashing it costs.
const (
	MinPassword = 12
	MaxPassword = 128
)

// A Role is what an operator may do. Each may do what those before it may.
type Role string

// Roles, from the one that may the least on.
const (
	Viewer  Role = "viewer"  // looks
	Support Role = "support" // helps and restrains single players, and gives them nothing
	Admin   Role = "admin"   // everything
)

// Roles is all of them, from the one that may the least on.
func Roles() []Role { return []Role{Viewer, Support, Admin} }

// Covers is whether who has the role may do what needs the other.
func (r Role) Covers(need Role) bool { return r.rank() >= need.rank() && need.rank() > 0 }

// rank is 0 for what is no role.
func (r Role) rank() int {
	for i, role := range Roles() {
		if r == role {
			return i + 1
		}
	}
	return 0
}

var (
	// ErrCredentials: no such name, not its password, not its code, or disabled. Which of them is not said.
	ErrCredentials = fault.New(fault.Unauthenticated, "wrong name, password or code")
	// ErrSession: there is no such session, or it has ended.
	ErrSession = fault.New(fault.Unauthenticated, "log in first")
	// ErrInvitation: the link was used, has expired, or never was one.
	ErrInvitation = fault.New(fault.NotFound, "this link was used, has expired, or never was one")
	// ErrNotFound: there is no operator of that name.
	ErrNotFound = fault.New(fault.NotFound, "there is no such operator")
	// ErrLastAdmin: nobody could appoint another one.
	ErrLastAdmin = fault.New(fault.FailedPrecondition, "this is the last admin: make another one first")
)

var nameForm = regexp.MustCompile(`^[a-z0-9_.-]{2,32}$`)

// An Operator is one who may use the console.
type Operator struct {
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Created  time.Time `json:"created"`
	Disabled bool      `json:"disabled"`
	Reset    bool      `json:"reset"` // he cannot log in before he has used the link of a reset
}

// A Store is the tables. It is safe for concurrent use, by any number of processes.
type Store struct {
	db     *gorm.DB
	ids    *id.Generator
	now    func() time.Time
	hasher Passwords
	vault  vault
	deed   Deed // of [Store.Once]
}

// Passwords hashes passwords and says whether a password has a hash; none has [password.Nobody].
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	Verify(ctx context.Context, password, hash string) (bool, error)
}

// New uses db, the handle of owner "operator", numbers the audit with ids, and seals the secrets of one-time codes with key, of [KeySize] bytes: who loses it
// has to reset every operator. now is the clock of what expires; nil is time.Now. passwords are hashed by argon2id as package password says, if nil: any other
// is for tests, which would spend their time on that.
func New(db *gorm.DB, ids *id.Generator, key []byte, now func() time.Time, passwords Passwords) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	if passwords == nil {
		passwords = password.NewHasher()
	}
	v, err := newVault(key)
	return &Store{db: db, ids: ids, now: now, hasher: passwords, vault: v}, err
}

type operatorRow struct {
	Name       string `gorm:"primaryKey"`
	Role       Role
	Password   string
	TotpSecret string
	TotpStep   int64
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	DisabledAt int64
}

func (operatorRow) TableName() string { return "operators" }

func (r operatorRow) operator() Operator {
	return Operator{Name: r.Name, Role: r.Role, Created: time.UnixMilli(r.CreatedAt).UTC(), Disabled: r.DisabledAt != 0, Reset: r.TotpSecret == ""}
}

// List is all operators, by name.
func (s *Store) List(ctx context.Context) ([]Operator, error) {
	var rows []operatorRow
	if err := s.db.WithContext(ctx).Order("name").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list operators: %w", err)
	}
	list := make([]Operator, len(rows))
	for i, r := range rows {
		list[i] = r.operator()
	}
	return list, nil
}

// Find is one operator, or [ErrNotFound].
func (s *Store) Find(ctx context.Context, name string) (Operator, error) {
	var row operatorRow
	err := s.db.WithContext(ctx).Take(&row, "name = ?", name).Error
	if errors.Is(err, store.ErrNotFound) {
		return Operator{}, ErrNotFound
	}
	return row.operator(), err
}

// Change gives an operator a role, and disables or enables him; what he is logged in with has the new role at once, or ends. The links that he has made end when he is
// disabled or may do less than before. It is [ErrLastAdmin] when no admin would be left.
func (s *Store) Change(ctx context.Context, name string, role Role, disabled bool) error {
	if role.rank() == 0 {
		return fault.Errorf(fault.Invalid, "%q is not a role", role)
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		var rows []operatorRow
		if err := locked(tx).Order("name").Find(&rows).Error; err != nil { // all: two admins may disable each other in this moment
			return err
		}
		found, less, admins := false, false, 0
		for _, r := range rows {
			if r.Name == name {
				found, less, r.Role = true, !role.Covers(r.Role), role
				r.DisabledAt = 0
				if disabled {
					r.DisabledAt = s.now().UnixMilli()
				}
				if err := tx.Model(&r).Select("role", "disabled_at").Updates(r).Error; err != nil {
					return err
				}
			}
			if r.Role == Admin && r.DisabledAt == 0 {
				admins++
			}
		}
		switch {
		case !found:
			return ErrNotFound
		case admins == 0:
			return ErrLastAdmin
		case disabled:
			return endAll(tx, name)
		case less:
			return endLinks(tx, name)
		}
		return nil
	})
}

// digest is the SHA-256 of a text, in hexadecimal.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
