// Package zone is node type 4: battle rooms, one actor a room; and fields, which are lines of maps that players walk on, one actor a field.
//
//	match ─► zone.CreateRoom ─► Room: gathering
//	client ─► JoinRoom, RoomInput ─► Room: fighting, a tick each 50 ms ─► Snapshot to each player, of what is near him
//	Room: recording ─► RoomEnded to each player ─► db.RecordMatch, until it is stored ─► player.Finished to each player's owner ─► over
//
// In frame mode (see frames.go) Frames, which is everybody's inputs, takes the place of Snapshot; clients run the simulation and send its checksums, and one that is
// another's is logged, counted and told. Either mode may go by a player's direct line (direct.go) instead of his session, and back again at any moment: by the way by which his newest
// input came. Lines are package direct's; without one, or without a UDP address to have them at, everything goes by sessions.
//
// It depends on db, on worlds as the owners of players, and on match for new players. A room is made by CreateRoom only, and for one match there is one room, however
// often that is called. Only the match's players may join, and those who are put on their seats; the newest session of a player is the one that plays, and a player without one
// drifts. A room that nobody joins, or whose node stops before the battle's end, is aborted: the owners are told, and nothing is won or
// lost. A room whose node dies tells nobody; worlds see the node go.
//
// In a mode with backfill, which is never one in frame mode, who has left for good loses his seat to another (seat.go, backfill.go):
//
//	held ── its player is away for Backfill.Away ──► open ── zone.FillSeat ──► reserved ── JoinRoom ──► held, by him: RoomSeat to the others
//	  ▲                                              │  ▲                        │
//	  └─────────────── he is back ───────────────────┘  └─── not in time ────────┘
//
// Only the zone decides who has a seat. It offers open ones to match every two seconds or so, for as long as they are open, so that nothing is lost but time when nobody hears it. Who
// comes begins at nothing, with a fresh ship. In the result he has the seat's place, and his rating does not fall; who has left comes after everybody, gets nothing, and his rating
// falls; who was put on a seat and did not come is not in it, and hears that the match came to nothing for him. For his world one who has left is in the match until it ends.
//
// Fields (fields.go, field.go):
//
//	world ─► zone.ListFieldLines: opens a line if none has room ─► zone.VisitField keeps a place
//	client ─► JoinField, MoveField, SayField ─► Field, a tick each 100 ms ─► FieldUpdate, one for all in a cell and one frame a gate
//	Field ─► player.OnField to the player's owner, every FieldConfig.ReportEvery and at the end of a visit
//
// Which lines there are, and where, stands in Redis (directory.go) for who looks for one; who is on one is for the players' owners to say, and whoever an owner knows nothing of
// is taken off with the next report. A field goes on without Redis. A line opens when all others are full to comfort, and closes when it has been empty for
// FieldConfig.CloseAfter, within what the map's row in the design tables says; with that row's rules it was opened, and keeps to them. A zone that stops tells the owners where
// everybody was. Of one that dies worlds see it go: their players were where it said last, at most FieldConfig.ReportEvery before.
//
// The battle itself (battle.go) has no clock, network or storage, so it is a plain value to its tests, and with its [Recording] anybody can play it
// again to the same end. The simulation is package arena, what travels in snapshots is package snapshot; who sees whom on a field is package field.
package zone
