package app

import (
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/config"
)

// TypeConfig is node type 11.
type TypeConfig struct {
	// Centre is the configuration centre's.
	Centre config.Config `yaml:"config"`
}

func (*TypeConfig) defaults() {}

func (*TypeConfig) row() nodeType {
	return nodeType{
		number: 11, name: api.Config, job: "configuration centre", stores: []string{"config"},
		make: func(p *process, _ int) (node.Service, error) { return config.New(p.cfg.Centre, p.schema), nil },
	}
}
