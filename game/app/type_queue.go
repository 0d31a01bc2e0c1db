package app

import (
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/queue"
)

// TypeQueue is node type 12.
type TypeQueue struct {
	Queue queue.Config `yaml:"queue"`
}

func (t *TypeQueue) defaults() { t.Queue = queue.Config{}.WithDefaults() }

func (*TypeQueue) row() nodeType {
	return nodeType{
		number: 12, name: api.Queue, job: "login queue",
		make: func(p *process, _ int) (node.Service, error) { return queue.New(p.cfg.Queue), nil },
	}
}
