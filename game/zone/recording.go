package zone

import (
	"slices"

	"loumiao/game/api"
	"loumiao/game/arena"
)

// A Recording is all that is needed to play a battle again to the same end: for a player who comes back in the middle, for a viewer, and for whoever doubts a
// result. An hour of eight players is 2.3 MB, a minute 38 KB.
type Recording struct {
	Match     api.MatchID
	Players   []api.PlayerID // by seat, as the battle began
	Rules     arena.Config
	Seed      uint32
	Inputs    []uint32   // packed; those of all seats for the first tick, then for the next
	HandOvers []HandOver // in the order in which they happened
}

// A HandOver is when a seat came to another player: before the inputs of a tick.
type HandOver struct {
	Tick, Seat int
	Player     api.PlayerID
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

func (r *Recording) handOver(tick, seat int, player api.PlayerID) {
	r.HandOvers = append(r.HandOvers, HandOver{Tick: tick, Seat: seat, Player: player})
}

// Replay is the battle as it was when the recording ended.
func (r *Recording) Replay() *arena.Arena {
	a := arena.New(r.Rules, r.Seed)
	tick, next := make([]arena.Input, len(r.Players)), r.HandOvers
	given := func() {
		for ; len(next) > 0 && next[0].Tick <= a.Tick(); next = next[1:] {
			a.HandOver(next[0].Seat)
		}
	}
	for packed := range slices.Chunk(r.Inputs, max(1, len(r.Players))) {
		for i, u := range packed {
			tick[i] = arena.Unpack(u)
		}
		given()
		a.Step(tick)
	}
	given()
	return a
}
