package app

import (
	"loumiao/framework/node"
	"loumiao/game/account"
	"loumiao/game/api"
)

// TypeAccount is node type 2.
type TypeAccount struct {
	Account account.Config `yaml:"account"`
}

func (t *TypeAccount) defaults() { t.Account = account.Defaults() }

func (*TypeAccount) row() nodeType {
	return nodeType{
		number: 2, name: api.Account, job: "log in over the game protocol", stores: []string{"account"},
		make: func(p *process, _ int) (node.Service, error) {
			rules, err := p.signin()
			return account.New(p.cfg.Account, rules), err
		},
	}
}
