// Package arena simulates the sample game's battle: up to 8 ships collect shards and shoot each other, 20 ticks a second.
//
// A match is a pure function of its rules, its seed and the players' inputs of each tick. Whoever feeds the same three to
// the same version of this package gets the same match, on any processor:
//
//	zone    New(rules, seed) -- Step(inputs of tick 0) -- Step(inputs of tick 1) -- ... -- Result()
//	client  New(rules, seed) -- Step(inputs of tick 0) -- Step(inputs of tick 1) -- ...
//	                                 \ Checksum() equal       \ Checksum() equal
//	record  Replay(rules, seed, inputs of all ticks)                                -- Result()
//
// Between two ticks a seat may be handed over to another player ([Arena.HandOver]): whoever plays the match again does it before the same tick.
//
// In frame mode clients run it themselves and compare checksums; in state mode they are told what [Arena.Near] lists, and a
// robot decides with [Decide] from just that. Either way only the zone's own run counts.
//
// # Numbers
//
// All lengths are in points, all times in ticks, all angles in 1/4096 of a turn: 0 is +x and 1024 is +y. A client scales
// points to its screen; 16 points a pixel suits the default rules. State and intermediate results fit signed 32-bit integers
// under any rules that [Config.Validate] accepts, divisions round toward zero, and random numbers and checksums need only
// unsigned 32-bit multiplication, so that a port to a language without 64-bit integers is line by line.
//
// The largest magnitudes, by the bounds of [Config]:
//
//	position                   2^17 points
//	ship speed, an axis        2^12 points a tick
//	bullet speed, an axis      2^11 points a tick
//	product in a hit test      2^25
//	product in the sine        2^30
//	score                      2^26
//
// # What it never does
//
// It uses no floating point, no maps, no clock, no goroutines, no global random source, no I/O. It knows nothing of players'
// accounts, of rating or of rewards: a player here is a seat, 0 to 7.
package arena
