package app

import (
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/zone"
)

// TypeZone is node type 4.
type TypeZone struct {
	Zone zone.Config `yaml:"zone"`
}

func (t *TypeZone) defaults() { t.Zone = zone.Defaults() }

func (*TypeZone) row() nodeType {
	return nodeType{
		number: 4, name: api.Zone, job: "battle rooms, maps to walk on", needs: []string{api.DB},
		modes: func(cfg Config, m *modes) { m.frame = append(m.frame, cfg.Zone.FrameModes...) },
		make:  func(p *process, index int) (node.Service, error) { return zone.New(p.cfg.Zone.At(index)), nil },
	}
}
