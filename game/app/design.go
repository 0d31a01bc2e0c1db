package app

import (
	"loumiao/framework/node"
	"loumiao/game/area"
	"loumiao/game/db"
	"loumiao/game/goods"
	"loumiao/game/world"
)

// newDB is a db that knows what bags hold.
func (p *process) newDB() node.Service { return db.New(db.WithItems(goods.New(p.cfg.Goods))) }

// newWorld is a world with the configured goods and days.
func (p *process) newWorld() (node.Service, error) {
	catalog := goods.New(p.cfg.Goods)
	calendars, err := area.NewCalendars(p.cfg.Areas)
	if err != nil {
		return nil, err
	}
	return world.New(p.cfg.World, world.WithDesign(world.Design{
		Items: catalog, Shop: catalog, Rewards: catalog, Fees: catalog, Calendars: calendars,
	})), nil
}
