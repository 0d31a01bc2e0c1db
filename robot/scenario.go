package robot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Scenario is one thing that a player in the world does, from its beginning to its end. Each is a function of the robot's, made of steps: requests,
// which are counted one by one, and waits. How often it is played is its weight; what comes before, logging in, queueing and entering, every robot does.
type Scenario struct {
	Name   string
	Weight int    // among the others, in the mix that nobody has changed
	Doc    string // what players do, for people

	// play plays it, until it is done or playing ends; ctx ends everything. An error ends the session; the step that failed has counted it.
	play func(r *robot, ctx, playing context.Context) error
}

// Scenarios are all that robots can play. To add one, write its function and its line.
func Scenarios() []Scenario {
	return []Scenario{
		{"arena", 8, "a match of everybody against everybody", match("arena", matchTimeout)},
		{"duel-frame", 3, "a match of two, in frame mode", match("duel-frame", matchPatience)},
		{"team", 2, "a match of teams, alone", match("team", matchPatience)},
		{"leave", 1, "a match that one leaves early, and comes back to hear how it has ended", (*robot).walkOut},
		{"party", 2, "a match of teams, together with another robot", (*robot).party},
		{"field", 3, "walk about on a field", (*robot).field},
		{"look", 3, "look at the profile and at past matches", (*robot).lookAround},
		{"greet", 3, "several greetings at once, which are answered in order", (*robot).greet},
		{"chat", 2, "say something to all, and read what others said", (*robot).chat},
		{"shop", 3, "buy something for what was won", (*robot).spend},
		{"pay", 2, "buy something in the sandbox, once a minute at most", (*robot).buy},
		{"mail", 2, "read a mail, claim what is in it, several times at once, and delete it", (*robot).claim},
		{"friends", 3, "make friends, and say something to one", (*robot).socialize},
		{"ranking", 2, "find one's place in the ranking", (*robot).ranking},
		{"resume", 1, "lose the connection, and go on with the session", (*robot).resume},
		{"double", 1, "log in a second time, which ends the first session", (*robot).double},
		{"relogin", 3, "go away, and come back by logging in", func(*robot, context.Context, context.Context) error { return errHome }},
	}
}

// scenarioPrefix is of the operations that count scenarios which were played to their end.
const scenarioPrefix = "scenario."

// A Mix is the weights of scenarios by their names; those that it does not name are not played. nil is the weights that they have of themselves.
type Mix map[string]int

const maxWeight = 1000

// ParseMix reads NAME[=WEIGHT], with commas between them; no weight is 1.
func ParseMix(text string) (Mix, error) {
	m := Mix{}
	for part := range strings.SplitSeq(text, ",") {
		name, weight, given := strings.Cut(strings.TrimSpace(part), "=")
		n := 1
		if given {
			var err error
			if n, err = strconv.Atoi(weight); err != nil {
				return nil, fmt.Errorf("%q: the weight of %s is no number", part, name)
			}
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		m[name] = n
	}
	return m, m.Validate()
}

// Validate reports everything that is wrong, joined.
func (m Mix) Validate() error {
	if m == nil {
		return nil
	}
	var errs []error
	var known []string
	for _, s := range Scenarios() {
		known = append(known, s.Name)
	}
	sum := 0
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch {
		case !slices.Contains(known, name):
			errs = append(errs, fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(known, ", ")))
		case m[name] < 0 || m[name] > maxWeight:
			errs = append(errs, fmt.Errorf("%s: %d; must be 0 to %d", name, m[name], maxWeight))
		}
		sum += m[name]
	}
	if len(errs) == 0 && sum == 0 {
		errs = append(errs, errors.New("nothing is played: all weights are 0"))
	}
	return errors.Join(errs...)
}

// A deck is the scenarios of a mix, to draw from.
type deck struct {
	scenarios []Scenario
	sum       int
}

func newDeck(m Mix) (d deck) {
	for _, s := range Scenarios() {
		if m != nil {
			s.Weight = m[s.Name]
		}
		if s.Weight > 0 {
			d.scenarios = append(d.scenarios, s)
			d.sum += s.Weight
		}
	}
	return d
}

// draw is any of them, as often as its weight says.
func (d deck) draw(random *rand.Rand) Scenario {
	n := random.IntN(d.sum)
	for _, s := range d.scenarios {
		if n -= s.Weight; n < 0 {
			return s
		}
	}
	panic("the weights do not add up")
}

// perform plays a scenario. Its time is counted when it was played to its end.
func (r *robot) perform(ctx, playing context.Context, s Scenario) error {
	began := time.Now()
	err := s.play(r, ctx, playing)
	if err == nil || errors.Is(err, errHome) || errors.Is(err, errLeft) {
		r.tally.wait(scenarioPrefix+s.Name, time.Since(began), nil)
	}
	return err
}
