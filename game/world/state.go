package world

import (
	"encoding/json"
	"fmt"

	"loumiao/framework/fault"
	"loumiao/game/api"
)

// A State is what the game itself remembers of a player, beside what db keeps in tables of its own. It is stored as JSON with a schema
// version: to change its shape, raise Schema and add an upgrader.
//
// What it points to is replaced and never changed, so that a copy of a State is what the State was.
type State struct {
	Stats  Stats         `json:"stats"`
	Ticket api.TicketID  `json:"ticket,omitempty"` // 0 unless waiting for a match
	Match  *Match        `json:"match,omitempty"`  // nil unless in one
	Ended  []api.MatchID `json:"ended,omitempty"`  // the last matches whose end the player was told, the oldest first
	// Left is matches that the player has left for good and whose end is still to come, the oldest first. A build that forgets it may at worst bring him back into one.
	Left []api.MatchID `json:"left,omitempty"`
	// Broadcast is the last broadcast that the player was seen to have. A build that forgets it sees to it once more, to no effect.
	Broadcast int64 `json:"broadcast,omitempty"`

	// InParty is whether he is in a party, and PartyNumber the newest that is known of it, both as far as is known. A build that forgets them may show him once a party that he was in before.
	InParty     bool  `json:"in_party,omitempty"`
	PartyNumber int64 `json:"party_number,omitempty"`

	Field *Field `json:"field,omitempty"` // nil unless on one
	Spot  *Spot  `json:"spot,omitempty"`  // where he was last on one; nil: he never was
}

// Stats counts what the player has done.
type Stats struct {
	Entered   int64 `json:"entered"`
	Greetings int64 `json:"greetings"`
	Matches   int64 `json:"matches"`
	Wins      int64 `json:"wins"`
}

// Schema is the version of State that this build writes.
const Schema = 4

// upgraders[n] turns a state of schema n+1 into one of schema n+2. They are pure, and are never changed once released.
var upgraders = [Schema - 1]func(map[string]json.RawMessage) (map[string]json.RawMessage, error){
	// 1 to 2: the counters moved into "stats".
	func(old map[string]json.RawMessage) (map[string]json.RawMessage, error) {
		stats, err := json.Marshal(old)
		return map[string]json.RawMessage{"stats": stats}, err
	},
	// 2 to 3: the match that the player is in is remembered, and those that have ended. Of schema 2, nobody is in a match.
	func(old map[string]json.RawMessage) (map[string]json.RawMessage, error) { return old, nil },
	// 3 to 4: the field that the player is on is remembered, and where he was on it. Of schema 3, nobody is on one.
	func(old map[string]json.RawMessage) (map[string]json.RawMessage, error) { return old, nil },
}

// decodeState reads a stored state of any schema up to Schema. A newer one is refused: this build would lose what it does not know.
func decodeState(data []byte, schema int32) (State, error) {
	var s State
	if len(data) == 0 {
		return s, nil
	}
	if schema > Schema {
		return s, fault.Errorf(fault.Version, "this player was saved by a newer build: schema %d, and this one knows %d", schema, Schema)
	}
	if schema < 1 {
		return s, fmt.Errorf("player state has schema %d", schema)
	}
	if schema < Schema {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			return s, fmt.Errorf("player state of schema %d: %w", schema, err)
		}
		for from := schema; from < Schema; from++ {
			var err error
			if fields, err = upgraders[from-1](fields); err != nil {
				return s, fmt.Errorf("upgrade player state from schema %d: %w", from, err)
			}
		}
		var err error
		if data, err = json.Marshal(fields); err != nil {
			return s, fmt.Errorf("player state upgraded from schema %d: %w", schema, err)
		}
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("player state: %w", err)
	}
	return s, nil
}

func (s State) encode() ([]byte, error) { return json.Marshal(s) }
