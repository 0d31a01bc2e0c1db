package gm

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/keypoint"
	"loumiao/game/store/operator"
)

// Bounds of what is asked of the events.
const (
	chartDays    = 14 // if nobody says how many
	maxChartDays = 92
	maxSteps     = 10
	maxHours     = 31 * 24
	defaultHours = 24
)

var retentionAfter = []int{1, 3, 7, 14, 30} // days

func (s *Service) chartPages() []page {
	return []page{{path: "/charts", title: "Key points", template: "charts", search: true, role: operator.Viewer, view: s.charts}}
}

// A chartsView is what the events of an app say about some days.
type chartsView struct {
	Apps       []string          `json:"apps"`
	Names      []string          `json:"names"`
	App        string            `json:"app"`
	From       string            `json:"from"`
	To         string            `json:"to"`
	Steps      string            `json:"steps"`
	Hours      int               `json:"hours"`
	Event      string            `json:"event"`
	After      []int             `json:"after"`
	Active     []keypoint.Count  `json:"active"`
	Funnel     []stepView        `json:"funnel"`
	Conversion []keypoint.Share  `json:"conversion"`
	Cohorts    []keypoint.Cohort `json:"cohorts"`
}

type stepView struct {
	Event   string `json:"event"`
	Players int64  `json:"players"`
}

func (s *Service) charts(c *fiber.Ctx) (any, error) {
	ctx := c.UserContext()
	view := chartsView{App: c.Query("app"), Steps: strings.Join(strings.FieldsFunc(c.Query("steps"), separates), ", "), Event: c.Query("event"), After: retentionAfter}
	to := keypoint.DayOf(s.Now())
	from := to - chartDays + 1
	for name, day := range map[string]*keypoint.Day{"from": &from, "to": &to} {
		if text := c.Query(name); text != "" {
			t, err := time.Parse(time.DateOnly, text)
			if err != nil {
				return view, fault.Errorf(fault.Invalid, "%s: must be a day such as 2006-01-31", name)
			}
			*day = keypoint.DayOf(t)
		}
	}
	if to < from || to-from >= maxChartDays {
		return view, fault.Errorf(fault.Invalid, "from and to: must be 1 to %d days", maxChartDays)
	}
	view.From, view.To = from.String(), to.String()
	var err error
	if view.Hours, err = strconv.Atoi(c.Query("hours", strconv.Itoa(defaultHours))); err != nil || view.Hours < 1 || view.Hours > maxHours {
		return view, fault.Errorf(fault.Invalid, "hours: must be 1 to %d", maxHours)
	}
	if view.Apps, err = s.Events.Apps(ctx); err != nil {
		return view, err
	}
	if view.App == "" && len(view.Apps) > 0 {
		view.App = view.Apps[0]
	}
	if !slices.Contains(view.Apps, view.App) {
		return view, nil // nothing has happened in it
	}
	if view.Names, err = s.Events.Names(ctx, view.App, from, to); err != nil {
		return view, err
	}
	if view.Active, err = s.Events.Active(ctx, view.App, from, to); err != nil {
		return view, err
	}
	if view.Cohorts, err = s.Events.Retention(ctx, view.App, from, to, retentionAfter); err != nil {
		return view, err
	}
	if view.Steps == "" {
		view.Steps = strings.Join(s.Funnel, ", ")
	}
	steps := strings.FieldsFunc(view.Steps, separates)
	if len(steps) > maxSteps {
		return view, fault.Errorf(fault.Invalid, "steps: there are %d; at most %d", len(steps), maxSteps)
	}
	if len(steps) > 0 {
		counts, err := s.Events.Funnel(ctx, view.App, steps, from, to, time.Duration(view.Hours)*time.Hour)
		if err != nil {
			return view, err
		}
		for i, n := range counts {
			view.Funnel = append(view.Funnel, stepView{steps[i], n})
		}
	}
	if view.Event == "" && len(view.Names) > 0 {
		view.Event = view.Names[0]
	}
	view.Conversion, err = s.Events.Conversion(ctx, view.App, view.Event, from, to)
	return view, err
}

func separates(r rune) bool { return r == ',' || r == ' ' }

// A bar of a chart. Lengths are in the units of its picture.
type bar struct {
	X, Y, W, H int
	Label      string
	Text       string // its value
	Tick       bool   // the label is shown beneath
}

// Sizes of pictures.
const (
	chartWidth  = 720
	chartHeight = 160
	rowHeight   = 26
	rowLabel    = 150 // width of what stands before a row's bar
	rowText     = 120 // and behind it
	ticks       = 7   // labels beneath a chart, about
)

// A picture is bars, upright over days or lying one under the other.
type picture struct {
	Title, Unit   string // Unit is what is counted
	Width, Height int
	Top           string // the largest value
	Bars          []bar
}

// Actives is the players of each day.
func (v chartsView) Actives() picture {
	by := map[string]float64{}
	for _, d := range v.Active {
		by[d.Day.String()] = float64(d.Players)
	}
	return v.upright("Active players a day", "Players", by, func(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) })
}

// Conversions is the share of each day's players who did the event.
func (v chartsView) Conversions() picture {
	by := map[string]float64{}
	for _, d := range v.Conversion {
		if d.Active > 0 {
			by[d.Day.String()] = 100 * float64(d.Did) / float64(d.Active)
		}
	}
	return v.upright("Players who did "+v.Event+", of those active that day", "Share", by, func(n float64) string { return fmt.Sprintf("%.1f%%", n) })
}

// upright has a bar for each day, also those on which nothing was.
func (v chartsView) upright(title, unit string, by map[string]float64, text func(float64) string) picture {
	p := picture{Title: title, Unit: unit, Width: chartWidth, Height: chartHeight}
	from, _ := time.Parse(time.DateOnly, v.From) // they come from a day
	to, _ := time.Parse(time.DateOnly, v.To)
	days, most := int(to.Sub(from).Hours()/24)+1, 0.0
	for _, n := range by {
		most = max(most, n)
	}
	p.Top = text(most)
	step := chartWidth / days
	for i := range days {
		day := from.AddDate(0, 0, i).Format(time.DateOnly)
		h := 0
		if most > 0 {
			h = int(math.Round(by[day] / most * chartHeight))
		}
		p.Bars = append(p.Bars, bar{
			X: i * chartWidth / days, Y: chartHeight - h, W: max(1, step-step/5), H: h, Label: day, Text: text(by[day]), Tick: i%max(1, days/ticks) == 0,
		})
	}
	return p
}

// Came is how many came how far.
func (v chartsView) Came() picture {
	p := picture{Title: "Funnel: " + v.Steps, Width: chartWidth, Height: rowHeight * len(v.Funnel)}
	for i, step := range v.Funnel {
		share := 0.0
		if first := v.Funnel[0].Players; first > 0 {
			share = float64(step.Players) / float64(first)
		}
		p.Bars = append(p.Bars, bar{
			X: rowLabel, Y: i * rowHeight, W: int(share * (chartWidth - rowLabel - rowText)), H: rowHeight - 6, Label: step.Event,
			Text: fmt.Sprintf("%d (%.1f%%)", step.Players, 100*share),
		})
	}
	return p
}

// A returnView is how many of a cohort came back, and how many tenths of it that is.
type returnView struct {
	Text  string
	Tenth int
}

// Returns is a cohort's row of the retention table. What lies in the future is empty.
func (v chartsView) Returns(c keypoint.Cohort) []returnView {
	list := make([]returnView, len(c.Returned))
	for i, n := range c.Returned {
		if c.Players > 0 && (n > 0 || (c.Day+keypoint.Day(v.After[i])).String() <= v.To) {
			share := float64(n) / float64(c.Players)
			list[i] = returnView{fmt.Sprintf("%.0f%%", 100*share), int(math.Ceil(share * 10))}
		}
	}
	return list
}
