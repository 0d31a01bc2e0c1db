// Package field is a map that players walk on, and who of them sees whom. It has no clock, network or storage: whoever hosts it says when a tick is over, and
// sends what it tells.
//
//	Enter, Move, Leave ─► Field ─► Tick: an update for each cell ─► those who are in it
//	                                                              └► Sight, at the client, is what it adds up to
//
// The map is a grid of cells. A walker is listed in his home cell, which is the one that he stands in, unless he has only just stepped out of another: who
// walks along a border would change cells each tick. He sees who is listed in the cells around his home, as many as it takes to see all that is within the view. So
// all in one cell see the same, and are sent the same: what a tick costs grows with the players and not with the pairs of them, and a host sends one frame for a
// cell and gate.
//
// Any update may be lost on the way. What has come, moved and gone is told once; all that is near is told to whoever has changed cells, and every
// [FullEvery] ticks to everybody.
//
// All arithmetic is that of integers. Distances are in points, and a walker's speed bounds how far he comes: see [Field.Move].
package field
