// Package pod is node type 0: it starts, watches, restarts and drains the nodes of its machine, and says how the machine is. `game up` is a pod.
//
//	pod ─► Runner.Run(spec) ─► a node in this process, or a child process of its own
//	        ▲      │ returned, though not asked to
//	        └──────┘ again, after a pause that grows while it keeps failing
//
// What runs a node is a [Runner], chosen by whoever makes the pod: the pod treats a node in its own process and a child process
// alike. It knows how far a node is from gossip, as everybody does: up is who is ready, or stands by for one that is. Nodes are stopped in reverse
// order of what they need, so that db is there until the last player is saved.
//
// Orders come by RPC (game/api, pod.go), from public for the operators' console, or from the command line:
//
//	start    brings up a node that is stopped, or failing, at once; one that drains takes players again
//	stop     ends it in order; it stays down
//	restart  ends it in order and starts it again
//	drain    it takes nobody new and goes on with what it has, until one of the others
//
// What was ordered is forgotten with the pod: the next one starts all of its nodes. A node's newest log lines are kept in memory, for whoever asks; figures
// of CPU, memory and disk are read every two seconds, and stand with restarts and failures in the metrics.
//
// When a pod in charge of child processes dies, they notice and stop in order, or are ended by themselves if they cannot; nodes in its own process die
// with it. Nothing is called through the pod: what runs goes on without it until then.
package pod
