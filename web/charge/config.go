package charge

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"loumiao/framework/config"
	"loumiao/web/httpserver"
)

// minKey is the shortest key of the sandbox that is taken, in bytes.
const minKey = 16

// Config is what can be configured of a charge node.
type Config struct {
	httpserver.Config `yaml:",inline"`

	Public      string        `yaml:"public" doc:"URL under which players' browsers reach this server; empty: http:// and the address listened on"`
	ExpireAfter time.Duration `yaml:"expire_after" min:"1m" max:"24h" doc:"how long an order can be paid; by Stripe for half an hour at least"`
	OpenOrders  int           `yaml:"open_orders" min:"1" max:"100" doc:"unpaid orders of one player at once"`
	PerMinute   int           `yaml:"orders_per_minute" min:"1" max:"1000" doc:"orders that a player may make in a minute"`
	Sandbox     SandboxConfig `yaml:"sandbox"`
	Stripe      StripeConfig  `yaml:"stripe"`
}

// SandboxConfig is about payments that cost nothing.
type SandboxConfig struct {
	Enabled bool          `yaml:"enabled" doc:"let everybody pay with a button, and buy from a fake app store; for development only"`
	Key     config.Secret `yaml:"key" doc:"signs the sandbox's callbacks, at least 16 characters; empty: made up by the program"`
	OldKey  config.Secret `yaml:"old_key" doc:"is accepted as well, while the key is changed"`
}

// StripeConfig is about payments by Stripe.
type StripeConfig struct {
	Key           config.Secret `yaml:"key" doc:"key of Stripe's API, sk_...; empty: no payments by Stripe"`
	WebhookKey    config.Secret `yaml:"webhook_key" doc:"whsec_..., signs Stripe's webhooks to PUBLIC/v1/callbacks/stripe"`
	OldWebhookKey config.Secret `yaml:"old_webhook_key" doc:"is accepted as well, while the webhook's key is rolled over"`
	Base          string        `yaml:"base" doc:"URL of Stripe's API"`
	Return        string        `yaml:"return" doc:"where Stripe sends the player's browser afterwards; empty: a page here that says thanks"`
}

// Defaults is a configuration that sells in the sandbox, once that is enabled.
func Defaults() Config {
	cfg := Config{
		Config:      httpserver.DefaultConfig(),
		ExpireAfter: time.Hour,
		OpenOrders:  5,
		PerMinute:   10,
		Stripe:      StripeConfig{Base: "https://api.stripe.com"},
	}
	cfg.Name = "charge"
	cfg.ListenKey = "charge.listen"
	cfg.Listen = "127.0.0.1:8081"
	cfg.BodyLimit = 256 << 10       // of a webhook
	cfg.Rate, cfg.Burst = 100, 1000 // a provider calls from few addresses
	return cfg
}

// Validate reports everything that is wrong, joined; each begins with the key.
func (c Config) Validate() error {
	errs := []error{c.Config.Validate()}
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, u := range []struct{ key, text string }{{"public", c.Public}, {"stripe.base", c.Stripe.Base}, {"stripe.return", c.Stripe.Return}} {
		if u.text != "" && !isURL(u.text) {
			bad("%s: %q; must be a URL as https://pay.example.com", u.key, u.text)
		}
	}
	stripe := c.Stripe
	if stripe.Key != "" && stripe.WebhookKey == "" {
		bad("stripe.webhook_key: needed to tell Stripe's webhooks from others'")
	}
	if stripe.Key != "" && stripe.Base == "" {
		bad("stripe.base: must not be empty")
	}
	if key := c.Sandbox.Key; key != "" && len(key) < minKey {
		bad("sandbox.key: must have at least %d characters", minKey)
	}
	if c.Sandbox.Enabled && strings.HasPrefix(stripe.Key.Reveal(), "sk_live") {
		bad("sandbox.enabled: must be off where stripe.key takes real money")
	}
	return errors.Join(errs...)
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}
