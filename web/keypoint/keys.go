package keypoint

import (
	"crypto/sha256"
	"crypto/subtle"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/time/rate"

	"loumiao/framework/fault"
	"loumiao/web/httpserver"
)

var errKey = fault.New(fault.Unauthenticated, "this key is not known")

// A keyring is the keys that clients write with. It does not change.
type keyring []*writeKey

type writeKey struct {
	app   string
	sum   [sha256.Size]byte
	limit *rate.Limiter
	daily int64
}

func newKeyring(cfg Config) keyring {
	var ring keyring
	for _, k := range cfg.Keys {
		limit := rate.NewLimiter(rate.Inf, 0)
		if k.Rate > 0 {
			limit = rate.NewLimiter(rate.Limit(k.Rate), max(cfg.Batch, int(2*k.Rate))) // a whole batch must pass at once
		}
		ring = append(ring, &writeKey{app: k.App, sum: sha256.Sum256([]byte(k.Key)), limit: limit, daily: k.Daily})
	}
	return ring
}

// of is the key of a request. It compares with all, in constant time.
func (r keyring) of(c *fiber.Ctx) (*writeKey, error) {
	text, err := httpserver.Bearer(c)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(text))
	var found *writeKey
	for _, k := range r {
		if subtle.ConstantTimeCompare(sum[:], k.sum[:]) == 1 {
			found = k
		}
	}
	if found == nil {
		return nil, errKey
	}
	return found, nil
}

// reads lets whoever has the operators' key through to h.
func (s *Service) reads(h fiber.Handler) fiber.Handler {
	want := sha256.Sum256([]byte(s.cfg.ReadKey.Reveal()))
	return func(c *fiber.Ctx) error {
		text, err := httpserver.Bearer(c)
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(text))
		if s.cfg.ReadKey == "" || subtle.ConstantTimeCompare(sum[:], want[:]) != 1 {
			return errKey
		}
		return h(c)
	}
}
