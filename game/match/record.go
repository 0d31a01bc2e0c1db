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

// A Match is a group on its way into a room.
type Match struct {
	Pool
	ID      api.MatchID
	Zone    id.Node // whose room it is to be
	Tickets Group
	Holder  string // the life of the node that works on it
	State   string
	Claimed int64 // milliseconds since 1970 by Redis's clock
}

// parseMatch reads a record as claimScript wrote it.
func parseMatch(area api.Area, record string) (Match, error) {
	f := strings.Fields(record)
	if len(f) < 6 || f[0] != claimed && f[0] != made {
		return Match{}, fmt.Errorf("%q is not a match", record)
	}
	zone, err1 := strconv.ParseUint(f[2], 10, 16)
	at, err2 := strconv.ParseInt(f[3], 10, 64)
	m := Match{Pool: Pool{area, f[4]}, State: f[0], Holder: f[1], Zone: id.Node(zone), Claimed: at}
	errs := []error{err1, err2}
	for _, s := range f[5:] {
		t, err := parseTicket(s)
		errs = append(errs, err)
		m.Tickets = append(m.Tickets, t)
	}
	return m, errors.Join(errs...)
}
