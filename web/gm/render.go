package gm

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/operator"
)

// pagePolicy lets a page have the console's own stylesheet and post forms here, and nothing else: no script runs, whatever a player calls himself.
const pagePolicy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

//go:embed pages/*.html style.css
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"ms":   func(ms int64) string { return stamp(time.UnixMilli(ms)) },
	"time": stamp,
	"json": func(raw json.RawMessage) string {
		if string(raw) == "null" {
			return ""
		}
		return string(raw)
	},
}).ParseFS(files, "pages/*.html"))

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// A frame is what surrounds a page: the menu, and what it is for.
type frame struct {
	Title, Name string // Name is the template's
	Operator    *operator.Operator
	CSRF        string
	Pages, Acts []link
	View        any
}

type link struct{ Path, Title string }

// render shows a page to whoever is logged in, or to nobody. The menu has what he may do.
func (s *Service) render(c *fiber.Ctx, name, title string, view any) error {
	f := frame{Title: title, Name: name, View: view}
	if who, ok := c.Locals(whoKey).(operator.Session); ok {
		f.Operator, f.CSRF = &who.Operator, who.CSRF()
		for _, p := range s.rows {
			if who.Operator.Role.Covers(p.role) {
				f.Pages = append(f.Pages, link{p.path, p.title})
			}
		}
		for _, a := range s.deeds {
			if who.Operator.Role.Covers(a.role) {
				f.Acts = append(f.Acts, link{a.path(), a.title})
			}
		}
	}
	var body, whole bytes.Buffer
	if err := templates.ExecuteTemplate(&body, name+".html", f); err != nil {
		return err
	}
	framed := struct {
		frame
		Body template.HTML
	}{f, template.HTML(body.String())} //nolint:gosec // made by a template
	if err := templates.ExecuteTemplate(&whole, "frame.html", framed); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, pagePolicy)
	c.Type("html", "utf-8")
	return c.Send(whole.Bytes())
}

func (s *Service) style(c *fiber.Ctx) error {
	sheet, err := files.ReadFile("style.css")
	if err != nil {
		return err
	}
	c.Type("css", "utf-8")
	return c.Send(sheet)
}

// showError is an error as a page. What was not made for the outside is only in the log.
func (s *Service) showError(c *fiber.Ctx, err error) error {
	code, said := fault.Outside(err)
	if code == fault.Internal {
		s.Log.Error("a page of the console failed", "path", c.Path(), "err", err)
	}
	c.Status(code.HTTPStatus())
	return s.render(c, "error", "This did not work", said)
}

// A formView is an act's form, with what was given before.
type formView struct {
	Act     string
	Fields  []fieldView
	Reason  bool
	Said    string
	Confirm string // what it would do; "" before that was asked
	Preview bool   // it is asked first
}

type fieldView struct {
	Name, Label, Kind, Value string
	Roles                    []operator.Role
}

func (a act) form(v *values, reason, confirm string) formView {
	view := formView{Act: a.path(), Reason: a.reason, Said: reason, Confirm: confirm, Preview: a.preview != "" && confirm == ""}
	for _, f := range a.fields {
		view.Fields = append(view.Fields, fieldView{f.name, f.label, string(f.kind), v.given[f.name], operator.Roles()})
	}
	return view
}

// showForm shows an act's form; what stands in the query is filled in.
func (s *Service) showForm(c *fiber.Ctx, _ operator.Session, a act) error {
	v := &values{given: map[string]string{}}
	for _, f := range a.fields {
		v.given[f.name] = c.Query(f.name)
	}
	return s.render(c, "act", a.title, a.form(v, "", ""))
}

// A doneView is what came of an act.
type doneView struct {
	Act    string
	Result string
}

// submitForm does an act, or shows beforehand what it would do.
func (s *Service) submitForm(c *fiber.Ctx, who operator.Session, a act) error {
	v := &values{given: map[string]string{}}
	for _, f := range a.fields {
		v.given[f.name] = c.FormValue(f.name)
	}
	reason := c.FormValue("reason")
	if a.preview != "" && c.FormValue("confirmed") == "" {
		value, err := s.previewed(c, who, a, v)
		if err != nil {
			return err
		}
		return s.render(c, "act", a.title, a.form(v, reason, shownJSON(value)))
	}
	value, err := s.perform(c, who, a, v, reason)
	if err != nil {
		return err
	}
	return s.render(c, "done", a.title, doneView{a.path(), shownJSON(value)})
}

func shownJSON(value any) string {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil || string(text) == "null" {
		return ""
	}
	return string(text)
}
