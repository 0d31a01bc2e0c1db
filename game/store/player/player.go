package player

import (
	"time"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/lease"
)

// An ID is one player: one character of one account in one area.
type ID int64

// A MatchID is one match.
type MatchID int64

// A MailID is one mail. It grows with time.
type MailID int64

// Gold is the currency that players begin with and win.
const Gold = "gold"

// What a player begins with.
const (
	StartRating int32 = 1500
	StartGold   int64 = 100
)

// What a caller may tell apart.
var (
	// ErrFenced: another world has loaded the player since.
	ErrFenced = lease.ErrFenced
	// ErrNotFound: no such player.
	ErrNotFound = fault.New(fault.NotFound, "no such player")
	// ErrInsufficient: the player has less than what is to be taken. Nothing is changed.
	ErrInsufficient = fault.New(fault.FailedPrecondition, "not enough of it")
	// ErrTooMuch: the player would have more than [MaxBalance]. Nothing is changed.
	ErrTooMuch = fault.New(fault.FailedPrecondition, "more than one can have")
	// ErrBagFull: the player has no room for what he would get. Nothing is changed.
	ErrBagFull = fault.New(fault.FailedPrecondition, "the bag is full")
	// ErrLimit: the player has done that as often as he may. Nothing is changed.
	ErrLimit = fault.New(fault.FailedPrecondition, "no more of that for now")
	// ErrNameTaken: another player who began in the same area has that name. Nothing is changed.
	ErrNameTaken = fault.New(fault.AlreadyExists, "the name is taken")
	// ErrSameName: the player has that name already, so that it would cost him something for nothing. Nothing is changed.
	ErrSameName = fault.New(fault.FailedPrecondition, "that is the player's name already")
	// ErrOtherOp: the key was applied for something else. Nothing is changed.
	ErrOtherOp = fault.New(fault.AlreadyExists, "the same id was used for something else")
	// ErrNoMail: no such mail, or not any more.
	ErrNoMail = fault.New(fault.NotFound, "no such mail")
	// ErrMailFull: the mailbox is full of what must not give way. Nothing is changed.
	ErrMailFull = fault.New(fault.FailedPrecondition, "the mailbox is full")
	// ErrUnclaimed: what is in the mail would be lost. Nothing is changed.
	ErrUnclaimed = fault.New(fault.FailedPrecondition, "there is something unclaimed in the mail")
	// ErrNewerState: the stored state has a newer schema than the one to be saved, which would lose what a newer build put there, or than who would load it reads.
	ErrNewerState = fault.New(fault.Version, "the player's state was saved by a newer build")
)

// A Player is all that is stored of one.
type Player struct {
	ID      ID
	Account int64
	Area    uint16 // where the player is now
	Origin  uint16 // where the player began; names are unique within it, so that areas can be merged
	Name    string
	Level   int32 // from 1; follows from Exp
	Exp     int64
	Rating  int32
	Epoch   uint64 // of the world that loaded the player last
	Version int64  // counts every change
	Schema  int32  // of State; 0 while there is none
	State   []byte // the game's own, JSON; nil for a new player
	Wallet  map[string]int64
	Items   []Item // in alphabetical order, none with a count of 0
}

// An Item is how many of one kind of thing a player has.
type Item struct {
	Item  string
	Count int64
}

// A Store is the players' tables. It is safe for concurrent use, by any number of processes.
type Store struct {
	db        *gorm.DB
	ids       *id.Generator
	now       func() time.Time
	levelAt   func(exp int64) int32
	catalogue func() Catalogue // nil: without a bag
	welcome   func() []Letter  // nil: none
	reads     int32            // the newest schema of states; 0: any
}

// New uses db, the handle of owner "player", and makes ids of ledger entries with ids. now is the clock of what is stored; nil is time.Now.
func New(db *gorm.DB, ids *id.Generator, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{db: db, ids: ids, now: now, levelAt: LevelAt}
}

// WithLevels is the store with another rule for the level of a player with so much experience. It may change; a player's stored level follows with what he
// gains next, and what is returned of him at once.
func (s *Store) WithLevels(at func(exp int64) int32) *Store {
	other := *s
	other.levelAt = at
	return &other
}

// Welcoming is the store with mails for each new player, which he finds when he comes for the first time: they are sent in the transaction that creates
// him, so once. letters says which, and is asked for each new player; their Player is not looked at. A player is not created with a letter that is wrong.
func (s *Store) Welcoming(letters func() []Letter) *Store {
	other := *s
	other.welcome = letters
	return &other
}

// Reading is the store for a holder whose build reads states up to that schema: a player with a newer one is [ErrNewerState], and stays with whoever holds him. 0 is any.
func (s *Store) Reading(schema int32) *Store {
	other := *s
	other.reads = schema
	return &other
}

func (s *Store) nowMS() int64 { return s.now().UnixMilli() }
