package player

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/game/name"
)

// A Bond is what another player is to a player. The numbers are stored, and told to clients.
type Bond int32

// The bonds. Of two players both have Friend, or one Asked and the other AskedBy; Blocked is each one's own.
const (
	NoBond  Bond = 0
	Friend  Bond = 1
	Asked   Bond = 2
	AskedBy Bond = 3
	Blocked Bond = 4
)

// An Act is what a player can do about another.
type Act int

// The acts.
const (
	Ask   Act = iota + 1 // to be friends; of somebody who has asked already, it accepts
	Part                 // ends a friendship or a question, from whichever side, or a block of the player's own
	Block                // ends whatever there is, and keeps the other from asking
)

// mostOf is how many of each a player has at most.
var mostOf = map[Bond]int64{Friend: MaxFriends, Asked: MaxAsked, AskedBy: MaxAskedBy, Blocked: MaxBlocked}

// How many of each a player has at most.
const (
	MaxFriends = 200
	MaxAsked   = 50
	MaxAskedBy = 100
	MaxBlocked = 200
)

var (
	// ErrBlocked: one of the two has blocked the other. It says the same of both, so that nobody learns that he is blocked by trying.
	ErrBlocked = fault.New(fault.Forbidden, "this player cannot be asked")
	// ErrTooMany: one of the two has as many as he may have. Nothing is changed.
	ErrTooMany = fault.New(fault.FailedPrecondition, "one of the two has too many of these already")
)

// A Relation is what another player is to a player, and who that is.
type Relation struct {
	Player ID // the other
	Name   string
	Level  int32
	Bond   Bond
	Since  time.Time
}

// Friends returns everybody who is anything to a player, in no order.
func (s *Store) Friends(ctx context.Context, id ID) ([]Relation, error) {
	db := s.db.WithContext(ctx)
	var rows []friendRow
	if err := db.Find(&rows, "player = ?", id).Error; err != nil {
		return nil, fmt.Errorf("friends of player %d: %w", id, err)
	}
	ids := make([]ID, len(rows))
	for i, r := range rows {
		ids[i] = r.Friend
	}
	var players []playerRow
	if len(ids) > 0 {
		if err := db.Select("id", "name", "level").Find(&players, "id IN ?", ids).Error; err != nil {
			return nil, fmt.Errorf("friends of player %d: %w", id, err)
		}
	}
	who := make(map[ID]playerRow, len(players))
	for _, p := range players {
		who[p.ID] = p
	}
	relations := make([]Relation, len(rows))
	for i, r := range rows {
		p := who[r.Friend]
		relations[i] = r.relation(&p)
	}
	return relations, nil
}

// Find returns the player of that name, in whatever case, among those who began in an area. It is [ErrNotFound].
func (s *Store) Find(ctx context.Context, origin uint16, called string) (Relation, error) {
	var row playerRow
	db := s.db.WithContext(ctx).Select("id", "name", "level")
	err := db.Take(&row, "origin = ? AND name_key = ?", origin, name.Key(called)).Error
	if errors.Is(err, store.ErrNotFound) { // somebody of before names were compared so
		err = db.Take(&row, "origin = ? AND name = ?", origin, called).Error
	}
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNotFound
	}
	if err != nil {
		return Relation{}, fmt.Errorf("find a player by name: %w", err)
	}
	return Relation{Player: row.ID, Name: row.Name, Level: row.Level}, nil
}

// A Related is what two players are to each other after an [Act].
type Related struct {
	Mine, Theirs Relation // the other to the player, and the player to the other
	Told         bool     // the act has changed Theirs
}

// Relate has a player do something about another. Done again it changes nothing. It is [ErrBlocked], [ErrTooMany], [ErrNotFound], also for a player
// of another area, [ErrErased], or [ErrFenced], when epoch is neither 0 nor that of the player's holder.
func (s *Store) Relate(ctx context.Context, id ID, epoch uint64, other ID, act Act) (Related, error) {
	if id == other {
		return Related{}, fault.New(fault.Invalid, "that is the player himself")
	}
	var related Related
	err := store.InTx(ctx, s.db, func(tx *gorm.DB) error {
		players, err := lockAll(tx, id, other)
		if err != nil {
			return err
		}
		switch {
		case epoch != 0 && epoch != players[id].Epoch:
			return ErrFenced
		case players[id].Area != players[other].Area:
			return ErrNotFound
		case players[other].ErasedAt != 0 && act != Part:
			return ErrErased
		}
		mine, err := bondOf(tx, id, other)
		if err != nil {
			return err
		}
		theirs, err := bondOf(tx, other, id)
		if err != nil {
			return err
		}
		wasMine, wasTheirs := mine.Bond, theirs.Bond
		if mine.Bond, theirs.Bond, err = act.on(wasMine, wasTheirs); err != nil {
			return err
		}
		if err := s.rebind(tx, &mine, wasMine); err != nil {
			return err
		}
		if err := s.rebind(tx, &theirs, wasTheirs); err != nil {
			return err
		}
		related = Related{Mine: mine.relation(players[other]), Theirs: theirs.relation(players[id]), Told: theirs.Bond != wasTheirs}
		return nil
	})
	if err != nil {
		return Related{}, fmt.Errorf("player %d to player %d, act %d: %w", id, other, act, err)
	}
	return related, nil
}

// on is what two players are to each other after one's act, from what they were. A block is only its maker's to end.
func (a Act) on(mine, theirs Bond) (Bond, Bond, error) {
	after := NoBond
	if theirs == Blocked {
		after = Blocked
	}
	switch {
	case a == Part:
		return NoBond, after, nil
	case a == Block:
		return Blocked, after, nil
	case a != Ask:
		return 0, 0, fault.Errorf(fault.Invalid, "there is no act %d", a)
	case mine == Blocked || theirs == Blocked:
		return 0, 0, ErrBlocked
	case mine == AskedBy:
		return Friend, Friend, nil
	case mine == NoBond:
		return Asked, AskedBy, nil
	}
	return mine, theirs, nil
}

func bondOf(tx *gorm.DB, id, other ID) (friendRow, error) {
	row := friendRow{Player: id, Friend: other}
	err := tx.Take(&row, "player = ? AND friend = ?", id, other).Error
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return row, err
}

// rebind writes a row whose bond was another, unless its player has too many of its kind.
func (s *Store) rebind(tx *gorm.DB, row *friendRow, was Bond) error {
	switch row.Bond {
	case was:
		return nil
	case NoBond:
		return tx.Delete(row).Error
	}
	var n int64
	if err := tx.Model(&friendRow{}).Where("player = ? AND bond = ?", row.Player, row.Bond).Count(&n).Error; err != nil {
		return err
	}
	if n >= mostOf[row.Bond] {
		return ErrTooMany
	}
	row.Since = s.nowMS()
	update := clause.OnConflict{
		Columns: []clause.Column{{Name: "player"}, {Name: "friend"}}, DoUpdates: clause.AssignmentColumns([]string{"bond", "since"}),
	}
	return tx.Clauses(update).Create(row).Error
}

func (r friendRow) relation(who *playerRow) Relation {
	return Relation{Player: who.ID, Name: who.Name, Level: who.Level, Bond: r.Bond, Since: fromMS(r.Since)}
}
