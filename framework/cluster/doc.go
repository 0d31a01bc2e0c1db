// Package cluster knows which nodes are there, and tells whoever asks when that changes. Membership is serf's gossip; no other
// package imports serf.
//
//	node A ──┐                                   ┌─► Snapshot()  immutable, one atomic load
//	node B ──┼─ gossip, encrypted ─► Cluster ────┤
//	agent  ──┘  (tags: who, where, state)        └─► Watch(fn)   old and new, in order, on one goroutine
//
// A [Member] says who a node is (node, boot, type, area), where its RPC links are accepted, in which state it is and which build
// it runs. That is all that gossip carries: load, statistics and players belong elsewhere, because a tag that changes each second
// on every node chokes gossip.
//
// What to expect, on a LAN and twenty nodes: a start or a change of state is known everywhere in about 0.1 s, a leave in 0.2 s, a
// crash in 3 s. The gossip key keeps strangers out of gossip and does nothing else: RPC links authenticate with a key of their own,
// and a member without an address (an observer, or serf's own agent) is seen but never called.
//
// One seat, one node: when two lives of one node id are there at once, every snapshot holds the newer boot, and the older is told
// through [Cluster.Lost] and has to stop.
//
// This package opens no links, balances nothing and decides nothing about players. Code that only reads membership takes a [View];
// tests give it a [Static].
package cluster
