package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/game/store/password"
)

// Bounds of a password, in bytes. The upper one bounds what hashing it costs.
const (
	MinPassword = 8
	MaxPassword = 128
)

// nobody is verified for a name that does not exist.
var nobody = password.Nobody

// nameForm is what a name to log in with looks like. It is told apart from others without regard to case.
var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,32}$`)

func checkCredentials(name, password string) error {
	var errs []error
	if !nameForm.MatchString(name) {
		errs = append(errs, errors.New("a name has 3 to 32 letters from a to z, digits, '_', '.' and '-'"))
	}
	if len(password) < MinPassword || len(password) > MaxPassword {
		errs = append(errs, fmt.Errorf("a password has %d to %d bytes", MinPassword, MaxPassword))
	}
	if err := errors.Join(errs...); err != nil {
		return fault.New(fault.Invalid, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// Register makes an account with a name and password. It is [ErrNameTaken], [ErrBusy], or fault.Invalid with what names and passwords look
// like.
func (s *Store) Register(ctx context.Context, name, password string) (ID, error) {
	identity, err := s.identity(ctx, name, password)
	if err != nil {
		return 0, err
	}
	account, err := s.create(ctx, identity)
	if errors.Is(err, store.ErrDuplicate) {
		return 0, ErrNameTaken
	}
	if err != nil {
		return 0, fmt.Errorf("register: %w", err)
	}
	return account, nil
}

// identity checks a name and password and hashes it, without an account yet.
func (s *Store) identity(ctx context.Context, name, password string) (identityRow, error) {
	if err := checkCredentials(name, password); err != nil {
		return identityRow{}, err
	}
	subject := strings.ToLower(name)
	// A taken name is told before it costs anything; the unique key decides.
	if _, err := s.find(ctx, kindPassword, subject); err == nil {
		return identityRow{}, ErrNameTaken
	} else if !errors.Is(err, store.ErrNotFound) {
		return identityRow{}, fmt.Errorf("find a name: %w", err)
	}
	secret, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return identityRow{}, err
	}
	return identityRow{Kind: kindPassword, Subject: subject, Display: name, Secret: secret}, nil
}

// Login finds the account of a name and password. It is [ErrCredentials] or [ErrBusy]. An unknown name costs as much as a wrong password;
// throttle before calling.
func (s *Store) Login(ctx context.Context, name, password string) (ID, error) {
	if len(password) > MaxPassword {
		return 0, ErrCredentials // nobody has it, and it is not to be hashed
	}
	row := identityRow{Secret: nobody}
	if nameForm.MatchString(name) { // else it may not even be looked up: MySQL finds "ada" for "ada "
		found, err := s.find(ctx, kindPassword, strings.ToLower(name))
		if err == nil {
			row = found
		} else if !errors.Is(err, store.ErrNotFound) {
			return 0, fmt.Errorf("log in: %w", err)
		}
	}
	ok, err := s.hasher.Verify(ctx, password, row.Secret)
	if err != nil {
		return 0, fmt.Errorf("log in: %w", err)
	}
	if !ok || row.Account == 0 {
		return 0, ErrCredentials
	}
	return row.Account, nil
}
