package app

import (
	"encoding/hex"
	"errors"

	"loumiao/framework/config"
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/robot"
	"loumiao/web/charge"
)

// TypeCharge is node type 16.
type TypeCharge struct {
	Charge charge.Config `yaml:"charge"`
}

func (t *TypeCharge) defaults() { t.Charge = charge.Defaults() }

func (*TypeCharge) row() nodeType {
	return nodeType{
		number: 16, name: api.Charge, job: "orders, payments, delivery", needs: []string{api.DB}, stores: []string{"order", "account"},
		make: func(p *process, index int) (node.Service, error) { return p.newCharge(index) },
		robots: func(cfg Config, r *robot.Config) {
			if r.Charge == "" && cfg.Pod.Nodes[api.Charge] > 0 && cfg.Charge.Sandbox.Enabled {
				r.Charge = "http://" + cfg.Charge.Listen
			}
		},
		production: func(cfg Config) error {
			if cfg.Charge.Sandbox.Enabled {
				return errors.New("charge.sandbox.enabled: must be off in production: it gives everything away for nothing")
			}
			return nil
		},
	}
}

// newCharge has the payment sandbox sign with a key of its own, if there is a sandbox and no key was given.
func (p *process) newCharge(index int) (node.Service, error) {
	cfg := p.cfg.Charge
	if cfg.Sandbox.Enabled && cfg.Sandbox.Key == "" {
		secret, err := p.cfg.made().key("charge_sandbox", "")
		if err != nil {
			return nil, err
		}
		cfg.Sandbox.Key = config.Secret(hex.EncodeToString(secret))
	}
	return charge.NewNode(cfg, p.verifier(), p.policy(), index), nil
}
