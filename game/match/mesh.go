package match

import (
	"context"
	"time"

	"loumiao/framework/id"
	"loumiao/game/api"
)

// A mesh is whom a match node talks to: zones, and the owners of players.
type mesh interface {
	// Pick chooses a zone for a room.
	Pick(area api.Area) (zone id.Node, ok bool)
	// Alive reports whether the zone is in the cluster.
	Alive(zone id.Node) bool
	// HasRoom asks m.Zone whether it has the match's room, with a battle that is not over or whose result is on its way.
	HasRoom(ctx context.Context, m Match) (bool, error)
	// CreateRoom has m.Zone make the match's room. A second time it changes nothing.
	CreateRoom(ctx context.Context, m Match) error
	// FillSeat has m.Zone keep m.Place for the player of the fill, and says who has the room's seats then. A second time it changes nothing.
	FillSeat(ctx context.Context, m Match) (seated []int64, err error)
	// Proposed asks the owner of the ticket's player whether he accepts the match, for which he has so long; 0 tells him that the match came to nothing and he waits again.
	Proposed(ctx context.Context, m Match, t Ticket, within time.Duration) error
	// Ready asks the owner of a player whether he can play now, and how good he is.
	Ready(ctx context.Context, player api.PlayerID) (rating int32, err error)
	// News tells the owner of a player something about his party.
	News(ctx context.Context, n news) error
	// Matched tells the owner of the ticket's player which match it is in.
	Matched(ctx context.Context, m Match, t Ticket) error
	// Unmatched tells the owner of the ticket's player that it ended without a match.
	Unmatched(ctx context.Context, t Ticket, reason string) error
}
