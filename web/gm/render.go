package gm

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/operator"
)

// pagePolicy lets a page have the console's own stylesheet and post forms here, and nothing else: no script runs, whatever a player calls himself.
const pagePolicy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// referrerPolicy tells other sites nothing. With the server's own, "no-referrer", browsers say of a page's forms that they come from the origin "null", as they do of
// forms that another site hides where they come from: [Service.sameSite] could not tell them apart.
const referrerPolicy = "same-origin"

//go:embed pages/*.html style.css
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"ms":   func(ms int64) string { return stamp(time.UnixMilli(ms)) },
	"time": stamp,
	"span": func(ms int64) string {
		return (time.Duration(ms) * time.Millisecond).Round(100 * time.Millisecond).String()
	},
	"value":     asHTML,
	"changes":   changes,
	"diff":      diffLines,
	"bytes":     size,
	"brief":     brief,
	"isSecret":  func(v any) bool { _, ok := v.(secret); return ok },
	"isChecked": func(v any) bool { _, ok := v.(*checkedView); return ok },
	"query": func(key string, value any) template.URL {
		return template.URL(key + "=" + url.QueryEscape(fmt.Sprint(value)))
	}, //nolint:gosec // escaped
	"app": func(secret, name string) template.URL { //nolint:gosec // escaped; html/template does not know what opens authenticator apps
		return template.URL("otpauth://totp/console:" + url.PathEscape(name) + "?secret=" + url.QueryEscape(secret) + "&issuer=console")
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
	Subject     string // what the title names before: one of those that the page is for
	Error       string // what was wrong with what was asked for
	Operator    *operator.Operator
	CSRF        string
	Path        string // of the page, or of the one that it belongs to
	Pages, Acts []link
	May         map[string]bool // names of acts that he may do
	View        any
}

type link struct{ Path, Title string }

// A subject is a page that shows one of many, such as a player.
type subject interface{ subject() string }

// render shows a page to whoever is logged in, or to nobody.
func (s *Service) render(c *fiber.Ctx, name, title string, view any) error {
	return s.send(c, frame{Title: title, Name: name, View: view})
}

// wrong shows a page's form again, with what was wrong with what was given.
func (s *Service) wrong(c *fiber.Ctx, name, title string, view any, err error) error {
	code, said := fault.Outside(err)
	c.Status(code.HTTPStatus())
	return s.send(c, frame{Title: title, Name: name, View: view, Error: said})
}

// send fills in the frame and sends it all. The menu has what he may do.
func (s *Service) send(c *fiber.Ctx, f frame) error {
	f.Path, f.May = c.Path(), map[string]bool{}
	if one, ok := f.View.(subject); ok {
		f.Subject = one.subject()
	}
	if who, ok := c.Locals(whoKey).(operator.Session); ok {
		f.Operator, f.CSRF = &who.Operator, who.CSRF()
		for _, p := range s.rows {
			if p.path == f.Path && p.under != "" {
				f.Path = p.under
			}
			if who.Operator.Role.Covers(p.role) && p.under == "" {
				f.Pages = append(f.Pages, link{p.path, p.title})
			}
		}
		for _, a := range s.deeds {
			if f.May[a.name] = who.Operator.Role.Covers(a.role); f.May[a.name] && a.menu {
				f.Acts = append(f.Acts, link{a.path(), a.title})
			}
		}
	}
	var body, whole bytes.Buffer
	if err := templates.ExecuteTemplate(&body, f.Name+".html", f); err != nil {
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
	c.Set(fiber.HeaderReferrerPolicy, referrerPolicy)
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

const errorTitle = "This did not work"

// showRefusal is what the server refuses before anybody asks who it is, as a page: it looks nobody up.
func (s *Service) showRefusal(c *fiber.Ctx, said string) (bool, error) {
	if isAPI(c) {
		return false, nil
	}
	return true, s.send(c, frame{Title: errorTitle, Name: "error", Error: said})
}

// showError is an error as a page. What was not made for the outside is only in the log.
func (s *Service) showError(c *fiber.Ctx, err error) error {
	code, said := fault.Outside(err)
	if code == fault.Internal {
		s.Log.Error("a page of the console failed", "path", c.Path(), "err", err)
	}
	if _, known := c.Locals(whoKey).(operator.Session); !known { // it failed before anybody asked who it is: there is no such page, or its form is of another site
		if who, err := s.who(c); err == nil {
			c.Locals(whoKey, who)
		}
	}
	c.Status(code.HTTPStatus())
	to := link{"/login", "log in"}
	if _, known := c.Locals(whoKey).(operator.Session); known {
		to = link{"/", "to the overview"}
	}
	return s.send(c, frame{Title: errorTitle, Name: "error", View: to, Error: said})
}
