package arena_test

import (
	"fmt"

	"loumiao/game/arena"
)

// A zone runs a match, records the inputs, and anyone can play the record again.
func Example() {
	rules, seed := arena.Config{Players: 2, Ticks: 200}, uint32(1)
	match := arena.New(rules, seed)
	luck := arena.NewRand(2)
	var view arena.View
	var record [][]arena.Input
	for !match.Done() {
		inputs := make([]arena.Input, 2)
		for seat := range inputs {
			match.Near(seat, 12000, &view) // what a client is told in state mode
			inputs[seat] = arena.Decide(view, luck)
		}
		match.Step(inputs)
		record = append(record, inputs)
	}

	replay := arena.Replay(rules, seed, record)
	fmt.Println("same match:", replay.Checksum() == match.Checksum())
	for _, row := range match.Result() {
		fmt.Printf("%d. seat %d: %d points\n", row.Place, row.Player, row.Score)
	}
	// Output:
	// same match: true
	// 1. seat 0: 7 points
	// 2. seat 1: 4 points
}
