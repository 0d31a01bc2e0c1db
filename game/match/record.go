package match

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"loumiao/framework/id"
	"loumiao/game/api"
)

// States of a match's record.
const (
	claimed = "claimed" // its tickets have left the pool; they may go back
	made    = "made"    // it has a room; its tickets never go back
)

// noPlace stands in the records of matches that are no fills.
const noPlace = "-"

// fill reports whether the match puts one player into a battle that is on.
func (m Match) fill() bool { return m.Place.Room != 0 }

// room is the id of its room, which is that of the match that is played there.
func (m Match) room() api.MatchID {
	if m.fill() {
		return m.Place.Room
	}
	return m.ID
}

// A Match is a group on its way into a room, or one ticket on its way to a place in a battle that is on: a fill. A fill goes through everything that a match goes
// through, except that its player is not asked whether he accepts it.
type Match struct {
	Pool
	ID      api.MatchID
	Zone    id.Node // whose room it is to be
	Tickets Group   // team by team
	Teams   int     // of equal size; 0 or 1: everybody for himself
	Holder  string  // the life of the node that works on it
	State   string
	Claimed int64 // milliseconds since 1970 by Redis's clock
	Until   int64 // likewise, by when all must have accepted it; 0: nobody is asked
	Place   Place // where the one ticket of a fill goes: into a battle that is on

	seated []int64 // who has the seats of that battle, by ship, as its zone said last
}

// parseMatch reads a record as claimScript wrote it.
func parseMatch(area api.Area, record string) (Match, error) {
	f := strings.Fields(record)
	if len(f) < 9 || f[0] != claimed && f[0] != made {
		return Match{}, fmt.Errorf("%q is not a match", record)
	}
	zone, err1 := strconv.ParseUint(f[2], 10, 16)
	at, err2 := strconv.ParseInt(f[3], 10, 64)
	teams, err3 := strconv.ParseUint(f[4], 10, 16)
	until, err4 := strconv.ParseInt(f[5], 10, 64)
	m := Match{Pool: Pool{area, f[7]}, State: f[0], Holder: f[1], Zone: id.Node(zone), Claimed: at, Teams: int(teams), Until: until}
	errs := []error{err1, err2, err3, err4}
	if f[6] != noPlace {
		p, err := parsePlace(f[6])
		errs = append(errs, err)
		m.Place = p
	}
	for _, s := range f[8:] {
		t, err := parseTicket(s)
		errs = append(errs, err)
		m.Tickets = append(m.Tickets, t)
	}
	return m, errors.Join(errs...)
}
