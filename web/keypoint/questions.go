package keypoint

import (
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/store/keypoint"
)

// Bounds of a question.
const (
	maxDays       = 92
	maxSteps      = 10
	maxAfter      = 10       // days of retention that are asked for at once
	maxAfterDays  = 365      //
	maxWindow     = 31 * 24  // hours of a funnel
	defaultWindow = 24       // hours
	defaultDays   = 7        // before today, if no days are named
	quarantined   = 100      // of what is malformed are shown
	defaultAfter  = "1,7,30" // days of retention
)

// A Step is how many players came to a step of a funnel.
type Step struct {
	Event   string `json:"event"`
	Players int64  `json:"players"`
}

func (s *Service) active(c *fiber.Ctx) error {
	app, from, to, err := s.asked(c)
	if err != nil {
		return err
	}
	days, err := s.events.Active(c.UserContext(), app, from, to)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"days": days})
}

func (s *Service) retention(c *fiber.Ctx) error {
	app, from, to, err := s.asked(c)
	if err != nil {
		return err
	}
	var after []int
	for part := range strings.SplitSeq(c.Query("after", defaultAfter), ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > maxAfterDays || len(after) == maxAfter {
			return fault.Errorf(fault.Invalid, "after: must be 1 to %d numbers of days from 1 to %d", maxAfter, maxAfterDays)
		}
		after = append(after, n)
	}
	cohorts, err := s.events.Retention(c.UserContext(), app, from, to, after)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"after": after, "cohorts": cohorts})
}

func (s *Service) conversion(c *fiber.Ctx) error {
	app, from, to, err := s.asked(c)
	if err != nil {
		return err
	}
	event := c.Query("event")
	if !s.schemas.Has(event) {
		return fault.New(fault.Invalid, "event: must be one that is declared")
	}
	days, err := s.events.Conversion(c.UserContext(), app, event, from, to)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"event": event, "days": days})
}

func (s *Service) funnel(c *fiber.Ctx) error {
	app, from, to, err := s.asked(c)
	if err != nil {
		return err
	}
	names := strings.Split(c.Query("steps"), ",")
	if len(names) > maxSteps {
		return fault.Errorf(fault.Invalid, "steps: there are %d; at most %d", len(names), maxSteps)
	}
	for _, name := range names {
		if !s.schemas.Has(name) {
			return fault.New(fault.Invalid, "steps: must be events that are declared, with commas between")
		}
	}
	hours, err := strconv.Atoi(c.Query("hours", strconv.Itoa(defaultWindow)))
	if err != nil || hours < 1 || hours > maxWindow {
		return fault.Errorf(fault.Invalid, "hours: must be 1 to %d", maxWindow)
	}
	counts, err := s.events.Funnel(c.UserContext(), app, names, from, to, time.Duration(hours)*time.Hour)
	if err != nil {
		return err
	}
	steps := make([]Step, len(names))
	for i, name := range names {
		steps[i] = Step{name, counts[i]}
	}
	return c.JSON(fiber.Map{"steps": steps})
}

func (s *Service) quarantine(c *fiber.Ctx) error {
	rejects, err := s.events.Quarantined(c.UserContext(), quarantined)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"rejects": rejects})
}

// asked is the app and the days, both included, that every question has. Without an app it is that of the first key.
func (s *Service) asked(c *fiber.Ctx) (app string, from, to keypoint.Day, err error) {
	if app = c.Query("app"); app == "" && len(s.keys) > 0 {
		app = s.keys[0].app
	}
	if !appName.MatchString(app) {
		return "", 0, 0, fault.New(fault.Invalid, "app: must be the name of a key")
	}
	to = keypoint.DayOf(s.now())
	from = to - defaultDays
	for name, day := range map[string]*keypoint.Day{"from": &from, "to": &to} {
		if text := c.Query(name); text != "" {
			t, err := time.Parse(time.DateOnly, text)
			if err != nil {
				return "", 0, 0, fault.Errorf(fault.Invalid, "%s: must be a day such as 2006-01-02", name)
			}
			*day = keypoint.DayOf(t)
		}
	}
	if to < from || to-from >= maxDays {
		return "", 0, 0, fault.Errorf(fault.Invalid, "from and to: must be 1 to %d days", maxDays)
	}
	return app, from, to, nil
}
