package gm

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"loumiao/game/store/operator"
)

// toldActs is how many acts on a player stand in his timeline.
const toldActs = 50

// told is what operators did to a target, the newest first, for who may read the audit: to others there is nothing. Acts that failed are left out.
func (s *Service) told(c *fiber.Ctx, target string, limit int) (list []operator.Entry, err error) {
	if who, _ := c.Locals(whoKey).(operator.Session); !who.Operator.Role.Covers(auditRole) {
		return nil, nil
	}
	entries, err := s.Operators.Audit(c.UserContext(), 0, operator.Filter{Target: target}, limit)
	for _, e := range entries {
		if e.Outcome != operator.Failed {
			list = append(list, e)
		}
	}
	return list, err
}

// why is who did the last act to a target, and why, in words; "" if nobody did or who asks may not read the audit.
func (s *Service) why(c *fiber.Ctx, target string) (string, error) {
	const near = 10 // acts, of which the last did not fail
	acts, err := s.told(c, target, near)
	if err != nil || len(acts) == 0 {
		return "", err
	}
	return inWords(acts[0]), nil
}

func inWords(e operator.Entry) string {
	text := fmt.Sprintf("%s by %s: %s", e.Act, e.Operator, e.Reason)
	if e.Outcome == operator.Unknown {
		text += " (nobody knows whether it was done)"
	}
	return text
}
