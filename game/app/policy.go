package app

import (
	"time"

	"loumiao/framework/node"
	"loumiao/game/area"
	"loumiao/game/policy"
	"loumiao/game/store/account"
)

// policy is who says who may play and pay, for every type of node that asks; nil: everybody may. A team with rules of its own returns them here.
func (p *process) policy() policy.Open {
	if !p.cfg.Policy.Enabled {
		return nil
	}
	return func(n *node.Node) (policy.Set, error) {
		sql, err := n.Stores().SQL("account")
		if err != nil {
			return policy.Set{}, err
		}
		key, err := p.cfg.made().key("person", p.cfg.Policy.PersonKey.Reveal())
		if err != nil {
			return policy.Set{}, err
		}
		calendars, err := area.NewCalendars(p.cfg.Areas)
		if err != nil {
			return policy.Set{}, err
		}
		return policy.NewSample(p.cfg.Policy, key, account.New(sql, n.IDs(), time.Now), calendars, time.Now).Set(), nil
	}
}
