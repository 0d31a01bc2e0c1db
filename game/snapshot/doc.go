// Package snapshot is both ends of state mode: a zone tells each player what is near his ship, and his client knows it, whatever is lost on
// the way.
//
//	zone                                                          client
//	arena.Near ─► Encoder.Encode ─► pb.Snapshot ─ ─(may be lost)─ ─► Decoder.Apply ─► Decoder.View ─► arena.Decide, or a screen
//	                    ▲                                                 │
//	                    └──────────── RoomInput.seen ◄── Decoder.Seen ◄───┘
//
// A snapshot builds on one that the client has said it has; if it has none that the zone still remembers, the snapshot is a keyframe. Both ends
// therefore keep what was said before: the zone the last [History] snapshots, a client those from the newest one's `since` on.
//
// The rules of a delta, for clients in other languages:
//
//   - Every list is in ascending order of its ids.
//   - A ship in the base that is not mentioned is as it was.
//   - A shard or bullet in the base that is not mentioned has flown on: it is at x + vx × (tick − since), and y alike. So a bullet is
//     said once, when it comes near.
//   - What is mentioned in a gone list is no longer near, or no longer at all.
//   - A snapshot that is older than the newest one applied is ignored, and so is one of the tick in which the client has joined or of an earlier one: who joins
//     again may still get what was under way to him.
//
// The package does no I/O and knows no session: a zone, a robot and a test use it alike.
package snapshot
