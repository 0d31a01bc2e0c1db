package cluster

import "loumiao/framework/id"

// A State is how far a node is in its life.
type State uint8

const (
	// Joining: the node is there and not yet serving. The zero State.
	Joining State = iota
	// Standby: the node waits for the place of one of its type that leads, and serves nothing meanwhile.
	Standby
	// Ready: the node serves.
	Ready
	// Draining: the node goes on with what it has and takes nothing new, because it ends or was told to.
	Draining
)

var stateNames = [...]string{Joining: "joining", Standby: "standby", Ready: "ready", Draining: "draining"}

// String is the state's name, as it stands in tags and logs.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// Serves reports whether a node in this state answers those that it has: a draining one does, though it takes nobody new.
func (s State) Serves() bool { return s == Ready || s == Draining }

func parseState(name string) (State, bool) {
	for s, n := range stateNames {
		if n == name {
			return State(s), true
		}
	}
	return 0, false
}

// A Member is one node as gossip sees it. It is a plain value; two are equal when nothing about the node changed.
type Member struct {
	// Node is the node's id. 0 for a member that is not one of our nodes.
	Node id.Node
	// Boot is the life of the node that this is.
	Boot id.Boot
	// Type is the node's type by name: "gate", "world". Several, separated by commas, when one process serves several.
	// "" for a member that is not one of our nodes, such as serf's own agent: it is listed by [Snapshot.All] only.
	Type string
	// Area is the area that the node serves. 0 serves all.
	Area uint16
	// Addr is where the node accepts RPC links, host:port. "" for observers, which accept none.
	Addr string
	// State is how far the node is in its life.
	State State
	// Version is the build that the node runs, for people.
	Version string

	// Name is the member's name in gossip, new at each boot. Set by the cluster.
	Name string
	// Gossip is the member's gossip address, host:port; good as a seed. Set by the cluster.
	Gossip string
}
