// Package keypoint is the node type that takes in what game clients tell of their players' ways, and answers how many came how far.
//
//	client ── POST /v1/events, a batch ──► key, limits, sizes ──► each event against its declaration ──► Redis stream ──► 202
//	                                                                                                        │
//	writers, on every keypoint node: entries of the stream ──► events, active days, quarantine in one transaction ──► entry acknowledged and deleted
//
//	POST /v1/events     Authorization: Bearer WRITE-KEY; Content-Encoding: gzip if it is
//	     {"sent": ms, "events": [{"id": "...", "name": "match_end", "player": "...", "at": ms, "fields": {"mode": "duel", "place": 1}}]}
//	                                                    ──► 202 {"accepted": 1, "rejected": [{"index", "reason", "detail"}]}
//	GET  /v1/active?app=&from=&to=                      ──► players of each UTC day      Authorization: Bearer READ-KEY, for all that follow
//	GET  /v1/retention?app=&from=&to=&after=1,7,30      ──► of those whose first day it was, how many came back
//	GET  /v1/conversion?app=&event=&from=&to=           ──► of each day's players, how many did the event
//	GET  /v1/funnel?app=&steps=a,b,c&from=&to=&hours=24 ──► how many came to each step, in order, in time
//	GET  /v1/quarantine                                 ──► the newest that was malformed
//
// An event has an id that its client makes (8 to 36 letters, digits, '-' and '_'; a UUID of version 7 is stored best) and keeps when it sends the event
// again: it is stored once. "player" is an opaque id; nothing else may say who it is, and only declared fields are stored ([Schemas], configs/events.csv).
// Times are milliseconds of the client's clock; "sent" is that clock when the batch leaves, and by it times are put right when the clock is over a minute
// off. What lies in the future or more than a week back is moved to the nearest time that does not.
//
// Nothing is dropped silently. A batch is one entry of the stream, so it is durable as a whole before it is answered: as durable as the configured Redis
// makes it. Events that are malformed go along, into quarantine with their reason; so does a body that is no batch, and later an event that SQL does not take. All are counted. Over the backlog that
// Redis may hold, a batch is refused as overloaded, over its key's limits as rate_limited, and its client keeps it.
//
// A gzip body is bounded three times while it is read: its size, what it unpacks to, and how many times that is more.
//
// It depends on Redis and SQL, and on no other node; no other node depends on it. When a keypoint node dies, what it answered for is in the stream: it goes
// on with it when it is back, or another takes it over after half a minute; an entry that is stored twice changes nothing. While SQL is away the stream grows
// to its bound.
package keypoint
