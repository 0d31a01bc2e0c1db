// Package keypoint is the tables of analytics: events that game clients have sent, who was active on which day, and what was malformed. Keypoint nodes
// open it, and operators' consoles to read.
//
//	Save      a batch, in one transaction: events that are new, the days of their players, what is malformed
//	Active, Retention, Conversion, Funnel, Quarantined    questions that an index answers
//	Prune     drops what is old
//	ErasePlayer    empties what events say of a player, also of those to come
//
// An event is stored once, whoever stores it how often: its id decides. Players are opaque ids of at most [MaxPlayer] characters; no column is for
// anything else about a person. Days are UTC. It calls nobody and holds nothing in memory.
package keypoint
