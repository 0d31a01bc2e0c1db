package app

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"loumiao/configs"
	"loumiao/framework/config"
	"loumiao/framework/node"
	"loumiao/game/account"
	"loumiao/game/area"
	"loumiao/game/gate"
	"loumiao/game/public"
	"loumiao/game/signin"
	"loumiao/game/token"
	"loumiao/web/charge"
	"loumiao/web/keypoint"
	"loumiao/web/login"
)

// tokenLeeway is how far the clocks of two machines may be apart.
const tokenLeeway = 5 * time.Second

func (p *process) newGate(index int) (node.Service, error) {
	return gate.New(p.cfg.Gate, token.NewVerifier(p.keys.verifying, time.Now, tokenLeeway), index), nil
}

func (p *process) newLogin(index int) (node.Service, error) {
	rules, err := p.signin()
	return login.NewNode(p.cfg.Login, rules, token.NewVerifier(p.keys.verifying, time.Now, tokenLeeway), index), err
}

func (p *process) newAccount() (node.Service, error) {
	rules, err := p.signin()
	return account.New(p.cfg.Account, rules), err
}

// signin is the rules of logging in, for every type of node that lets players in.
func (p *process) signin() (signin.Config, error) {
	if p.keys.signing == nil {
		return signin.Config{}, errors.New("keys.token_private: nodes that let players in need it, to sign tokens")
	}
	channels, err := p.cfg.Channels.Open()
	if err != nil {
		return signin.Config{}, err
	}
	keyID := token.KeyID(p.keys.signing.Public().(ed25519.PublicKey))
	return signin.Config{
		Areas: p.cfg.Login.Areas, Throttle: p.cfg.Login.Throttle, RefreshTTL: p.cfg.Token.Refresh, Channels: channels,
		Tokens: token.NewSigner(p.keys.signing, keyID, p.cfg.Token.TTL, time.Now),
	}, nil
}

func (p *process) newCharge(index int) node.Service {
	cfg := p.cfg.Charge
	if cfg.Sandbox.Key == "" {
		cfg.Sandbox.Key = config.Secret(p.keys.sandbox)
	}
	return charge.NewNode(cfg, token.NewVerifier(p.keys.verifying, time.Now, tokenLeeway), nil, index)
}

// newKeypoint takes the events that are declared in the file that is configured, or else in the built-in one.
func (p *process) newKeypoint(index int) (node.Service, error) {
	text := configs.Events
	if file := p.cfg.Keypoint.Schemas; file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("keypoint.schemas: %w", err)
		}
	}
	schemas, err := keypoint.ParseSchemas(text)
	if err != nil {
		return nil, fmt.Errorf("keypoint.schemas: %w", err)
	}
	return keypoint.NewNode(p.cfg.Keypoint, schemas, index), nil
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
