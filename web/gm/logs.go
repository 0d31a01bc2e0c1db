package gm

import (
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/store/operator"
)

func (s *Service) logPages() []page {
	return []page{{path: "/logs", title: "Game log", search: true, role: operator.Viewer, view: s.logs}}
}

// logged is how many records a page has.
const logged = 50

// logTime is how browsers send the time of a field of type datetime-local. It is read as UTC.
const logTime = "2006-01-02T15:04"

// A logsView is records of the game's log, the newest first.
type logsView struct {
	Player int64               `json:"player,string"` // 0: of all
	Kind   string              `json:"kind"`          // "": all of the player
	Kinds  []string            `json:"kinds"`
	From   string              `json:"from"`
	To     string              `json:"to"`
	Asked  bool                `json:"asked"` // a player or a kind was given
	List   []command.LogRecord `json:"records"`
	Next   string              `json:"next"` // to be given as after; "": there is nothing more
}

// logs looks for records by player, kind and time. Without a player or a kind there are none: that would be everything of a day.
func (s *Service) logs(c *fiber.Ctx) (any, error) {
	view := logsView{
		Kind: strings.TrimSpace(c.Query("kind")), From: c.Query("from"), To: c.Query("to"), Kinds: []string{api.LogEconomy, api.LogBattle},
		List: []command.LogRecord{},
	}
	find := command.LogsArgs{Kind: view.Kind, Limit: logged}
	if text := strings.TrimSpace(c.Query("player")); text != "" {
		if _, err := fmt.Sscanf(text+"\n", "%d\n", &view.Player); err != nil || view.Player < 1 {
			return view, fault.New(fault.Invalid, "player: must be the number of one")
		}
		find.Player = view.Player
	}
	for _, bound := range []struct {
		name, text string
		ms         *int64
	}{{"from", view.From, &find.From}, {"to", view.To, &find.To}} {
		if bound.text == "" {
			continue
		}
		at, err := time.Parse(logTime, bound.text)
		if err != nil {
			return view, fault.Errorf(fault.Invalid, "%s: must be a time such as 2026-01-31T18:00", bound.name)
		}
		*bound.ms = at.UnixMilli()
	}
	if after := c.Query("after"); after != "" {
		find.After = new(command.LogEnd)
		if _, err := fmt.Sscanf(after+"\n", "%d-%d-%d\n", &find.After.Player, &find.After.ID, &find.After.At); err != nil {
			return view, fault.New(fault.Invalid, "after: must be what the page before has said")
		}
	}
	if view.Asked = find.Player != 0 || find.Kind != ""; !view.Asked {
		return view, nil
	}
	found, err := ask[command.LogPage](c, s, command.Logs, find)
	if err != nil {
		return view, err
	}
	view.List = found.Records
	if n := found.Next; n != nil {
		view.Next = fmt.Sprintf("%d-%d-%d", n.Player, n.ID, n.At)
	}
	return view, nil
}
