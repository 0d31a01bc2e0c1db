package command

// NodeArgs is one node.
type NodeArgs struct {
	Node uint16 `json:"node"`
}

// TailArgs asks for the newest lines of a node's log; 0 is all that its pod keeps.
type TailArgs struct {
	Node  uint16 `json:"node"`
	Lines uint32 `json:"lines,omitempty"`
}

// Tailed is lines of a node's log, the oldest first.
type Tailed struct {
	Lines []string `json:"lines"`
}

// NodeList is the machines that have a pod, and every node: those of the pods, and those that run without one.
type NodeList struct {
	Machines []Machine `json:"machines"`
	Nodes    []Node    `json:"nodes"`
}

// Machine is a machine with a pod. Zeros are what its system does not tell.
type Machine struct {
	Pod      uint16  `json:"pod"` // the node that is its pod
	Name     string  `json:"name"`
	Error    string  `json:"error,omitempty"` // why its pod did not answer; the rest is then unknown
	CPUs     uint32  `json:"cpus"`
	Busy     float64 `json:"cpus_busy"`
	Memory   uint64  `json:"memory_bytes"`
	UsedMem  uint64  `json:"memory_used_bytes"`
	Disk     uint64  `json:"disk_bytes"`
	UsedDisk uint64  `json:"disk_used_bytes"`
}

// Node is a node as its pod and gossip see it.
type Node struct {
	Node      uint16  `json:"node"`
	Type      string  `json:"type"`
	Pod       uint16  `json:"pod,omitempty"` // that keeps it alive; 0: none
	Life      string  `json:"life"`          // "running", "failing", "stopping" or "stopped"
	State     string  `json:"state"`         // as gossip has it: "joining", "standby", "ready", "draining"; "": it is not there
	Started   int64   `json:"started_ms,omitempty"`
	PID       uint32  `json:"pid,omitempty"` // 0: it runs in its pod's process
	Busy      float64 `json:"cpus_busy"`
	Memory    uint64  `json:"memory_bytes"`
	Restarts  uint32  `json:"restarts"` // after it had ended by itself
	Failures  uint32  `json:"failures"` // in a row
	NextStart int64   `json:"next_start_ms,omitempty"`
	Error     string  `json:"error,omitempty"` // of its last failure
	Failed    int64   `json:"error_ms,omitempty"`
}
