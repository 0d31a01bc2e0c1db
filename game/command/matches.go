package command

// ExplainArgs asks why a ticket does not match: that of a player or, with player 0, the one with this id, of this area. A player's area is known, and may be 0 here.
type ExplainArgs struct {
	Area   uint16 `json:"area,omitempty"`
	Player int64  `json:"player,string,omitempty"`
	Ticket int64  `json:"ticket,string,omitempty"`
}

// Explained is where a ticket stands, and what stands in its way.
type Explained struct {
	Area uint16 `json:"area"`
	// State is "none": there is no such ticket; "ended": it ended without a match, lately; "matched": it went into one, lately; "waiting"; "asked": its match waits for its players'
	// answers; "claimed": for a room; "made": its match has one, and its players are being told.
	State   string   `json:"state"`
	Why     string   `json:"why"` // one sentence
	Ticket  int64    `json:"ticket,string"`
	Mode    string   `json:"mode,omitempty"`
	Players []string `json:"players,omitempty"` // numbers; more than one: a party
	Rating  int32    `json:"rating"`
	Waited  int64    `json:"waited_ms"`

	Wait  *ExplainedWait  `json:"wait,omitempty"`  // "waiting"
	Match *ExplainedMatch `json:"match,omitempty"` // "matched", of which only the id is known, "asked", "claimed", "made"
}

// ExplainedWait is a ticket in its pool.
type ExplainedWait struct {
	Window       int64         `json:"window"`           // how far it looks now, in rating points; -1: it is starving, and rating is no reason any more
	Others       int64         `json:"others"`           // other tickets in the pool
	Fitting      int64         `json:"fitting"`          // those of them with which it would make a group now, whether that is enough or not
	Group        int32         `json:"group"`            // players of that group
	Least        int32         `json:"group_least"`      // that it must have
	Full         int32         `json:"group_full"`       // and while it is patient
	PatienceLeft int64         `json:"patience_left_ms"` // for so long
	Leader       string        `json:"leader,omitempty"` // the node that runs the pool's passes, with its life; empty: nobody
	LeadLeft     int64         `json:"lead_left_ms"`     // its lead ends then, unless it goes on
	ZoneReady    bool          `json:"zone_ready"`       // to take a match
	UnderWay     int64         `json:"under_way"`        // matches of the area between claim and end
	Near         []ExplainNear `json:"near"`             // the nearest by rating

	Places []ExplainPlace `json:"places,omitempty"` // seats of battles that are on which are open, the longest open first
}

// ExplainPlace is an open seat of a battle that is on.
type ExplainPlace struct {
	Room     int64  `json:"room,string"`
	Zone     uint16 `json:"zone"`
	Seat     int32  `json:"seat"`
	Rating   int32  `json:"rating"` // of the player for whom it was made
	Open     int64  `json:"open_ms"`
	Window   int64  `json:"window"`   // as in ExplainedWait
	Obstacle string `json:"obstacle"` // why it is not for the ticket; "": it is
}

// ExplainNear is another ticket of the pool.
type ExplainNear struct {
	Ticket   int64    `json:"ticket,string"`
	Players  []string `json:"players"`
	Rating   int32    `json:"rating"`
	Waited   int64    `json:"waited_ms"`
	Window   int64    `json:"window"`   // as in ExplainedWait
	Obstacle string   `json:"obstacle"` // why it does not go with the ticket; "": it would
}

// ExplainedMatch is a match that was made of a ticket.
type ExplainedMatch struct {
	Match   int64          `json:"match,string"`
	Zone    uint16         `json:"zone,omitempty"`
	Holder  string         `json:"holder,omitempty"` // the node that works on it, with its life
	Claimed int64          `json:"claimed_ago_ms,omitempty"`
	Due     int64          `json:"due_in_ms,omitempty"` // another node takes it over then; negative: since then
	Players []ExplainVoice `json:"players,omitempty"`
}

// ExplainVoice is somebody in a match, and what he says to it.
type ExplainVoice struct {
	Player int64  `json:"player,string"`
	Answer string `json:"answer,omitempty"` // "yes", "no", or that he has said nothing or is not asked
}
