package gm

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/operator"
)

func (s *Service) accessPages() []page {
	return []page{
		{path: "/audit", title: "Audit", role: auditRole, view: s.audit},
		{path: "/operators", title: "Operators", role: operator.Admin, view: s.operators},
		{path: "/me", title: "My access", role: operator.Viewer, view: s.me},
	}
}

// auditRole is whose the audit is to read.
const auditRole = operator.Support

// audited is how many entries a page of the audit has.
const audited = 50

type auditView struct {
	Filter  operator.Filter  `json:"filter"`
	Entries []operator.Entry `json:"entries"`
	Next    int64            `json:"next,string"` // to be given as before; 0: there are no more
}

func (s *Service) audit(c *fiber.Ctx) (any, error) {
	view := auditView{Filter: operator.Filter{Target: c.Query("target"), Operator: c.Query("operator"), Act: c.Query("act")}}
	var err error
	view.Entries, err = s.Operators.Audit(c.UserContext(), queryNumber(c, "before"), view.Filter, audited)
	if len(view.Entries) == audited {
		view.Next = view.Entries[audited-1].ID
	}
	return view, err
}

// An accessView is operators, and what they are logged in with.
type accessView struct {
	Operators []operator.Operator `json:"operators"`
	Access    []operator.Access   `json:"access"`
	This      string              `json:"this"`          // the session that asks
	Why       map[string]string   `json:"why,omitempty"` // by name: the last that was done to operators who may not log in
}

func (s *Service) operators(c *fiber.Ctx) (any, error) {
	who, _ := c.Locals(whoKey).(operator.Session)
	list, err := s.Operators.List(c.UserContext())
	if err != nil {
		return nil, err
	}
	view := accessView{Operators: list, This: who.ID(), Why: map[string]string{}}
	for _, op := range list {
		if op.Disabled || op.Reset {
			if view.Why[op.Name], err = s.why(c, "name "+op.Name); err != nil {
				return nil, err
			}
		}
	}
	view.Access, err = s.Operators.Access(c.UserContext(), "")
	return view, err
}

func (s *Service) me(c *fiber.Ctx) (any, error) {
	who, _ := c.Locals(whoKey).(operator.Session)
	access, err := s.Operators.Access(c.UserContext(), who.Operator.Name)
	return accessView{Operators: []operator.Operator{who.Operator}, Access: access, This: who.ID()}, err
}

func (s *Service) accessActs() []act {
	name := field{name: "name", label: "Operator", kind: line, must: true}
	all, mine := link{"/operators", "Operators"}, link{"/me", "My access"}
	session := field{name: "id", label: "Session or token", kind: line, must: true}
	return []act{
		{
			name: "invite", title: "Invite an operator", role: operator.Admin, reason: true, person: true, target: "role", back: all,
			about:  "Makes a link, shown once and good for an hour, with which somebody becomes an operator.",
			fields: []field{{name: "role", label: "Role", kind: role}}, do: s.invite,
		},
		{
			name: "operator", title: "Change an operator", role: operator.Admin, reason: true, danger: true, person: true, target: "name", back: all, state: s.operatorState,
			fields: []field{name, {name: "role", label: "Role", kind: role}, {name: "disabled", label: "May not log in", kind: yes}},
			do:     s.change,
		},
		{
			name: "reset", title: "Reset an operator's login", role: operator.Admin, reason: true, danger: true, person: true, target: "name", back: all, state: s.operatorState,
			about:  "For one who has lost his phone, or whose password others may know. He is out at once, and so are his scripts, until he has used the link that is shown once.",
			fields: []field{name}, do: s.reset,
		},
		{
			name: "token", title: "Make a token", role: operator.Viewer, person: true, target: "label", back: mine,
			about: "For scripts of yours, which bring it as Authorization: Bearer TOKEN. It is shown once.",
			fields: []field{
				{name: "label", label: "What it is for", kind: line, must: true}, {name: "role", label: "The most that it may do", kind: role},
				{name: "days", label: "Days that it lasts", kind: number, must: true},
			},
			do: s.issue,
		},
		{
			name: "end", title: "End my session or token", role: operator.Viewer, target: "id", back: mine, fields: []field{session},
			do: func(ctx context.Context, d deed, v *values) (any, error) {
				return nil, s.table(d).EndAccess(ctx, v.text("id"), d.author)
			},
		},
		{
			name: "end_any", title: "End a session or token", role: operator.Admin, reason: true, danger: true, target: "id", back: all, fields: []field{session},
			do: func(ctx context.Context, d deed, v *values) (any, error) {
				return nil, s.table(d).EndAccess(ctx, v.text("id"), "")
			},
		},
	}
}

func (s *Service) change(ctx context.Context, d deed, v *values) (any, error) {
	return nil, s.table(d).Change(ctx, v.text("name"), operator.Role(v.text("role")), v.yes("disabled"))
}

// reset is done by another: whoever has found a session open would otherwise have the operator.
func (s *Service) reset(ctx context.Context, d deed, v *values) (any, error) {
	if v.text("name") == d.author {
		return nil, fault.New(fault.FailedPrecondition, "another admin has to reset you")
	}
	token, err := s.table(d).Reset(ctx, v.text("name"))
	return invited{joinLink(s.Public(), token)}, err
}

// issued is a token, for whoever made it.
type issued struct {
	Token string `json:"token"`
}

func (issued) secret() {}

func (s *Service) issue(ctx context.Context, d deed, v *values) (any, error) {
	ttl := time.Duration(v.bounded("days", maxDays)) * 24 * time.Hour
	if err := v.err(); err != nil {
		return nil, err
	}
	token, err := s.table(d).IssueToken(ctx, d.author, v.text("label"), operator.Role(v.text("role")), d.address, ttl)
	return issued{token}, err
}

func (s *Service) operatorState(c *fiber.Ctx, v *values) (any, error) {
	return s.Operators.Find(c.UserContext(), v.text("name"))
}
