// Package udp is connections over UDP, for those who would rather have a late packet resent at once than wait for TCP to notice: KCP
// (github.com/xtaci/kcp-go, which nobody else imports), behind an opening that proves where the other side is.
//
//	client                                   listener
//	  │ ── Open ──────────────────────────────► │ keeps nothing
//	  │ ◄──────── Challenge, number, cookie ─── │ as long as what it answers
//	  │ ── Begin, number, cookie ─────────────► │ a conversation, for Accept
//	  │ ◄───────────────── Begun ────────────── │
//	  │ ◄═══════════════ KCP ═════════════════► │
//	  │ ◄───────────────── Bye ───────────────► │ from either side
//
// A [Conn] is a net.Conn: a stream of bytes, in order, and nothing more. It is neither encrypted nor authenticated: who is at the other end is for its first
// bytes to say. What an address or a number claims counts for nothing: the listener chooses the number, at random, and only somebody who can read what is sent
// to an address can begin a conversation from there.
//
// What a stranger can have: one answer as long as each datagram he sends, and no memory. What he can have from an address that is his: as many
// conversations as [Config] allows for one address, each of which ends when it is silent for too long.
//
// KCP is spoken as its other libraries do: no forward error correction, no cipher of the library's, and datagrams that look otherwise are dropped.
// PROTOCOL.md of package gate describes it all for authors of clients.
//
// The library runs a few goroutines for all conversations of the process, which never end: see udptest.
package udp
