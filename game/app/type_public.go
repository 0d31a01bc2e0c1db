package app

import (
	"slices"

	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/area"
	"loumiao/game/public"
)

// TypePublic is node type 7.
type TypePublic struct {
	Public public.Config `yaml:"public"`
}

func (t *TypePublic) defaults() { t.Public = public.Defaults() }

func (*TypePublic) row() nodeType {
	return nodeType{
		number: 7, name: api.Public, job: "rankings, seasons, chat, jobs, operators' commands", needs: []string{api.DB}, stores: []string{"public", "account", "order", "keypoint", "log"}, // all but its own to erase people
		make: func(p *process, _ int) (node.Service, error) { return p.newPublic() },
	}
}

// newPublic is for the areas that players can choose, and those that have a calendar. Further commands and jobs are given to it here.
func (p *process) newPublic() (node.Service, error) {
	calendars, err := area.NewCalendars(p.cfg.Areas)
	if err != nil {
		return nil, err
	}
	var areas []uint16
	for _, a := range p.cfg.Login.Areas {
		areas = append(areas, a.ID)
	}
	for _, a := range p.cfg.Areas {
		areas = append(areas, a.ID)
	}
	slices.Sort(areas)
	return public.New(p.cfg.Public, slices.Compact(areas), calendars), nil
}
