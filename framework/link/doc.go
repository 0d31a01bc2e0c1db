// Package link connects two nodes: an authenticated TCP connection that carries frames both ways, made for many small frames from
// many senders. Calls (package rpc) and client messages (package line) ride on it; each takes a connection of its own, of its own [Role].
//
//	node 3                                            node 7
//	Dial ── hello, nonce ───────────────────────────► Server
//	     ◄───────────── hello, nonce, proof of key ──
//	     ── proof of key ───────────────────────────► accept(conn) Handler
//	     ◄──────────────────────────────── welcome ──
//	     ═══ u32 size, frame ═ u32 size, frame ═════►  Handler.Frame, Frame, ... then Flush
//	     ◄══════════════════ u32 size, frame ════════
//
// Neither side sends the link key: each proves with an HMAC-SHA256 over both hellos that it holds it. Nothing larger than the fixed-size
// hello is read from, and no handler is called for, a peer that has not. Frames are neither encrypted nor signed afterwards, so links belong on a network that
// is the operator's own.
//
// # Why it is fast
//
// Senders append frames to one pending buffer, each built in place under the connection's lock. One goroutine at a time carries the buffer
// to the kernel, everything in it with one write, while the others go on appending to a second buffer; the two swap. A reader dispatches
// every complete frame of one read before anything is flushed, so that the answers made meanwhile leave in one write. In a steady state no
// frame allocates on either side.
//
// # What bounds it
//
// A frame is at most [Config.MaxFrame] and what waits to be sent at most [Config.MaxQueued]: beyond, senders get fault.Overloaded at
// once. No sender ever waits for a slow peer, which also means that two readers which answer each other cannot lock up. A peer that is
// silent for three heartbeats is given up. Handshakes are bounded in time and number.
//
// The package knows neither what frames mean nor who should talk to whom; it never reconnects.
package link
