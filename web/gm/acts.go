package gm

import (
	"context"
	"slices"
	"time"

	"loumiao/game/command"
	"loumiao/game/store/operator"
)

// acts is everything that can be done, which role it needs, and whether it needs a reason.
func (s *Service) acts() []act {
	return slices.Concat(s.allActs(), s.playerActs(), s.settingActs(), s.nodeActs(), s.accessActs())
}

// allActs is what is done to many players at once.
func (s *Service) allActs() []act {
	broadcast := func(v *values) any {
		return command.BroadcastArgs{Area: v.area("area"), MinLevel: v.level("min_level"), MaxLevel: v.level("max_level"), Letter: s.letterOf(v)}
	}
	return []act{
		{
			name: "broadcast", title: "Broadcast", role: operator.Admin, reason: true, menu: true, target: "area", back: link{"/", "Overview"},
			about: "A mail to everybody who is there now. You see how many it reaches before it is sent. It cannot be taken back.",
			fields: append([]field{
				{name: "area", label: "Area; 0 is all", kind: number}, {name: "min_level", label: "From level; 0 is no bound", kind: number},
				{name: "max_level", label: "To level; 0 is no bound", kind: number},
			}, lasting(s.letterFields())...),
			preview: commanded(s, command.Preview, broadcast), do: commanded(s, command.Broadcast, broadcast),
		},
		{
			name: "maintenance", title: "Maintenance", role: operator.Admin, reason: true, danger: true, menu: true, target: "area", back: link{"/settings", "Settings"}, state: s.maintenanceState,
			about: "While it is on, nobody new is let into the area. Who is there plays on.",
			fields: []field{
				{name: "area", label: "Area; 0 is all", kind: number}, {name: "on", label: "Nobody new is let in", kind: yes},
				{name: "notice", label: "What players are told", kind: line}, {name: "end", label: "Planned end, as 2026-01-31T12:00:00Z", kind: line},
			},
			do: commanded(s, command.Maintenance, func(v *values) any {
				return command.MaintenanceArgs{Area: v.area("area"), On: v.yes("on"), Notice: v.text("notice"), End: v.text("end")}
			}),
		},
	}
}

const (
	maxMinutes = 365 * 24 * 60 // of a mute
	maxDays    = 3650          // of a ban, or for which a mail is kept
)

func (s *Service) letterFields() []field {
	return slices.Concat([]field{
		{name: "sender", label: "Sender", kind: line, must: true}, {name: "subject", label: "Subject", kind: line, must: true}, {name: "body", label: "Text", kind: block},
	}, s.goodsFields("gold 100"), []field{{name: "days", label: "Days until it is deleted", kind: number}})
}

// goodsFields is what is given, with what the design tables have of it. That nothing else is given, db sees to.
func (s *Service) goodsFields(example string) []field {
	items := func() (ids []string) {
		for _, item := range s.Tables().Items {
			ids = append(ids, item.ID)
		}
		return ids
	}
	return []field{
		{name: "wallet", label: "Currencies, one a line: " + example, kind: amounts, offers: func() []string { return s.Tables().Currencies }},
		{name: "items", label: "Items, one a line: shield 2", kind: amounts, offers: items},
	}
}

// personal is fields whose texts are about one player.
func personal(fields []field) []field {
	fields = slices.Clone(fields)
	for i := range fields {
		fields[i].personal = fields[i].kind == line || fields[i].kind == block
	}
	return fields
}

// givenBy is fields of which goods need a role: whoever may only help players may write to them, and give nothing.
func givenBy(role operator.Role, fields []field) []field {
	fields = slices.Clone(fields)
	for i := range fields {
		if fields[i].kind == amounts {
			fields[i].role = role
		}
	}
	return fields
}

// lasting is fields of a mail that must end.
func lasting(fields []field) []field {
	fields = slices.Clone(fields)
	for i := range fields {
		fields[i].must = fields[i].must || fields[i].name == "days"
	}
	return fields
}

// letterOf is a mail. What is given in days from now is the same however often a command is submitted: it is computed once, before.
func (s *Service) letterOf(v *values) command.Letter {
	l := command.Letter{Sender: v.text("sender"), Subject: v.text("subject"), Body: v.text("body"), Wallet: v.amounts("wallet"), Items: v.amounts("items")}
	if days := v.bounded("days", maxDays); days > 0 {
		l.Expires = s.Now().Add(time.Duration(days) * 24 * time.Hour).UnixMilli()
	}
	return l
}

// invited is an invitation: whoever has its link becomes an operator, or that one again.
type invited struct {
	Link string `json:"link"`
}

func (invited) secret() {}

func (s *Service) invite(ctx context.Context, d deed, v *values) (any, error) {
	token, err := s.table(d).Invite(ctx, operator.Role(v.text("role")))
	return invited{joinLink(s.Public(), token)}, err
}
