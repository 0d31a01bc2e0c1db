package gm

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/operator"
)

const sessionCookie = "gm_session"

func (s *Service) secure() bool { return strings.HasPrefix(s.Public(), "https://") }

// cookie is the name of the session's cookie. With https it is one that no other host of the domain can set.
func (s *Service) cookie() string {
	if s.secure() {
		return "__Host-" + sessionCookie
	}
	return sessionCookie
}

type loginPage struct {
	Name   string // that was given before
	Joined bool   // he comes from [Service.join]
}

func (s *Service) loginForm(c *fiber.Ctx) error {
	return s.render(c, "login", "Log in", loginPage{Joined: c.Query("joined") != ""})
}

// login begins a session under a new token, whatever cookie the browser brought. The audit names who has logged in.
func (s *Service) login(c *fiber.Ctx) error {
	ctx, address := c.UserContext(), s.ClientIP(c).String()
	name := c.FormValue("name")
	token, err := s.Operators.Login(ctx, name, c.FormValue("password"), c.FormValue("code"), address)
	if err != nil {
		_, said := fault.Outside(err)
		if fault.CodeOf(err) == fault.Internal {
			return err
		}
		s.Log.Info("a login was refused", "address", address, "why", said)
		return s.wrong(c, "login", "Log in", loginPage{Name: name}, err)
	}
	number, err := s.Operators.Begin(ctx, operator.Entry{Operator: name, Address: address, Act: "log_in"})
	if err != nil {
		return err
	}
	if err := s.Operators.End(ctx, number, operator.Result{Outcome: operator.Done}); err != nil {
		return err
	}
	s.setCookie(c, token, int(operator.AbsoluteTTL.Seconds()))
	return c.Redirect("/", fiber.StatusSeeOther)
}

func (s *Service) logout(c *fiber.Ctx, who operator.Session) error {
	if err := s.Operators.Logout(c.UserContext(), who); err != nil {
		return err
	}
	s.setCookie(c, "", -1)
	return c.Redirect("/login", fiber.StatusSeeOther)
}

func (s *Service) setCookie(c *fiber.Ctx, token string, seconds int) {
	c.Cookie(&fiber.Cookie{
		Name: s.cookie(), Value: token, Path: "/", MaxAge: seconds, HTTPOnly: true, SameSite: fiber.CookieSameSiteStrictMode,
		Secure: s.secure(),
	})
}

type joining struct {
	Token, Secret, Name string // Name is of an operator who was reset; "" of another one
	Given               string // the name that was asked for
	Role                operator.Role
}

// Title is what the page is for.
func (j joining) Title() string {
	if j.Name != "" {
		return "Set up your login again"
	}
	return "Become an operator"
}

func (s *Service) joinForm(c *fiber.Ctx) error {
	view, err := s.joining(c, c.Query("token"))
	if err != nil {
		return err
	}
	return s.render(c, "join", view.Title(), view)
}

// joining is what a link makes; [operator.ErrInvitation] if it makes nothing any more.
func (s *Service) joining(c *fiber.Ctx, token string) (joining, error) {
	i, err := s.Operators.Invitation(c.UserContext(), token)
	return joining{Token: token, Secret: i.Secret, Name: i.Operator, Role: i.Role}, err
}

func (s *Service) join(c *fiber.Ctx) error {
	ctx := c.UserContext()
	token, name := c.FormValue("token"), c.FormValue("name")
	op, err := s.Operators.Accept(ctx, token, name, c.FormValue("password"), c.FormValue("code"))
	if err != nil {
		view, gone := s.joining(c, token)
		if gone != nil || fault.CodeOf(err) == fault.Internal {
			return err
		}
		view.Given = name
		return s.wrong(c, "join", view.Title(), view, err)
	}
	number, err := s.Operators.Begin(ctx, operator.Entry{Operator: op.Name, Address: s.ClientIP(c).String(), Act: "join", Target: "operator " + op.Name})
	if err != nil {
		return err
	}
	if err := s.Operators.End(ctx, number, operator.Result{Outcome: operator.Done}); err != nil {
		return err
	}
	return c.Redirect("/login?joined=yes", fiber.StatusSeeOther)
}
