package match

import (
	"context"

	"loumiao/framework/id"
	"loumiao/game/api"
)

// A mesh is whom a match node talks to: zones, and the owners of players.
type mesh interface {
	// Pick chooses a zone for a room.
	Pick(area api.Area) (zone id.Node, ok bool)
	// Alive reports whether the zone is in the cluster.
	Alive(zone id.Node) bool
	// CreateRoom has m.Zone make the match's room. A second time it changes nothing.
	CreateRoom(ctx context.Context, m Match) error
	// Matched tells the owner of the ticket's player which match it is in.
	Matched(ctx context.Context, m Match, t Ticket) error
	// Unmatched tells the owner of the ticket's player that it ended without a match.
	Unmatched(ctx context.Context, t Ticket, reason string) error
}
