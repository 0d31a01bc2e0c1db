package app

import (
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/gate"
)

// TypeGate is node type 1.
type TypeGate struct {
	Gate gate.Config `yaml:"gate"`
}

func (t *TypeGate) defaults() { t.Gate = gate.Defaults() }

func (*TypeGate) row() nodeType {
	return nodeType{
		number: 1, name: api.Gate, job: "clients' connections", needs: []string{api.Queue, api.World},
		make: func(p *process, index int) (node.Service, error) {
			return gate.New(p.cfg.Gate, p.verifier(), index), nil
		},
	}
}
