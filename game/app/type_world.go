package app

import (
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/area"
	"loumiao/game/world"
)

// TypeWorld is node type 3.
type TypeWorld struct {
	World world.Config `yaml:"world"`
}

func (t *TypeWorld) defaults() { t.World = world.Defaults() }

func (*TypeWorld) row() nodeType {
	return nodeType{
		number: 3, name: api.World, job: "one actor a player", needs: []string{api.DB, api.Queue},
		make: func(p *process, _ int) (node.Service, error) { return p.newWorld() },
	}
}

// newWorld is a world with the configured rules and days.
func (p *process) newWorld() (node.Service, error) {
	calendars, err := area.NewCalendars(p.cfg.Areas)
	if err != nil {
		return nil, err
	}
	return world.New(p.cfg.World, world.WithDesign(world.Design{Goods: p.cfg.Goods, Calendars: calendars})), nil
}
