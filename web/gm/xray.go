package gm

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/store/operator"
)

func (s *Service) xrayPages() []page {
	return []page{{path: "/xray", title: "Match X-ray", search: true, role: operator.Viewer, view: s.xray}}
}

// An xrayView is why a ticket does not match.
type xrayView struct {
	Player int64              `json:"player,string"` // 0: the ticket was given
	Ticket int64              `json:"ticket,string"`
	Area   uint16             `json:"area"`
	Found  *command.Explained `json:"found"` // nil: nobody was given
}

// xray looks for the ticket of a player or, by its number, of an area.
func (s *Service) xray(c *fiber.Ctx) (any, error) {
	var view xrayView
	var err error
	if view.Area, err = areaOf(c, 1); err != nil {
		return view, err
	}
	for name, into := range map[string]*int64{"player": &view.Player, "ticket": &view.Ticket} {
		if text := strings.TrimSpace(c.Query(name)); text != "" {
			if _, err := fmt.Sscanf(text+"\n", "%d\n", into); err != nil || *into < 1 {
				return view, fault.Errorf(fault.Invalid, "%s: must be the number of one", name)
			}
		}
	}
	args := command.ExplainArgs{Player: view.Player}
	switch {
	case view.Player != 0 && view.Ticket != 0:
		return view, fault.New(fault.Invalid, "give a player or a ticket, and not both")
	case view.Player == 0 && view.Ticket == 0:
		return view, nil
	case view.Ticket != 0:
		args.Ticket, args.Area = view.Ticket, view.Area
	}
	view.Found, err = ask[command.Explained](c, s, command.Explain, args)
	return view, err
}
