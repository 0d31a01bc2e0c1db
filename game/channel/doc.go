// Package channel is external channels that vouch for players: platforms and publishers, whose SDK gives the client a ticket to log in with.
//
//	client ── asks the channel's SDK ──► a ticket, signed by the channel
//	client ── the ticket ──► login ── Verify: the signature, here ──► the channel's server: is it still good?
//
// A [Channel] says whose ticket it is. [Arcade] is one that does not exist, in the shape of those that do, with its other side, [FakeServer], for
// tests and for one's own machine; a real one is a file beside it. What a channel says is believed about who it is, and about nothing else: the
// account, its bindings and its sanctions are ours.
package channel
