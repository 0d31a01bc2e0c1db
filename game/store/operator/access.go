package operator

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"loumiao/framework/fault"
)

// Bounds of scripts' tokens.
const (
	maxLabel  = 64                   // characters
	maxToken  = 366 * 24 * time.Hour // how long one may last
	maxTokens = 20                   // of one operator
)

// ErrNoAccess: there is no such session or token, or it has ended.
var ErrNoAccess = fault.New(fault.NotFound, "there is no such session or token")

// An Access is a session or a script's token that goes on.
type Access struct {
	ID       string    `json:"id"` // to end it by; it opens nothing
	Operator string    `json:"operator"`
	Label    string    `json:"label"` // what a token is for; "": it is a browser's session
	Role     Role      `json:"role"`  // the most that a token may do; "": what its operator may
	Address  string    `json:"address"`
	Seen     time.Time `json:"seen"` // to the minute
	Expires  time.Time `json:"expires"`
}

// shown is what a session is called: too little of its hash to find it in anything else.
func shown(hash string) string { return hash[:min(len(hash), 16)] }

var shownForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

// going is the sessions and tokens of an operator that go on; of everybody if name is empty.
func (s *Store) going(db *gorm.DB, name string) *gorm.DB {
	now := s.now()
	query := db.Where("expires_at > ? AND (label <> '' OR seen_at > ?)", now.UnixMilli(), now.Add(-IdleTTL).UnixMilli())
	if name != "" {
		query = query.Where("operator = ?", name)
	}
	return query
}

// Access is the sessions and tokens of an operator that go on, those seen last first; of everybody if name is empty. It is all of them: an operator has few tokens, and
// each login takes a code of its own.
func (s *Store) Access(ctx context.Context, name string) ([]Access, error) {
	var rows []sessionRow
	if err := s.going(s.db.WithContext(ctx), name).Order("seen_at DESC, token").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	list := make([]Access, len(rows))
	for i, r := range rows {
		list[i] = Access{shown(r.Token), r.Operator, r.Label, r.Role, r.Address, time.UnixMilli(r.SeenAt).UTC(), time.UnixMilli(r.ExpiresAt).UTC()}
	}
	return list, nil
}

// EndAccess ends a session or token at once. If name is not empty it must be that operator's. It is [ErrNoAccess].
func (s *Store) EndAccess(ctx context.Context, id, name string) error {
	if !shownForm.MatchString(id) {
		return ErrNoAccess
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		ended := s.going(tx, name).Delete(&sessionRow{}, "token LIKE ?", id+"%")
		if ended.Error == nil && ended.RowsAffected == 0 {
			return ErrNoAccess
		}
		return ended.Error
	})
}

// IssueToken makes a token for an operator's scripts, which may do what the role may as long as he may do that himself. It is shown once: what is stored is a hash.
func (s *Store) IssueToken(ctx context.Context, name, label string, role Role, address string, ttl time.Duration) (token string, err error) {
	label = strings.TrimSpace(label)
	if label == "" || utf8.RuneCountInString(label) > maxLabel || !utf8.ValidString(label) {
		return "", fault.Errorf(fault.Invalid, "what the token is for must be said in 1 to %d characters", maxLabel)
	}
	if ttl <= 0 || ttl > maxToken {
		return "", fault.Errorf(fault.Invalid, "a token lasts 1 to %d days", int(maxToken.Hours()/24))
	}
	token = "gm_" + s.secret()
	now := s.now()
	row := sessionRow{
		Token: digest(token), Operator: name, SeenAt: now.UnixMilli(), ExpiresAt: now.Add(ttl).UnixMilli(), Address: address, Label: label, Role: role,
	}
	err = s.made(ctx, func(tx *gorm.DB) error {
		var op operatorRow
		if err := locked(tx).Take(&op, "name = ?", name).Error; err != nil {
			return err
		}
		if !op.Role.Covers(role) {
			return fault.Errorf(fault.Forbidden, "a token cannot do what its operator may not: there is no role %s for it", role)
		}
		var n int64
		if err := tx.Model(&sessionRow{}).Where("operator = ? AND label <> '' AND expires_at > ?", name, now.UnixMilli()).Count(&n).Error; err != nil {
			return err
		}
		if n >= maxTokens {
			return fault.Errorf(fault.FailedPrecondition, "there are %d tokens already: end one first", n)
		}
		return tx.Create(&row).Error
	})
	if err != nil {
		return "", fmt.Errorf("issue a token: %w", err)
	}
	return token, nil
}
