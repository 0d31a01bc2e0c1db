package login

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/game/store/account"
	"loumiao/web/httpserver"
)

// A Login is where an account is logged in, as its owner sees it.
type Login struct {
	ID         string `json:"id"`
	Way        string `json:"way"`
	DeviceName string `json:"device_name"`
	Began      int64  `json:"began_ms,string"` // 0: not known
	Used       int64  `json:"used_ms,string"`
	Expires    int64  `json:"expires_ms,string"`
}

func (s *Service) logins(c *fiber.Ctx) error {
	acc, err := s.owner(c)
	if err != nil {
		return err
	}
	return listed(c)(s.Rules.Logins(c.UserContext(), acc))
}

// endLogin ends the one that the path names, or all of them.
func (s *Service) endLogin(c *fiber.Ctx) error {
	acc, err := s.owner(c)
	if err != nil {
		return err
	}
	return listed(c)(s.Rules.EndLogin(c.UserContext(), acc, c.Params("id")))
}

// owner is the account of the bearer of a token.
func (s *Service) owner(c *fiber.Ctx) (account.ID, error) {
	text, err := httpserver.Bearer(c)
	if err != nil {
		return 0, err
	}
	claims, err := s.Tokens.Verify(text)
	if err != nil {
		return 0, err
	}
	return account.ID(claims.Account), s.Barred(c.UserContext(), claims)
}

func listed(c *fiber.Ctx) func([]account.LoginEntry, error) error {
	return func(list []account.LoginEntry, err error) error {
		if err != nil {
			return err
		}
		reply := struct {
			Logins []Login `json:"logins"`
		}{make([]Login, len(list))}
		for i, l := range list {
			reply.Logins[i] = Login{l.ID, l.Way, l.Device, millis(l.Began), millis(l.Used), millis(l.Expires)}
		}
		return c.JSON(reply)
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
