package player

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"loumiao/framework/fault"
)

// What a mail holds at most, and a mailbox.
const (
	MaxMails       = 200
	MaxSender      = 32 // characters
	MaxSubject     = 64
	MaxBody        = 1000
	MaxAttachments = 16 // currencies and items together
)

// spillKey begins the keys of mails with what did not fit into a bag.
const spillKey = "spill:"

// A Letter is a mail to be sent.
type Letter struct {
	// Key names the mail among the player's: the season, the order. It is sent once, also after it is deleted. 1 to 123 printable ASCII characters;
	// those that begin with "spill:" are the package's own.
	Key    string
	Player ID
	// Sender and Subject are 1 to [MaxSender] and [MaxSubject] characters, Body at most [MaxBody]; only Body has lines.
	Sender, Subject, Body string
	// Goods can be claimed, all at once.
	Goods Goods
	// Owed has it sent also when Goods exist no more: they were promised when they did.
	Owed bool
	// Expires is when the mail is deleted, also unclaimed; zero is never.
	Expires time.Time
}

// Goods are what there is in a mail: positive amounts by currency and by item.
type Goods struct {
	Wallet map[string]int64 `json:"wallet,omitempty"`
	Items  map[string]int64 `json:"items,omitempty"`
}

// A Mail is one in a player's mailbox.
type Mail struct {
	ID                    MailID
	Key                   string
	Sender, Subject, Body string
	Goods                 Goods
	Created               time.Time
	Expires               time.Time // zero is never
	Read, Claimed         bool
}

// noGoods is the attachments of a mail without any.
const noGoods = "{}"

// changes are goods as an operation's.
func (g Goods) changes() ([]change, error) {
	var wallet []Change
	var items []ItemChange
	for name, amount := range g.Wallet {
		wallet = append(wallet, Change{name, amount})
	}
	for name, count := range g.Items {
		items = append(items, ItemChange{name, count})
	}
	changes, err := collect(wallet, items)
	for _, c := range changes {
		if c.amount < 0 {
			return nil, fault.Errorf(fault.Invalid, "%d %s cannot be sent by mail", c.amount, c.asset)
		}
	}
	return changes, err
}

func (l Letter) validate() error {
	if !opKey.MatchString(mailKey + l.Key) {
		return fault.Errorf(fault.Invalid, "mail key %q is not 1 to %d printable characters", l.Key, 128-len(mailKey))
	}
	if l.Key == "" || strings.HasPrefix(l.Key, spillKey) {
		return fault.Errorf(fault.Invalid, "mail key %q is empty, or begins like the package's own", l.Key)
	}
	if n := len(l.Goods.Wallet) + len(l.Goods.Items); n > MaxAttachments {
		return fault.Errorf(fault.Invalid, "%d goods in one mail are more than %d", n, MaxAttachments)
	}
	for _, part := range []struct {
		name, text  string
		least, most int
		lines       bool
	}{{"sender", l.Sender, 1, MaxSender, false}, {"subject", l.Subject, 1, MaxSubject, false}, {"body", l.Body, 0, MaxBody, true}} {
		n := utf8.RuneCountInString(part.text)
		if !utf8.ValidString(part.text) || n < part.least || n > part.most {
			return fault.Errorf(fault.Invalid, "the %s of a mail is not %d to %d characters of UTF-8", part.name, part.least, part.most)
		}
		if strings.ContainsFunc(part.text, func(r rune) bool { return unicode.IsControl(r) && !(part.lines && r == '\n') }) {
			return fault.Errorf(fault.Invalid, "the %s of a mail has a control character", part.name)
		}
	}
	return nil
}

// unclaimed reports whether something would be lost with the mail.
func (r mailRow) unclaimed() bool { return r.Attachments != noGoods && r.ClaimedAt == 0 }

func (r mailRow) expired(now int64) bool { return r.ExpiresAt != 0 && r.ExpiresAt <= now }

// mail is the row as its readers see it.
func (r mailRow) mail() (Mail, error) {
	m := Mail{
		ID: r.ID, Key: r.Op, Sender: r.Sender, Subject: r.Subject, Body: r.Body, Created: fromMS(r.CreatedAt),
		Read: r.ReadAt != 0, Claimed: r.ClaimedAt != 0,
	}
	if r.ExpiresAt != 0 {
		m.Expires = fromMS(r.ExpiresAt)
	}
	if err := json.Unmarshal([]byte(r.Attachments), &m.Goods); err != nil {
		return Mail{}, fmt.Errorf("mail %d of player %d: %w", r.ID, r.Player, err)
	}
	return m, nil
}
