package gm

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/game/command"
	"loumiao/game/store/operator"
)

// acts is everything that can be done, which role it needs, and whether it needs a reason.
func (s *Service) acts() []act {
	player := field{name: "player", label: "Player", kind: number}
	letter := []field{
		{name: "sender", label: "Sender", kind: line}, {name: "subject", label: "Subject", kind: line}, {name: "body", label: "Text", kind: block},
		{name: "wallet", label: "Currencies, one a line: gold 100", kind: amounts}, {name: "items", label: "Items, one a line: potion 2", kind: amounts},
		{name: "days", label: "Days until it is deleted", kind: number},
	}
	return []act{
		{
			name: "kick", title: "Kick", role: operator.Support, reason: true, target: "player", fields: []field{player}, state: s.playerState,
			do: commanded(s, command.Kick, func(v *values) any { return command.KickArgs{Player: v.number("player")} }),
		},
		{
			name: "mute", title: "Mute", role: operator.Support, reason: true, target: "player", state: s.playerState,
			fields: []field{player, {name: "minutes", label: "Minutes; 0 lets him speak again", kind: number}},
			do: commanded(s, command.Mute, func(v *values) any {
				return command.MuteArgs{Player: v.number("player"), Seconds: v.bounded("minutes", maxMinutes) * 60}
			}),
		},
		{
			name: "grant", title: "Give or take", role: operator.Admin, reason: true, target: "player", state: s.playerState,
			fields: []field{player, {name: "wallet", label: "Currencies, one a line: gold -100", kind: amounts}, {name: "items", label: "Items, one a line: potion 2", kind: amounts}},
			do: commanded(s, command.Grant, func(v *values) any {
				return command.GrantArgs{Player: v.number("player"), Wallet: v.amounts("wallet"), Items: v.amounts("items")}
			}),
		},
		{
			name: "mail", title: "Send mail", role: operator.Support, reason: true, target: "player", fields: append([]field{player}, letter...),
			do: commanded(s, command.SendMail, func(v *values) any { return command.MailArgs{Player: v.number("player"), Letter: letterOf(v)} }),
		},
		{
			name: "broadcast", title: "Broadcast", role: operator.Admin, reason: true, target: "area", preview: command.Preview,
			fields: append([]field{
				{name: "area", label: "Area; 0 is all", kind: number}, {name: "min_level", label: "From level; 0 is no bound", kind: number},
				{name: "max_level", label: "To level; 0 is no bound", kind: number},
			}, letter...),
			do: commanded(s, command.Broadcast, func(v *values) any {
				return command.BroadcastArgs{
					Area: v.area("area"), MinLevel: v.level("min_level"), MaxLevel: v.level("max_level"), Letter: letterOf(v),
				}
			}),
		},
		{
			name: "maintenance", title: "Maintenance", role: operator.Admin, reason: true, target: "area",
			fields: []field{
				{name: "area", label: "Area; 0 is all", kind: number}, {name: "on", label: "Nobody new is let in", kind: yes},
				{name: "notice", label: "What players are told", kind: line}, {name: "end", label: "Planned end, as 2026-01-31T12:00:00Z", kind: line},
			},
			do: commanded(s, command.Maintenance, func(v *values) any {
				return command.MaintenanceArgs{Area: v.area("area"), On: v.yes("on"), Notice: v.text("notice"), End: v.text("end")}
			}),
		},
		{
			name: "invite", title: "Invite an operator", role: operator.Admin, reason: true, target: "role",
			fields: []field{{name: "role", label: "Role", kind: role}}, do: s.invite,
		},
		{
			name: "operator", title: "Change an operator", role: operator.Admin, reason: true, target: "name", state: s.operatorState,
			fields: []field{{name: "name", label: "Name", kind: line}, {name: "role", label: "Role", kind: role}, {name: "disabled", label: "May not log in", kind: yes}},
			do:     s.change,
		},
	}
}

// maxMinutes is how long an operator may mute: a year.
const maxMinutes = 365 * 24 * 60

// maxDays is how long a mail may be kept.
const maxDays = 3650

// letterOf is a mail. What is given in days from now is the same however often a command is submitted: it is computed once, before.
func letterOf(v *values) command.Letter {
	l := command.Letter{Sender: v.text("sender"), Subject: v.text("subject"), Body: v.text("body"), Wallet: v.amounts("wallet"), Items: v.amounts("items")}
	if days := v.bounded("days", maxDays); days > 0 {
		l.Expires = time.Now().Add(time.Duration(days) * 24 * time.Hour).UnixMilli()
	}
	return l
}

// invited is an invitation: whoever has its link becomes an operator.
type invited struct {
	Link string `json:"link"`
}

func (invited) secret() {}

func (s *Service) invite(ctx context.Context, _ deed, v *values) (any, error) {
	token, err := s.Operators.Invite(ctx, operator.Role(v.text("role")))
	return invited{joinLink(s.Public(), token)}, err
}

func (s *Service) change(ctx context.Context, _ deed, v *values) (any, error) {
	return nil, s.Operators.Change(ctx, v.text("name"), operator.Role(v.text("role")), v.yes("disabled"))
}

// playerState is what an act on a player may change: not his history.
func (s *Service) playerState(c *fiber.Ctx, v *values) (any, error) {
	found, err := s.lookUp(c, command.LookUpArgs{Player: v.number("player")})
	if err != nil {
		return nil, err
	}
	found.Ledger, found.Mails, found.Matches = nil, nil, nil
	return found, nil
}

func (s *Service) operatorState(c *fiber.Ctx, v *values) (any, error) {
	return s.Operators.Find(c.UserContext(), v.text("name"))
}
