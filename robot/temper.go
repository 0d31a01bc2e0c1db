package robot

import (
	"math/rand/v2"
	"time"
)

// A temper is how a player goes about things.
type temper struct {
	think  time.Duration // what he takes to make up his mind, on average
	moody  float64       // how likely he does not wait for a match to be found
	clumsy float64       // how likely he drops out of a match, and comes back to it
	reflex int32         // ticks between two decisions in battle
}

// tempers are the kinds of player. Each robot is of one.
var tempers = [...]temper{
	{think: 150 * time.Millisecond, moody: 0.10, clumsy: 0.02, reflex: 1}, // hasty
	{think: 400 * time.Millisecond, moody: 0.05, clumsy: 0.02, reflex: 2}, // usual
	{think: 400 * time.Millisecond, moody: 0.10, clumsy: 0.05, reflex: 2}, // fickle
	{think: 900 * time.Millisecond, moody: 0.05, clumsy: 0.01, reflex: 4}, // dreamy
}

// crashes is how likely a player who drops out has lost his program as well, and logs in anew; others have only lost the connection.
const crashes = 0.3

// chance is true with the given probability.
func (r *robot) chance(p float64) bool { return r.rand.Float64() < p }

// thought is how long the robot thinks this time: mostly less than average, and rarely much more.
func (r *robot) thought() time.Duration {
	return time.Duration(float64(r.temper.think) * min(0.3+0.7*r.rand.ExpFloat64(), 4) / r.cfg.Pace)
}

// around is a random duration between half of d and one and a half.
func around(random *rand.Rand, d time.Duration) time.Duration {
	return d/2 + time.Duration(random.Int64N(int64(d)+1))
}
