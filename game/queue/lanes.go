package queue

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"loumiao/game/api"
)

const (
	maxLanes  = 8
	maxWeight = 1000
)

var laneName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// A Lane is a line in which players wait, in the order in which they came. Lanes in which somebody waits take turns, by their shares.
type Lane struct {
	// Name is up to 32 of a-z, 0-9 and '-'.
	Name string `yaml:"name"`
	// Weight is the lane's share of those who are let in, relative to the other lanes' weights: 1 to 1000. The standard lane's share is raised to Config.Floor, and the
	// others have the rest.
	Weight int `yaml:"weight"`
}

// A Visitor is a player who wants in, as the token of his login and the gate say.
type Visitor struct {
	Player  api.PlayerID
	Account api.AccountID
	Area    api.Area
}

// shares is each lane's share of those who are let in while somebody waits in all of them; together they are 1. A lane's share can only be larger while others are empty.
func (c Config) shares() []float64 {
	total := 0
	for _, lane := range c.Lanes {
		total += lane.Weight
	}
	out := make([]float64, len(c.Lanes))
	standard := c.Lanes[0].Weight
	out[0] = float64(standard) / float64(total)
	if len(out) > 1 {
		out[0] = max(out[0], float64(c.Floor)/100)
	}
	for i, lane := range c.Lanes[1:] {
		out[1+i] = (1 - out[0]) * float64(lane.Weight) / float64(total-standard)
	}
	return out
}

// fullShare is what an admission costs a lane that has everything; one with half of it pays twice as much.
const fullShare = 1_000_000

// A laneArg is lanes as scripts take them: their names, in order, and "name=cost ...".
type laneArg struct {
	names []string
	text  string
}

func (c Config) laneArg() laneArg {
	var a laneArg
	for i, share := range c.shares() {
		a.add(c.Lanes[i].Name, int64(math.Round(fullShare/share)))
	}
	return a
}

func (a *laneArg) add(name string, cost int64) {
	a.names = append(a.names, name)
	a.text += fmt.Sprintf("%s=%d ", name, cost)
}

// with is a and the lanes of those names, from which nobody is let in any more.
func (a laneArg) with(names string) laneArg {
	both := laneArg{slices.Clone(a.names), a.text}
	for name := range strings.FieldsSeq(names) {
		if !slices.Contains(both.names, name) {
			both.add(name, fullShare)
		}
	}
	return both
}
