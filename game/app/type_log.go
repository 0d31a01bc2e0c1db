package app

import (
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/log"
)

// TypeLog is node type 6.
type TypeLog struct {
	GameLog log.Config `yaml:"game_log"`
}

func (t *TypeLog) defaults() { t.GameLog = log.Defaults() }

func (*TypeLog) row() nodeType {
	return nodeType{
		number: 6, name: api.Log, job: "the game's log", stores: []string{"log"},
		make: func(p *process, _ int) (node.Service, error) { return log.New(p.cfg.GameLog), nil },
	}
}
