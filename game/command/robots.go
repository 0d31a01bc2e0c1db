package command

import "encoding/json"

// RobotsArgs has robots play on this stack, over all its robot nodes together.
type RobotsArgs struct {
	Robots     int      `json:"robots"`
	For        int64    `json:"for_ms"`
	Ramp       int64    `json:"ramp_ms,omitempty"` // over which they come
	Seed       int64    `json:"seed,omitempty"`
	Area       uint16   `json:"area,omitempty"`       // 0: the server's default
	Mix        string   `json:"mix,omitempty"`        // as "arena=5,field=1"; empty: every scenario by its own weight
	Profile    string   `json:"profile,omitempty"`    // soak, ramp, step or spike; empty: soak
	Rate       float64  `json:"rate,omitempty"`       // arrivals a second over all nodes, of which each has the part that it has of the robots; 0: all come once and stay
	Thresholds []string `json:"thresholds,omitempty"` // as "p99=200ms"; each node holds its own report to them
}

// RobotRuns is the newest run of each robot node.
type RobotRuns struct {
	Nodes []RobotRun `json:"nodes"`
}

// RobotRun is a node's share of a run.
type RobotRun struct {
	Node   uint16          `json:"node"`
	Error  string          `json:"error,omitempty"` // why the node did not answer; the rest is then unknown
	Run    string          `json:"run,omitempty"`   // the command that began it; empty: there was none
	Plays  bool            `json:"plays"`
	Robots int             `json:"robots"`
	Began  int64           `json:"began_ms,omitempty"`
	Report json.RawMessage `json:"report,omitempty"` // of the load tester, once it is over; none then: it could not play
}
