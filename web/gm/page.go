package gm

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/game/store/operator"
)

// A page shows something. The same stands as JSON under /api.
type page struct {
	path, title string
	template    string // "": as the path is called
	under       string // the page of the menu that it belongs to; "": it stands there itself
	role        operator.Role
	search      bool // it has a form to look for something, which is shown again when that is wrong or not there
	view        func(c *fiber.Ctx) (any, error)
}

// pages is every page, in the order of the menu.
func (s *Service) pages() []page {
	return slices.Concat([]page{{path: "/", title: "Overview", template: "overview", role: operator.Viewer, view: s.overview}},
		s.nodePages(), s.playerPages(), s.logPages(), s.queuePages(), s.xrayPages(), s.settingPages(), s.chartPages(), s.accessPages())
}

func (s *Service) sendView(c *fiber.Ctx, p page) error {
	view, err := p.view(c)
	if err != nil {
		return err
	}
	return c.JSON(view)
}

func (s *Service) showPage(c *fiber.Ctx, _ operator.Session, p page) error {
	if p.template == "" {
		p.template = strings.TrimPrefix(p.path, "/")
	}
	view, err := p.view(c)
	if code := fault.CodeOf(err); p.search && (code == fault.Invalid || code == fault.NotFound) {
		return s.wrong(c, p.template, p.title, view, err)
	}
	if err != nil {
		return err
	}
	return s.render(c, p.template, p.title, view)
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
