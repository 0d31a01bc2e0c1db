package command

// LookUpArgs asks for a player by his number or, if that is 0, by his area and name.
type LookUpArgs struct {
	Player int64  `json:"player,string,omitempty"`
	Area   uint16 `json:"area,omitempty"`
	Name   string `json:"name,omitempty"`
	Before int64  `json:"before,string,omitempty"` // the ledger's entries before this one; 0: the newest
}

// Found is a player as he is stored.
type Found struct {
	Player  int64            `json:"player,string"`
	Name    string           `json:"name"`
	Area    uint16           `json:"area"`
	Level   int32            `json:"level"`
	Exp     int64            `json:"exp"`
	Rating  int32            `json:"rating"`
	Wallet  map[string]int64 `json:"wallet"`
	Items   map[string]int64 `json:"items"`
	Mute    *FoundMute       `json:"mute,omitempty"` // one that is on
	Ledger  []FoundChange    `json:"ledger"`
	Mails   []FoundMail      `json:"mails"`
	Matches []FoundMatch     `json:"matches"`
	Friends []FoundFriend    `json:"friends"`
}

// FoundMute is that a player may not speak to all.
type FoundMute struct {
	Until  int64  `json:"until_ms"`
	Reason string `json:"reason"`
	Author string `json:"author"`
}

// FoundChange is one line of a player's ledger.
type FoundChange struct {
	ID     int64  `json:"id,string"`
	Key    string `json:"key"`
	Reason string `json:"reason"`
	Asset  string `json:"asset"`
	Amount int64  `json:"amount"`
	At     int64  `json:"at_ms"`
}

// FoundMail is a mail that a player has.
type FoundMail struct {
	ID      int64            `json:"id,string"`
	Sender  string           `json:"sender"`
	Subject string           `json:"subject"`
	Wallet  map[string]int64 `json:"wallet,omitempty"`
	Items   map[string]int64 `json:"items,omitempty"`
	Sent    int64            `json:"sent_ms"`
	Claimed bool             `json:"claimed"`
}

// FoundMatch is a match that a player has fought.
type FoundMatch struct {
	ID     int64  `json:"id,string"`
	Mode   string `json:"mode"`
	Place  int32  `json:"place"`
	Rating int32  `json:"rating_change"`
	Ended  int64  `json:"ended_ms"`
}

// FoundFriend is another player to whom a player is something.
type FoundFriend struct {
	Player int64  `json:"player,string"`
	Name   string `json:"name"`
	Level  int32  `json:"level"`
	Bond   string `json:"bond"` // "friend", "asked", "asked by" or "blocked"
	Since  int64  `json:"since_ms"`
}
