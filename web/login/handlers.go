package login

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/game/realname"
	"loumiao/game/signin"
	"loumiao/web/httpserver"
)

// A Reply is what a client gets for a login.
type Reply struct {
	Account   int64         `json:"account,string"`
	Player    int64         `json:"player,string"`
	Area      uint16        `json:"area"`
	Token     string        `json:"token"`      // for the gate
	ExpiresIn int64         `json:"expires_in"` // seconds that Token lives
	Refresh   string        `json:"refresh"`    // for the next login, once
	Gates     []GateAddress `json:"gates"`      // the best first
}

// A GateAddress is where to connect, one way or another.
type GateAddress struct {
	TCP string `json:"tcp,omitempty"` // host:port, or tls://host:port
	WS  string `json:"ws,omitempty"`  // URL
	KCP string `json:"kcp,omitempty"` // kcp://host:port or kcps://host:port
}

func (s *Service) register(c *fiber.Ctx) error {
	var in struct {
		Name       string  `json:"name"`
		Password   string  `json:"password"`
		Area       uint16  `json:"area"`
		DeviceName string  `json:"device_name"`
		Person     *Person `json:"person"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	return s.enter(c, signin.Register{Name: in.Name, Password: in.Password, Area: in.Area}, in.DeviceName, in.Person)
}

func (s *Service) password(c *fiber.Ctx) error {
	var in struct {
		Name       string  `json:"name"`
		Password   string  `json:"password"`
		Area       uint16  `json:"area"`
		DeviceName string  `json:"device_name"`
		Person     *Person `json:"person"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	return s.enter(c, signin.Password{Name: in.Name, Password: in.Password, Area: in.Area}, in.DeviceName, in.Person)
}

func (s *Service) guest(c *fiber.Ctx) error {
	var in struct {
		Device     string  `json:"device"`
		Area       uint16  `json:"area"`
		DeviceName string  `json:"device_name"`
		Person     *Person `json:"person"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	return s.enter(c, signin.Guest{Device: in.Device, Area: in.Area}, in.DeviceName, in.Person)
}

func (s *Service) external(c *fiber.Ctx) error {
	var in struct {
		Channel    string  `json:"channel"`
		Ticket     string  `json:"ticket"`
		Area       uint16  `json:"area"`
		DeviceName string  `json:"device_name"`
		Person     *Person `json:"person"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	return s.enter(c, signin.External{Channel: in.Channel, Ticket: in.Ticket, Area: in.Area}, in.DeviceName, in.Person)
}

func (s *Service) refresh(c *fiber.Ctx) error {
	var in struct {
		Refresh string `json:"refresh"`
	}
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	return s.enter(c, signin.Refresh{Token: in.Refresh}, "", nil)
}

func (s *Service) areas(c *fiber.Ctx) error {
	return c.JSON(struct {
		Areas []signin.Area `json:"areas"`
	}{s.Rules.Areas})
}

// tables is the design tables, for clients that do not have this version yet.
func (s *Service) tables(c *fiber.Ctx) error {
	version, content := s.Tables()
	etag := `"` + version + `"`
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, "no-cache") // kept, and asked about each time
	for known := range strings.SplitSeq(c.Get(fiber.HeaderIfNoneMatch), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == etag || known == "*" {
			return c.SendStatus(fiber.StatusNotModified)
		}
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(content)
}

// A Person is who a player says to be.
type Person struct {
	Name   string `json:"name"`
	Number string `json:"number"`
}

// enter tells who is let in where to go.
func (s *Service) enter(c *fiber.Ctx, way signin.Way, device string, person *Person) error {
	var gates []GateAddress
	ticket, err := s.Rules.Enter(c.UserContext(), signin.Attempt{
		Way: way, Address: s.ClientIP(c), Device: device, Person: (*realname.Claim)(person),
		Before: func(ctx context.Context, area uint16) (err error) {
			gates, err = s.gates(ctx, area)
			return err
		},
	})
	if err != nil {
		return answerable(err)
	}
	return c.JSON(Reply{
		Account: ticket.Account, Player: ticket.Player, Area: ticket.Area, Token: ticket.Token,
		ExpiresIn: int64(ticket.ExpiresIn / time.Second), Refresh: ticket.Refresh, Gates: gates,
	})
}

// answerable has a throttled client told when to come back.
func answerable(err error) error {
	var throttled *signin.Throttled
	if errors.As(err, &throttled) {
		return &httpserver.Retry{After: throttled.After, Err: throttled.Err}
	}
	return err
}
