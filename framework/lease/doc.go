// Package lease says who is alive and who owns what: leases in Redis for liveness, epochs in SQL for fencing.
//
//	Lease      one a node process: "node 1024, boot b, is alive", renewed by one goroutine
//	Owners     who owns a player now: a binding (node, boot, epoch), alive with its node's lease
//	Singleton  one active holder of a name; the others stand by
//	Claims     which node ids, and which database, are taken
//
// Redis may be lost, and a process may be paused for longer than its lease: for a moment there can be two that believe to be the owner.
// Only one has effect:
//
//	world A  owns player 7, epoch 4   ──── paused ────────────────────► wakes: Lease.Valid is false; it stops
//	world B                  takes over: SQL makes epoch 5, binds it ──► serves
//	SQL      epoch 4         epoch 5  ────────────────────────────────► a save with epoch 4: refused
//
// Whoever is asked for something in an owner's name asks back with [Owners.Confirm], and a gate compares the epochs under which its sessions are served.
//
// A holder judges its own lease by its own monotonic clock and stops a margin before the end; everybody else judges it by Redis, and
// SQL judges by epochs alone, without any clock. Expiry times in SQL are compared by the database's clock.
//
// The package decides nothing about players; it never moves an owner by itself.
package lease
