package app

import (
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/robot"
	"loumiao/web/login"
)

// TypeLogin is node type 9.
type TypeLogin struct {
	Login login.Config `yaml:"login"`
}

func (t *TypeLogin) defaults() { t.Login = login.Defaults() }

func (*TypeLogin) row() nodeType {
	return nodeType{
		number: 9, name: api.Login, job: "register, log in, choose a gate", observer: true, needs: []string{api.Gate}, stores: []string{"account"},
		make: func(p *process, index int) (node.Service, error) {
			rules, err := p.signin()
			return login.NewNode(p.cfg.Login, rules, p.verifier(), index), err
		},
		robots: func(cfg Config, r *robot.Config) { r.Login = "http://" + cfg.Login.Listen },
	}
}
