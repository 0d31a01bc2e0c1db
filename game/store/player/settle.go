package player

import "math"

const (
	// MaxLevel is the highest level.
	MaxLevel int32 = 100
	// MaxRating bounds ratings above; 0 does below.
	MaxRating int32 = 1_000_000

	expStep   = 50 // experience for level 2 beyond level 1 is twice this; each further level takes twice this more than the last
	eloFactor = 32 // K of the Elo rating
	eloScale  = 400
)

// LevelAt is the level of a player with so much experience, where [Store.WithLevels] says nothing else: level n begins at 50 n (n-1).
func LevelAt(exp int64) int32 {
	level := int64((1 + math.Sqrt(1+4*float64(max(0, exp))/expStep)) / 2)
	for level > 1 && expStep*level*(level-1) > exp { // what the square root's rounding may be off by
		level--
	}
	return int32(min(level, int64(MaxLevel)))
}

func addRating(rating, delta int32) int32 {
	return int32(max(0, min(int64(rating)+int64(delta), int64(MaxRating))))
}

// An Outcome is what a match gives one of its players.
type Outcome struct {
	Rating int32            // to add
	Exp    int64            // to add, not negative
	Reward map[string]int64 // by currency, positive
}

// Settle decides what a match gives, from its standings and the players' ratings before it, in the same order; so are the outcomes. It
// depends on nothing else, because it may run more than once.
type Settle func(standings []Standing, ratings []int32) []Outcome

// A Reward is what a match gives each of its players.
type Reward struct {
	Gold          int64
	GoldPerBehind int64 // for each player who was worse
	Exp           int64
	ExpPerKill    int64
}

// Arena settles a match as the sample's arena does.
func Arena(standings []Standing, ratings []int32) []Outcome {
	return Reward{Gold: 10, GoldPerBehind: 10, Exp: 50, ExpPerKill: 10}.Settle(standings, ratings)
}

// Settle settles a match: ratings as Elo's, each player against each other of another team, with the mean of his team as his rating, so that all of a team gain
// or lose alike; gold for playing, and for each player left behind; experience for
// playing, and for each kill. Who has left is beaten by everybody else, but of his own team, and by other teams only if nobody of his has stayed.
func (r Reward) Settle(standings []Standing, ratings []int32) []Outcome {
	outcomes := make([]Outcome, len(standings))
	strength := byTeam(standings, ratings)
	stays := map[int32]bool{} // teams of which somebody has stayed
	for _, s := range standings {
		stays[s.Team] = stays[s.Team] || !s.Left
	}
	for i, s := range standings {
		opponents := 0
		behind, surplus := int64(0), 0.0 // surplus: points won beyond what the ratings let expect
		for j, other := range standings {
			if i == j || s.Team != 0 && (s.Team == other.Team || other.Left && stays[other.Team]) {
				continue
			}
			opponents++
			expected := 1 / (1 + math.Pow(10, (strength[j]-strength[i])/eloScale))
			switch {
			case s.Place < other.Place:
				behind++
				surplus += 1 - expected
			case s.Place == other.Place:
				surplus += 0.5 - expected
			default:
				surplus -= expected
			}
		}
		if opponents > 0 {
			outcomes[i].Rating = int32(math.Round(eloFactor * surplus / float64(opponents)))
		}
		switch {
		case s.Left:
			outcomes[i].Rating = min(0, outcomes[i].Rating)
		case s.Filled:
			outcomes[i].Rating = max(0, outcomes[i].Rating)
		}
		outcomes[i].Reward = map[string]int64{}
		if s.Left {
			continue
		}
		if gold := r.Gold + r.GoldPerBehind*behind; gold > 0 {
			outcomes[i].Reward[Gold] = gold
		}
		outcomes[i].Exp = r.Exp + r.ExpPerKill*int64(max(0, s.Kills))
	}
	return outcomes
}

// byTeam is how strong each player counts: as the mean of his team.
func byTeam(standings []Standing, ratings []int32) []float64 {
	sums, sizes := map[int32]float64{}, map[int32]float64{}
	for i, s := range standings {
		sums[s.Team] += float64(ratings[i])
		sizes[s.Team]++
	}
	strength := make([]float64, len(standings))
	for i, s := range standings {
		strength[i] = float64(ratings[i])
		if s.Team != 0 {
			strength[i] = sums[s.Team] / sizes[s.Team]
		}
	}
	return strength
}
