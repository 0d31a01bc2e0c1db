package app

import (
	"loumiao/framework/node"
	"loumiao/game/area"
	"loumiao/game/db"
	"loumiao/game/world"
)

// newDB is a db that knows what bags hold.
func (p *process) newDB() node.Service { return db.New(db.WithSlots(p.cfg.Goods.Slots)) }

// newWorld is a world with the configured rules and days.
func (p *process) newWorld() (node.Service, error) {
	calendars, err := area.NewCalendars(p.cfg.Areas)
	if err != nil {
		return nil, err
	}
	return world.New(p.cfg.World, world.WithDesign(world.Design{Goods: p.cfg.Goods, Calendars: calendars})), nil
}
