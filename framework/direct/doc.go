// Package direct is lines that clients have straight to a node, over KCP and past the gate: for what is worthless when it is late, such as a battle.
//
//	client ── over his session: may I? ──► node ── Desk.Offer: a ticket and two keys
//	client ◄───────────────────────────── over his session
//	client ══ Dial: the ticket, and frames sealed with the keys ══► Desk ── Opened, Received ... Closed ──► Handler
//
// The session says who somebody is; the line only has what the session was given. A ticket is for one player and one room, opens one line, once, and
// within seconds. Whoever comes without one, with a wrong or an old one, or without the key that belongs to it, is hung up on and learns nothing; that takes none of the
// tickets away. Each frame is sealed (ChaCha20-Poly1305) with a key of its direction, and a number that counts up and is not sent: what is forged,
// repeated, left out or put elsewhere ends the line.
//
// A line may end at any moment, or never begin, as UDP is often blocked. So nothing goes by it alone: whoever uses one keeps the session, sends by that what has not
// arrived, and asks for another line if he likes. Package zone does so.
//
// PROTOCOL.md of package gate has it for authors of clients, with test vectors. [Dial] is such a client, in Go.
package direct
