package command

import "encoding/json"

// LogsArgs asks for records of the game's log: of a player, of a kind or both.
type LogsArgs struct {
	Player int64   `json:"player,string,omitempty"`
	Kind   string  `json:"kind,omitempty"` // "economy", "battle", "login", "logout"; empty: all of the player
	From   int64   `json:"from_ms,omitempty"`
	To     int64   `json:"to_ms,omitempty"` // before it; 0: up to now
	Limit  int32   `json:"limit,omitempty"` // at most 200; 0 is 50
	After  *LogEnd `json:"after,omitempty"` // the page behind the one that ended so; none: the first
}

// LogPage is records, the newest first. Next is where the next page begins; none: there is nothing more.
type LogPage struct {
	Records []LogRecord `json:"records"`
	Next    *LogEnd     `json:"next,omitempty"`
}

// LogEnd is the last record of a page.
type LogEnd struct {
	Player int64 `json:"player,string"`
	ID     int64 `json:"id,string"`
	At     int64 `json:"at_ms"`
}

// LogRecord is one line. Its number is that of what it is about: of an entry of the ledger, of a match.
type LogRecord struct {
	Player  int64           `json:"player,string"`
	ID      int64           `json:"id,string"`
	Kind    string          `json:"kind"`
	Area    uint16          `json:"area"`
	At      int64           `json:"at_ms"`
	Details json.RawMessage `json:"details"`
}
