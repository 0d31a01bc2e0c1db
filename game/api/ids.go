package api

import (
	"fmt"
	"strconv"
)

// The ids of the game. All but Area are made by an id.Generator, and so positive and unique in the cluster.
type (
	// A PlayerID is one character of one account in one area.
	PlayerID int64
	// An AccountID is who logs in.
	AccountID int64
	// A TicketID is one wish of one player to be matched.
	TicketID int64
	// A MatchID is one match, and the id of its room.
	MatchID int64
	// An Area is a logical partition of the game's players. Nodes of area 0 serve all areas.
	Area uint16
)

// String is the id in decimal.
func (p PlayerID) String() string { return strconv.FormatInt(int64(p), 10) }

// String is the id in decimal.
func (a AccountID) String() string { return strconv.FormatInt(int64(a), 10) }

// String is the id in decimal.
func (t TicketID) String() string { return strconv.FormatInt(int64(t), 10) }

// String is the id in decimal.
func (m MatchID) String() string { return strconv.FormatInt(int64(m), 10) }

// String is the area in decimal.
func (a Area) String() string { return strconv.Itoa(int(a)) }

// ParseArea reads an area from 0 to 65535.
func ParseArea(s string) (Area, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("area %q is not a number from 0 to 65535", s)
	}
	return Area(n), nil
}
