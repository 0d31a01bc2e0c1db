package robot

import "time"

// Profiles are the shapes that the number of robots takes over the time of a run.
const (
	// ProfileSoak has all robots come over Config.Ramp and stay to the end.
	ProfileSoak = "soak"
	// ProfileRamp has robots come evenly over the whole time, each staying to the end, to see from how many on it gets worse.
	ProfileRamp = "ramp"
	// ProfileStep has a quarter of the robots come at once at the start of each quarter of the time and stay to the end.
	ProfileStep = "step"
	// ProfileSpike has a tenth of the robots, and one at least, play all the time; the others come at once after two fifths of it and
	// leave after three fifths, to see that what a rush has made worse gets well again.
	ProfileSpike = "spike"
)

const (
	steps       = 4
	spikeSteady = 10 // one robot in so many plays all the time
)

// presence is when the number-th robot comes, and until when it plays, from the beginning of the run.
func (c Config) presence(number int) (from, until time.Duration) {
	switch c.Profile {
	case ProfileRamp:
		return share(c.For, number, c.Robots), c.For
	case ProfileStep:
		return share(c.For, number*steps/c.Robots, steps), c.For
	case ProfileSpike:
		if number%spikeSteady == 0 {
			return 0, c.For
		}
		return share(c.For, 2, 5), share(c.For, 3, 5)
	default:
		return share(c.Ramp, number, c.Robots), c.For
	}
}

// share is part/whole of d.
func share(d time.Duration, part, whole int) time.Duration {
	return time.Duration(float64(d) * float64(part) / float64(whole))
}
