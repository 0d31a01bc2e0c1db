// Package zone is node type 4: battle rooms, one actor a room.
//
//	match ─► zone.CreateRoom ─► Room: gathering
//	client ─► JoinRoom, RoomInput ─► Room: fighting, a tick each 50 ms ─► Snapshot to each player, of what is near him
//	Room: recording ─► RoomEnded to each player ─► db.RecordMatch, until it is stored ─► player.Finished to each player's owner ─► over
//
// In frame mode (see frames.go) Frames, which is everybody's inputs, takes the place of Snapshot; clients run the simulation and send its checksums, and one that is
// another's is logged, counted and told. Either mode may go by a player's direct line (direct.go) instead of his session, and back again at any moment: by the way by which his newest
// input came. Lines are package direct's; without one, or without a UDP address to have them at, everything goes by sessions.
//
// It depends on db, and on worlds as the owners of players. A room is made by CreateRoom only, and for one match there is one room, however
// often that is called. Only the match's players may join; the newest session of a player is the one that plays, and a player without one
// drifts. A room that nobody joins, or whose node stops before the battle's end, is aborted: the owners are told, and nothing is won or
// lost. A room whose node dies tells nobody; worlds see the node go.
//
// The battle itself (battle.go) has no clock, network or storage, so it is a plain value to its tests, and with its [Recording] anybody can play it
// again to the same end. The simulation is package arena, what travels in snapshots is package snapshot.
package zone
