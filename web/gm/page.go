package gm

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/store/operator"
)

// A page shows something. The same stands as JSON under /api.
type page struct {
	path, title, template string
	role                  operator.Role
	view                  func(c *fiber.Ctx) (any, error)
}

// pages is every page, in the order of the menu.
func (s *Service) pages() []page {
	return []page{
		{"/", "Overview", "overview", operator.Viewer, s.overview},
		{"/nodes", "Nodes", "nodes", operator.Viewer, s.nodes},
		{"/players", "Players", "players", operator.Viewer, s.players},
		{"/audit", "Audit", "audit", operator.Support, s.audit},
		{"/operators", "Operators", "operators", operator.Admin, s.operators},
	}
}

func (s *Service) sendView(c *fiber.Ctx, p page) error {
	view, err := p.view(c)
	if err != nil {
		return err
	}
	return c.JSON(view)
}

func (s *Service) showPage(c *fiber.Ctx, _ operator.Session, p page) error {
	view, err := p.view(c)
	if err != nil {
		return err
	}
	return s.render(c, p.template, p.title, view)
}

// A nodeView is a node as gossip sees it.
type nodeView struct {
	ID      uint16 `json:"id"`
	Type    string `json:"type"`
	Area    uint16 `json:"area"`
	State   string `json:"state"`
	Version string `json:"version"`
	Addr    string `json:"addr"`
}

func (s *Service) nodes(*fiber.Ctx) (any, error) {
	list := []nodeView{}
	for _, m := range s.Cluster.Snapshot().All() {
		if m.Node != 0 {
			list = append(list, nodeView{uint16(m.Node), m.Type, m.Area, m.State.String(), m.Version, m.Addr})
		}
	}
	return list, nil
}

// A typeView is how many nodes of a type there are.
type typeView struct {
	Type    string `json:"type"`
	Ready   int    `json:"ready"`
	Standby int    `json:"standby"`
	All     int    `json:"all"`
}

func (s *Service) overview(*fiber.Ctx) (any, error) {
	types, at := []typeView{}, map[string]int{}
	for _, m := range s.Cluster.Snapshot().All() {
		if m.Node == 0 {
			continue
		}
		i, ok := at[m.Type]
		if !ok {
			i = len(types)
			at[m.Type] = i
			types = append(types, typeView{Type: m.Type})
		}
		types[i].All++
		switch m.State {
		case cluster.Ready:
			types[i].Ready++
		case cluster.Standby:
			types[i].Standby++
		}
	}
	return types, nil
}

// A playersView is one player, if there was something to look for.
type playersView struct {
	Query  string         `json:"query"`
	Area   uint16         `json:"area"`
	Player *command.Found `json:"player"`
}

// players looks for the number or the name in q; a name is one of an area.
func (s *Service) players(c *fiber.Ctx) (any, error) {
	view := playersView{Query: strings.TrimSpace(c.Query("q")), Area: 1}
	if text := c.Query("area"); text != "" {
		area, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fault.New(fault.Invalid, "the area is not a number from 0 to 65535")
		}
		view.Area = uint16(area)
	}
	if view.Query == "" {
		return view, nil
	}
	args := command.LookUpArgs{Area: view.Area, Name: view.Query}
	if number, err := strconv.ParseInt(view.Query, 10, 64); err == nil {
		args = command.LookUpArgs{Player: number}
	}
	args.Before, _ = strconv.ParseInt(c.Query("before"), 10, 64) // what is no number is the newest
	found, err := s.lookUp(c, args)
	view.Player = found
	return view, err
}

// audited is how many entries a page of the audit has.
const audited = 50

type auditView struct {
	Target  string           `json:"target"`
	Entries []operator.Entry `json:"entries"`
	Next    int64            `json:"next,string"` // to be given as before; 0: there are no more
}

func (s *Service) audit(c *fiber.Ctx) (any, error) {
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64) // what is no number is the newest
	view := auditView{Target: c.Query("target")}
	var err error
	view.Entries, err = s.Operators.Audit(c.UserContext(), before, view.Target, audited)
	if len(view.Entries) == audited {
		view.Next = view.Entries[audited-1].ID
	}
	return view, err
}

func (s *Service) operators(c *fiber.Ctx) (any, error) { return s.Operators.List(c.UserContext()) }
