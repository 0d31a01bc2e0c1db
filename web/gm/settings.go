package gm

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/store/operator"
)

// tablePrefix begins the names of settings that are design tables.
const tablePrefix = "tables."

func (s *Service) settingPages() []page {
	return []page{
		{path: "/settings", title: "Settings", role: operator.Viewer, view: func(c *fiber.Ctx) (any, error) { return s.settings(c, false) }},
		{path: "/tables", title: "Design tables", template: "settings", role: operator.Viewer, view: func(c *fiber.Ctx) (any, error) { return s.settings(c, true) }},
		{path: "/setting", title: "Setting", under: "/settings", role: operator.Viewer, view: s.setting},
		{path: "/history", title: "History of settings", under: "/settings", role: operator.Viewer, view: s.history},
	}
}

// settings is those that are design tables, or the others.
func (s *Service) settings(c *fiber.Ctx, tables bool) (any, error) {
	list, err := ask[command.SettingsList](c, s, command.Settings, command.SettingsArgs{})
	if err != nil {
		return nil, err
	}
	list.Settings = slices.DeleteFunc(list.Settings, func(one command.Setting) bool { return strings.HasPrefix(one.Name, tablePrefix) != tables })
	return list, nil
}

// A settingView is one setting, with what it has in an area.
type settingView struct {
	command.Setting
	Area uint16 `json:"area"`
	Text string `json:"text"` // that is published for the area, or else the default
}

func (v settingView) subject() string { return v.Name }

// Page is where the settings of its sort stand.
func (v settingView) Page() link {
	if strings.HasPrefix(v.Name, tablePrefix) {
		return link{"/tables", "Design tables"}
	}
	return link{"/settings", "Settings"}
}

func (s *Service) setting(c *fiber.Ctx) (any, error) {
	list, err := ask[command.SettingsList](c, s, command.Settings, command.SettingsArgs{Name: c.Query("name")})
	if err != nil {
		return nil, err
	}
	if c.Query("name") == "" || len(list.Settings) != 1 {
		return nil, fault.New(fault.NotFound, "there is no such setting")
	}
	view := settingView{Setting: list.Settings[0], Text: list.Settings[0].Default}
	if view.Area, err = areaOf(c, 0); err != nil {
		return nil, err
	}
	for _, value := range view.Values {
		if value.Area == view.Area {
			view.Text = value.Text
		}
	}
	return view, nil
}

func (s *Service) history(c *fiber.Ctx) (any, error) {
	before := uint64(max(0, queryNumber(c, "before"))) // what is no number is the newest
	return ask[command.PublishedList](c, s, command.History, command.HistoryArgs{Before: before, Limit: 20})
}

func (s *Service) settingActs() []act {
	base := field{name: "base", label: "Version that it was made for", kind: hidden}
	return []act{
		{
			name: "publish", title: "Change a setting", role: operator.Admin, reason: true, target: "name", back: link{"/setting?name=", "The setting"}, state: s.settingState,
			about: "All nodes take it up within a second. You see what changes before it is published.",
			fields: []field{
				{name: "name", label: "Setting", kind: line, must: true}, {name: "area", label: "Area; 0: where an area has none of its own", kind: number},
				{name: "text", label: "Value", kind: file}, {name: "remove", label: "Back to its default: the value above does not count", kind: yes}, base,
			},
			preview: s.checkedBy(func(v *values) command.CheckArgs {
				return command.CheckArgs{Changes: []command.SettingChange{changeOf(v)}}
			}),
			do: commanded(s, command.Publish, func(v *values) any {
				return command.PublishArgs{Changes: []command.SettingChange{changeOf(v)}, Base: v.version("base")}
			}),
		},
		{
			name: "roll_back", title: "Go back to a version", role: operator.Admin, reason: true, danger: true, target: "version", back: link{"/history", "History of settings"}, state: s.versionState,
			about:  "Publishes all settings as they were in that version, as a new version.",
			fields: []field{{name: "version", label: "Version", kind: number, must: true}, base},
			preview: s.checkedBy(func(v *values) command.CheckArgs {
				version := v.version("version")
				return command.CheckArgs{BackTo: &version}
			}),
			do: commanded(s, command.RollBack, func(v *values) any {
				return command.RollBackArgs{Version: v.version("version"), Base: v.version("base")}
			}),
		},
	}
}

// changeOf is the one change that a form makes.
func changeOf(v *values) command.SettingChange {
	change := command.SettingChange{Name: v.text("name"), Area: v.area("area"), Remove: v.yes("remove")}
	if !change.Remove {
		change.Text = v.raw("text")
	}
	return change
}

// A checkedView is what a publication would do. The form goes on for the version that it was compared with.
type checkedView struct {
	command.Checked
	Texts []textDiff `json:"-"`
}

// A textDiff is what holds before and after, which is the default where nothing is published.
type textDiff struct {
	command.SettingDiff
	From, To string
}

func (c checkedView) fill(v *values) { v.given["base"] = strconv.FormatUint(c.Version, 10) }

func (c checkedView) objections() string {
	if len(c.Problems) == 0 && len(c.Diffs) == 0 {
		return "nothing would change"
	}
	return strings.Join(c.Problems, "\n")
}

func (s *Service) checkedBy(args func(*values) command.CheckArgs) deeds {
	return func(ctx context.Context, d deed, v *values) (any, error) {
		made := args(v)
		if err := v.err(); err != nil {
			return nil, err
		}
		view := new(checkedView)
		if err := s.asked(ctx, d, command.Check, made, &view.Checked); err != nil {
			return nil, err
		}
		for i, diff := range view.Diffs {
			text := textDiff{diff, diff.Before, diff.Text}
			if !diff.Had || diff.Remove {
				var list command.SettingsList
				id := d.id + "-" + strconv.Itoa(i)
				if err := s.asked(ctx, deed{id: id, author: d.author, reason: d.reason}, command.Settings, command.SettingsArgs{Name: diff.Name}, &list); err != nil {
					return nil, err
				}
				for _, one := range list.Settings {
					if !diff.Had {
						text.From = one.Default
					}
					if diff.Remove {
						text.To = one.Default
					}
				}
			}
			view.Texts = append(view.Texts, text)
		}
		return view, nil
	}
}

// asked has public answer a question of an act's.
func (s *Service) asked(ctx context.Context, d deed, name string, args, into any) error {
	value, err := s.submit(ctx, command.Command{ID: d.id, Name: name, Author: d.author, Reason: d.reason}, args)
	if err != nil {
		return err
	}
	text, _ := value.(json.RawMessage)
	return json.Unmarshal(text, into)
}

// settingState is what a setting has in the area, for the audit.
func (s *Service) settingState(c *fiber.Ctx, v *values) (any, error) {
	return s.published(c, v.area("area"), v.text("name"))
}

// versionState is the version that is published.
func (s *Service) versionState(c *fiber.Ctx, _ *values) (any, error) {
	list, err := ask[command.SettingsList](c, s, command.Settings, command.SettingsArgs{Name: "-"}) // of no setting
	if err != nil {
		return nil, err
	}
	return command.Published{Version: list.Version}, nil
}

// published is what settings have in an area; those that have nothing there are left out.
func (s *Service) published(c *fiber.Ctx, area uint16, names ...string) (any, error) {
	all := map[string]command.SettingValue{}
	for _, name := range names {
		list, err := ask[command.SettingsList](c, s, command.Settings, command.SettingsArgs{Name: name})
		if err != nil {
			return nil, err
		}
		for _, one := range list.Settings {
			for _, value := range one.Values {
				if value.Area == area && one.Name == name {
					all[name] = value
				}
			}
		}
	}
	return all, nil
}

func (s *Service) maintenanceState(c *fiber.Ctx, v *values) (any, error) {
	return s.published(c, v.area("area"), "maintenance.on", "maintenance.notice", "maintenance.end")
}

// version is the number of a publication.
func (v *values) version(name string) uint64 { return uint64(v.bounded(name, 1<<62)) }

// areaOf is the area of a page's query.
func areaOf(c *fiber.Ctx, otherwise uint16) (uint16, error) {
	text := c.Query("area")
	if text == "" {
		return otherwise, nil
	}
	area, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fault.New(fault.Invalid, "the area is not a number from 0 to 65535")
	}
	return uint16(area), nil
}
