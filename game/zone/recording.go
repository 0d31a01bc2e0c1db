package zone

import (
	"slices"

	"loumiao/game/api"
	"loumiao/game/arena"
)

// A Recording is all that is needed to play a battle again to the same end: for a player who comes back in the middle, for a viewer, and for whoever doubts a
// result. An hour of eight players is 2.3 MB, a minute 38 KB.
type Recording struct {
	Match   api.MatchID
	Players []api.PlayerID // by seat
	Rules   arena.Config
	Seed    uint32
	Inputs  []uint32 // packed; those of all seats for the first tick, then for the next
}

func newRecording(match api.MatchID, players []api.PlayerID, rules arena.Config, seed uint32) *Recording {
	return &Recording{Match: match, Players: slices.Clone(players), Rules: rules, Seed: seed}
}

// add takes in a tick's inputs by seat.
func (r *Recording) add(inputs []uint32) {
	if r.Inputs == nil {
		r.Inputs = make([]uint32, 0, len(r.Players)*r.Rules.Ticks)
	}
	r.Inputs = append(r.Inputs, inputs...)
}

// Replay is the battle as it was when the recording ended.
func (r *Recording) Replay() *arena.Arena {
	a := arena.New(r.Rules, r.Seed)
	tick := make([]arena.Input, len(r.Players))
	for packed := range slices.Chunk(r.Inputs, max(1, len(r.Players))) {
		for i, u := range packed {
			tick[i] = arena.Unpack(u)
		}
		a.Step(tick)
	}
	return a
}
