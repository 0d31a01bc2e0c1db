package app

import (
	"crypto/ed25519"
	"errors"
	"time"

	"loumiao/game/signin"
	"loumiao/game/token"
)

// tokenLeeway is how far the clocks of two machines may be apart.
const tokenLeeway = 5 * time.Second

// verifier accepts the tokens of this stack's players.
func (p *process) verifier() *token.Verifier {
	return token.NewVerifier(p.keys.verifying, time.Now, tokenLeeway)
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
		Policy: p.policy(),
		Tokens: token.NewSigner(p.keys.signing, keyID, p.cfg.Token.TTL, time.Now),
	}, nil
}
