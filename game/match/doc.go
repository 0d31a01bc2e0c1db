// Package match is the matchmaking node: players wish to play a mode, and it puts those of similar rating together, finds
// them a zone and tells their owners.
//
//	world ── match.Join ────────► ticket in Redis    pass, on the pool's leader, every tick
//	zone ─── match.OfferPlaces ─► place  {match:area} ─► read what is new ─► fill places, form groups (memory, pure)
//	                                                      │ claim: all tickets of a group, or none; a place and its ticket, or neither (Lua)
//	                                                      ▼
//	zone ◄── zone.CreateRoom, zone.FillSeat ── assignment ◄── record: claimed ── commit ──► made ── finish ──► gone
//	world ◄─ player.Matched ──────────────────────┘              └─ release: tickets back in the pool
//
// Any number of match nodes serve one area. They agree through Redis alone: a small lease says who runs a pool's passes, so that
// the others save the work, and the claims are what makes it safe: a ticket leaves its pool for one match only, also when two
// nodes think that they lead. A match has a record with a holder and a deadline until all is done; when its holder dies, another node
// takes the record over and goes on. Nobody is told of a match before it is committed, and a committed match never puts its tickets back.
//
// A mode may have teams of equal size. A party has one ticket, which has its places in one team, and everybody of it hears what becomes of it. A mode may ask the players of a
// group whether they accept the match, after the claim and before there is a room: their answers and the decision are in Redis too, so that whoever holds the record goes on.
//
// A mode may have backfill: zones offer the seats of running battles whose players have left for good, every two seconds, and at each pass those are filled before new groups are
// formed, the longest open first, each with the nearest ticket of one player that fits. Such a fill is a match of one ticket: it goes through the same states, and is taken over alike. Only
// the zone decides who has a seat: if it says no, the ticket waits again. An offer, or all of Redis, may be lost: the next offer says it again. Whoever is put on a seat is not asked whether
// he accepts it, also where the mode asks: nobody else waits for his answer, and a seat that he does not take up is open again.
//
// What a ticket can rely on: a player has one at a time; it keeps its age when a zone refuses, or somebody else does not accept; a cancel says truthfully whether it
// was in time; it does not wait for ever because of its rating; and if it is gone without anybody having told, because Redis has lost it or the node that ended it died before it told, its owner
// hears that: worlds stand for the tickets of their players every few seconds, and are answered which there are no more. A ticket for which no world stands, since that has died, leaves its pool.
//
// Who has not heard of a match, because his world died between its commit and its telling, keeps his ticket until nobody tells him any more, about half a minute: if he is back in another
// world by then and asks for a match again, he is answered that ticket, and hears of the match that it is in.
//
// What is played, and by which rules, the design tables say, as they are at each pass, unless the node's file names modes of its own.
//
// match never knows what a match is about, keeps nothing that Redis does not have, and writes no SQL.
package match
