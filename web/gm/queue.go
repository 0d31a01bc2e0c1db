package gm

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/store/operator"
)

func (s *Service) queuePages() []page {
	return []page{{path: "/queue", title: "Login queue", template: "queue", search: true, role: operator.Viewer, view: s.queue}}
}

// A queueView is how an area's queue is. What is done about it is done to settings, with their diff and reason.
type queueView struct {
	Area   uint16                `json:"area"`
	Player int64                 `json:"player,string"` // of whom is asked where he stands; 0: of nobody
	State  *command.QueueState   `json:"state"`
	Since  *command.SettingValue `json:"since"` // who set the admission that holds; nil: it is the default
}

// Admissions is what admission can be changed to, and what that does.
func (queueView) Admissions() []struct{ Value, Title string } {
	return []struct{ Value, Title string }{
		{api.AdmissionOpen, "Open"}, {api.AdmissionPaused, "Pause"}, {api.AdmissionDraining, "Drain"}, {api.AdmissionClosed, "Close"},
	}
}

func (s *Service) queue(c *fiber.Ctx) (any, error) {
	var view queueView
	var err error
	if view.Area, err = areaOf(c, 1); err != nil {
		return view, err
	}
	if text := strings.TrimSpace(c.Query("player")); text != "" {
		if _, err := fmt.Sscanf(text+"\n", "%d\n", &view.Player); err != nil || view.Player < 1 {
			return view, fault.New(fault.Invalid, "player: must be the number of one")
		}
	}
	view.State, err = ask[command.QueueState](c, s, command.QueueStatus, command.QueueArgs{Area: view.Area, Player: view.Player})
	if err != nil {
		return view, err
	}
	list, err := ask[command.SettingsList](c, s, command.Settings, command.SettingsArgs{Name: "queue.admission"})
	if err != nil {
		return view, err
	}
	for _, one := range list.Settings {
		for i, value := range one.Values { // an area's own, or else that of all
			if value.Area == view.Area || value.Area == 0 && view.Since == nil {
				view.Since = &one.Values[i]
			}
		}
	}
	return view, nil
}
