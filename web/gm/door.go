package gm

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/operator"
)

const sessionCookie = "gm_session"

func (s *Service) loginForm(c *fiber.Ctx) error { return s.render(c, "login", "Log in", nil) }

// login begins a session under a new token, whatever cookie the browser brought. The audit names who has logged in.
func (s *Service) login(c *fiber.Ctx) error {
	ctx, address := c.UserContext(), s.ClientIP(c).String()
	name := c.FormValue("name")
	token, err := s.Operators.Login(ctx, name, c.FormValue("password"), c.FormValue("code"), address)
	if err != nil {
		if _, said := fault.Outside(err); fault.CodeOf(err) != fault.Internal {
			s.Log.Info("a login was refused", "address", address, "why", said)
		}
		return err
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
		Name: sessionCookie, Value: token, Path: "/", MaxAge: seconds, HTTPOnly: true, SameSite: fiber.CookieSameSiteStrictMode,
		Secure: strings.HasPrefix(s.Public(), "https://"),
	})
}

type joining struct {
	Token, Secret string
	Role          operator.Role
}

func (s *Service) joinForm(c *fiber.Ctx) error {
	token := c.Query("token")
	invitation, err := s.Operators.Invitation(c.UserContext(), token)
	if err != nil {
		return err
	}
	return s.render(c, "join", "Become an operator", joining{Token: token, Secret: invitation.Secret, Role: invitation.Role})
}

func (s *Service) join(c *fiber.Ctx) error {
	ctx := c.UserContext()
	op, err := s.Operators.Accept(ctx, c.FormValue("token"), c.FormValue("name"), c.FormValue("password"), c.FormValue("code"))
	if err != nil {
		return err
	}
	number, err := s.Operators.Begin(ctx, operator.Entry{Operator: op.Name, Address: s.ClientIP(c).String(), Act: "join", Target: "operator " + op.Name})
	if err != nil {
		return err
	}
	if err := s.Operators.End(ctx, number, operator.Result{Outcome: operator.Done}); err != nil {
		return err
	}
	return c.Redirect("/login", fiber.StatusSeeOther)
}
