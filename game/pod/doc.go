// Package pod is node type 0: it starts, watches and restarts the nodes of its machine. `game up` is a pod.
//
//	pod ─► Runner.Run(spec) ─► a node in this process, or a child process of its own
//	        ▲      │ returned, though not asked to
//	        └──────┘ again, after a pause that grows while it keeps failing
//
// What runs a node is a [Runner], chosen by whoever makes the pod: the pod treats a node in its own process and a child process
// alike. It knows a node to be ready from gossip, as everybody does. Nodes are stopped in reverse order of what they need, so
// that db is there until the last player is saved.
//
// When a pod in charge of child processes dies, they notice and stop in order; nodes in its own process die with it.
package pod
