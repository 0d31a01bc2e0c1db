package app

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"time"

	"loumiao/framework/config"
	"loumiao/framework/node"
	"loumiao/game/area"
	"loumiao/game/gate"
	"loumiao/game/public"
	"loumiao/game/token"
	"loumiao/web/charge"
	"loumiao/web/login"
)

// tokenLeeway is how far the clocks of two machines may be apart.
const tokenLeeway = 5 * time.Second

func (p *process) newGate(index int) (node.Service, error) {
	return gate.New(p.cfg.Gate, token.NewVerifier(p.keys.verifying, time.Now, tokenLeeway), index), nil
}

func (p *process) newLogin(index int) (node.Service, error) {
	if p.keys.signing == nil {
		return nil, errors.New("keys.token_private: a login node needs it, to sign tokens")
	}
	keyID := token.KeyID(p.keys.signing.Public().(ed25519.PublicKey))
	signer := token.NewSigner(p.keys.signing, keyID, p.cfg.Token.TTL, time.Now)
	return login.NewNode(p.cfg.Login, signer, p.cfg.Token.Refresh, index), nil
}

func (p *process) newCharge(index int) node.Service {
	cfg := p.cfg.Charge
	if cfg.Sandbox.Key == "" {
		cfg.Sandbox.Key = config.Secret(p.keys.sandbox)
	}
	return charge.NewNode(cfg, token.NewVerifier(p.keys.verifying, time.Now, tokenLeeway), nil, index)
}

// newPublic is for the areas that players can choose, and those that have a calendar. Further commands and jobs are given to it here.
func (p *process) newPublic() (node.Service, error) {
	calendars, err := area.NewCalendars(p.cfg.Areas)
	if err != nil {
		return nil, err
	}
	var areas []uint16
	for _, a := range p.cfg.Login.Areas {
		areas = append(areas, a.ID)
	}
	for _, a := range p.cfg.Areas {
		areas = append(areas, a.ID)
	}
	slices.Sort(areas)
	return public.New(p.cfg.Public, slices.Compact(areas), calendars), nil
}
