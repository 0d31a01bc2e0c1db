package login

import (
	"github.com/gofiber/fiber/v2"

	"loumiao/game/signin"
	"loumiao/game/store/account"
	"loumiao/web/httpserver"
)

// An Identity is a way to log in to an account, as its owner sees it.
type Identity struct {
	Kind    string `json:"kind"`    // "password", "device" or a channel's name
	Display string `json:"display"` // such as the name; empty for a device
	Since   int64  `json:"since_ms,string"`
}

func (s *Service) identities(c *fiber.Ctx) error {
	acc, err := s.owner(c)
	if err != nil {
		return err
	}
	return known(c)(s.Binder.List(c.UserContext(), acc))
}

// bind adds a way to log in: to a guest's account, its first that outlives the device.
func (s *Service) bind(c *fiber.Ctx) error {
	acc, err := s.owner(c)
	if err != nil {
		return err
	}
	var in struct {
		Kind   string `json:"kind"`
		Name   string `json:"name"`   // of a password
		Secret string `json:"secret"` // the password, the device's secret, or the channel's ticket
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	list, err := s.Binder.Bind(c.UserContext(), acc, in.Kind, signin.Proof{Name: in.Name, Secret: in.Secret})
	return known(c)(list, answerable(err))
}

func (s *Service) unbind(c *fiber.Ctx) error {
	acc, err := s.owner(c)
	if err != nil {
		return err
	}
	return known(c)(s.Binder.Unbind(c.UserContext(), acc, c.Params("kind")))
}

func known(c *fiber.Ctx) func([]account.Identity, error) error {
	return func(list []account.Identity, err error) error {
		if err != nil {
			return err
		}
		reply := struct {
			Identities []Identity `json:"identities"`
		}{make([]Identity, len(list))}
		for i, l := range list {
			reply.Identities[i] = Identity{l.Kind, l.Display, millis(l.Since)}
		}
		return c.JSON(reply)
	}
}
