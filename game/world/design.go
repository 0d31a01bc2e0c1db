package world

import (
	"loumiao/game/area"
	"loumiao/game/goods"
	"loumiao/game/tables"
)

// A Design is what the world knows of the game's rules and days that do not change while it runs. What does is in the design tables, of which every
// operation takes one version at its beginning, and keeps to it.
type Design struct {
	Goods     goods.Config // valid
	Calendars *area.Calendars
}

// An Option is what a world can be told beyond its configuration.
type Option func(*World)

// WithDesign replaces the sample game's rules, and its days, which are UTC.
func WithDesign(d Design) Option { return func(w *World) { w.design = d } }

// WithTables has the world ask get for the design tables, and not the configuration centre.
func WithTables(get func() *tables.Tables) Option { return func(w *World) { w.tables = get } }

// sample is the sample game's design.
func sample() Design {
	calendars, _ := area.NewCalendars(nil) // which cannot be wrong
	return Design{Goods: goods.Defaults(), Calendars: calendars}
}
