package world

import (
	"time"

	"loumiao/game/api"
)

// WithClock has the world live by another clock.
func WithClock(now func() time.Time) Option { return func(w *World) { w.now = now } }

// NewDay has the player look at the day, as he does when one begins.
func (w *World) NewDay(player int64, since int64) error {
	return w.players.Tell(api.PlayerID(player), &newDay{since})
}
