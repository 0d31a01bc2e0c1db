package app

import (
	"time"

	"loumiao/framework/node"
	"loumiao/game/gate"
	"loumiao/game/token"
	"loumiao/web/login"
)

// tokenLeeway is how far the clocks of two machines may be apart.
const tokenLeeway = 5 * time.Second

func (p *process) newGate(index int) (node.Service, error) {
	return gate.New(p.cfg.Gate, token.NewVerifier(p.keys.verifying, time.Now, tokenLeeway), index), nil
}
