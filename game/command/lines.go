package command

// QueueArgs asks for an area's queue and, unless it is 0, where a player stands in it. What to do about it is published: queue.admission, queue.capacity, queue.rate.
type QueueArgs struct {
	Area   uint16 `json:"area"`
	Player int64  `json:"player,string,omitempty"`
}

// QueueState is how an area's queue is. Admission, Capacity and Rate are those that the node which leads goes by, so that what was published and stands here is in force.
type QueueState struct {
	Area      uint16  `json:"area"`
	Admission string  `json:"admission"` // "open", "paused", "draining" or "closed"
	Capacity  int64   `json:"capacity"`  // 0: no limit
	Rate      int64   `json:"rate"`      // a second; 0: no limit
	Waiting   int64   `json:"waiting"`   // and connected
	Away      int64   `json:"away"`      // whose connection dropped, and whose number is kept
	Places    int64   `json:"places"`    // that are taken, passes that are not used yet included
	Passes    int64   `json:"passes"`    // that were not used; those of players inside may be too old
	Held      string  `json:"held"`      // why nobody is let in at this moment, in words; empty: those whose turn it is are
	Hold      int64   `json:"hold_ms"`   // nobody is let in for so long, after a takeover or a loss
	Pace      float64 `json:"pace"`      // players a second who were let in, lately
	ETA       int64   `json:"eta_ms"`    // until the last who waits is in; 0: nobody was let in yet, or nobody waits
	Lanes     []Lane  `json:"lanes"`     // the standard one first
	Player    *Stands `json:"player,omitempty"`
}

// Lane is a line of the queue.
type Lane struct {
	Name    string  `json:"name"`
	Share   float64 `json:"share"` // of those who are let in while somebody waits in all lanes: 0 to 1
	Waiting int64   `json:"waiting"`
	Pace    float64 `json:"pace"`
	ETA     int64   `json:"eta_ms"`
}

// Stands is where a player stands: waiting when he has a position.
type Stands struct {
	Player   int64  `json:"player,string"`
	Lane     string `json:"lane"`     // that he waits in; empty when he does not
	Position int64  `json:"position"` // in the lane: 1 is next
	ETA      int64  `json:"eta_ms"`
	Away     bool   `json:"away"`   // his number is kept
	Placed   bool   `json:"placed"` // inside, or with a pass
}
