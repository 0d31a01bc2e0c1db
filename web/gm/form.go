package gm

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/operator"
)

// A formView is an act's form, with what was given before.
type formView struct {
	Act, About string
	Fields     []fieldView
	Reason     bool
	Said       string // the reason
	Once       string
	Error      string
	Asks       bool // it will be asked for again
	Danger     bool
	Confirm    bool // it was asked for once
	Files      bool // a field may be given as a file
	Preview    any  // what it would do
	Back       link
}

type fieldView struct {
	field
	Value string
}

// Name, Label, Kind and Must are the field's, for templates.
func (f fieldView) Name() string  { return f.name }
func (f fieldView) Label() string { return f.label }
func (f fieldView) Kind() string  { return string(f.kind) }
func (f fieldView) Must() bool    { return f.must }

// Offers is what can be named in it.
func (f fieldView) Offers() []string {
	if f.offers == nil {
		return nil
	}
	return f.offers()
}

// Roles is what can be chosen of the kind role.
func (fieldView) Roles() []operator.Role { return operator.Roles() }

func (r *request) form() formView {
	view := formView{Act: r.act.path(), About: r.act.about, Reason: r.act.reason, Said: r.reason, Once: r.once, Asks: r.act.asks(), Danger: r.act.danger, Back: r.back()}
	if view.Once == "" {
		view.Once = newID()
	}
	for _, f := range r.act.fields {
		if f.open(r.who.Operator.Role) {
			view.Files = view.Files || f.kind == file
			view.Fields = append(view.Fields, fieldView{f, r.given.given[f.name]})
		}
	}
	return view
}

// showForm shows an act's form; what stands in the query is filled in.
func (s *Service) showForm(c *fiber.Ctx, who operator.Session, a act) error {
	r := &request{who: who, act: a, given: &values{given: map[string]string{}}}
	for _, f := range a.fields {
		if f.kind != again {
			r.given.given[f.name] = c.Query(f.name)
		}
	}
	return s.render(c, "act", a.title, r.form())
}

// A doneView is what came of an act.
type doneView struct {
	Act    string
	Back   link
	Result any
}

// Filling is what a preview adds to what was given.
type filling interface{ fill(*values) }

// objecting is a preview that says why the act cannot be done as it stands.
type objecting interface{ objections() string }

// submitForm does an act, or shows beforehand what it would do. What was wrong is said above the form, which has what was given.
func (s *Service) submitForm(c *fiber.Ctx, who operator.Session, a act) error {
	r := &request{who: who, act: a, given: &values{given: map[string]string{}}, reason: c.FormValue("reason"), once: c.FormValue("once")}
	for _, f := range a.fields {
		r.given.given[f.name] = c.FormValue(f.name)
	}
	if err := takeFiles(c, r); err != nil {
		return s.formAgain(c, r, err)
	}
	if a.asks() && c.FormValue("confirmed") == "" {
		value, err := s.previewed(c, r)
		if err != nil {
			return s.formAgain(c, r, err)
		}
		if f, ok := value.(filling); ok {
			f.fill(r.given)
		}
		form := r.form()
		form.Preview, form.Confirm = value, true
		if o, ok := value.(objecting); ok && o.objections() != "" {
			form.Error, form.Confirm = o.objections(), false
			c.Status(fault.Invalid.HTTPStatus())
		}
		return s.render(c, "act", a.title, form)
	}
	value, err := s.perform(c, r)
	if err != nil {
		return s.formAgain(c, r, err)
	}
	if text, ok := value.(json.RawMessage); ok && string(text) == "null" {
		value = nil
	}
	return s.render(c, "outcome", a.title, doneView{a.path(), r.back(), value})
}

// formAgain shows the form with what was wrong. Asked for again, it has the same name, so that one of which nobody knows whether it was done is not done twice.
func (s *Service) formAgain(c *fiber.Ctx, r *request, err error) error {
	code, said := fault.Outside(err)
	if code == fault.Internal {
		s.Log.Error("an act of the console failed", "act", r.act.name, "err", err)
	}
	form := r.form()
	form.Error = said
	switch {
	case code == fault.Forbidden || code == fault.Unauthenticated:
		return err
	case outcome(err) == operator.Unknown:
		form.Error += ". It may have been done: the audit and what it was done to say more. Asked for again from here, it is done once at most."
	default:
		form.Once = newID() // it was not done, and the answer is remembered by the name
	}
	c.Status(code.HTTPStatus())
	return s.render(c, "act", r.act.title, form)
}
