// Package match is the matchmaking node: players wish to play a mode, and it puts those of similar rating together, finds
// them a zone and tells their owners.
//
//	world ── match.Join ──► ticket in Redis          pass, on the pool's leader, every tick
//	                        {match:area} pool ─────► read what is new ─► form groups (memory, pure)
//	                                                      │ claim: all tickets of a group, or none (Lua)
//	                                                      ▼
//	zone ◄─ zone.CreateRoom ── assignment ◄──────── record: claimed ── commit ──► made ── finish ──► gone
//	world ◄─ player.Matched ──────┘                    └─ release: tickets back in the pool
//
// Any number of match nodes serve one area. They agree through Redis alone: a small lease says who runs a pool's passes, so that
// the others save the work, and the claims are what makes it safe: a ticket leaves its pool for one match only, also when two
// nodes think that they lead. A match has a record with a holder and a deadline until all is done; when its holder dies, another node
// takes the record over and goes on. Nobody is told of a match before it is committed, and a committed match never puts its tickets back.
//
// What a ticket can rely on: a player has one at a time; it keeps its age when a zone refuses; a cancel says truthfully whether it
// was in time; and if Redis loses it, its owner hears that it is gone.
//
// What is played, and by which rules, the design tables say, as they are at each pass, unless the node's file names modes of its own.
//
// match never knows what a match is about, keeps nothing that Redis does not have, and writes no SQL.
package match
