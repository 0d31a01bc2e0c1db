package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// A KeyPoints talks to the keypoint web. It is safe for concurrent use.
type KeyPoints struct {
	Base string       // URL of the keypoint web, as "https://events.example.com"
	Key  string       // what clients of the game write with
	HTTP *http.Client // nil: http.DefaultClient
}

// A KeyPoint is an event on a player's way.
type KeyPoint struct {
	ID     string         `json:"id"` // 8 to 36 letters, digits, '-' and '_'; kept when the event is sent again, which is stored once
	Name   string         `json:"name"`
	Player string         `json:"player"`
	At     int64          `json:"at"` // milliseconds of this side's clock, as sent is
	Fields map[string]any `json:"fields,omitempty"`
}

// A Rejection is an event that is not as it was declared. Sending it again does not help.
type Rejection struct {
	Index  int    `json:"index"` // in the batch
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// Send sends a batch. When it returns no error, the batch is durable: each event was accepted, or rejected and kept aside.
func (k KeyPoints) Send(ctx context.Context, sent int64, events []KeyPoint) (accepted int, rejected []Rejection, err error) {
	body, err := json.Marshal(map[string]any{"sent": sent, "events": events})
	if err != nil {
		return 0, nil, err
	}
	var reply struct {
		Accepted int         `json:"accepted"`
		Rejected []Rejection `json:"rejected"`
	}
	err = web{name: "keypoint web", http: k.HTTP}.do(ctx, http.MethodPost, under(k.Base, "/v1/events"), "application/json", k.Key, body, &reply)
	return reply.Accepted, reply.Rejected, err
}
