package app

import (
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/match"
)

// TypeMatch is node type 13.
type TypeMatch struct {
	Match match.Config `yaml:"match"`
}

func (t *TypeMatch) defaults() {
	t.Match = match.Config{}.WithDefaults()
	t.Match.Modes = nil // those of the design tables
}

func (*TypeMatch) row() nodeType {
	return nodeType{
		number: 13, name: api.Match, job: "matchmaking", needs: []string{api.Zone},
		modes: func(cfg Config, m *modes) {
			for name, mode := range cfg.Match.Modes {
				if mode.Backfill {
					m.backfill[name] = "match.modes." + name + ".backfill"
				}
			}
		},
		make: func(p *process, _ int) (node.Service, error) { return match.New(p.cfg.Match), nil },
	}
}
