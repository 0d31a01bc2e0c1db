package command

// SettingsArgs asks for the settings that can be changed while the nodes run: all, with long texts cut, or one by its name, whole.
type SettingsArgs struct {
	Name string `json:"name,omitempty"`
}

// SettingsList is settings as they are published, by name.
type SettingsList struct {
	Version  uint64    `json:"version"` // of everything that is published
	Settings []Setting `json:"settings"`
}

// Setting is one key of the configuration centre.
type Setting struct {
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	Allowed  string         `json:"allowed"` // in words
	Doc      string         `json:"doc"`
	Default  string         `json:"default"`
	PerArea  bool           `json:"per_area"`
	FromFile bool           `json:"from_file"` // the nodes' own files give the default
	Cut      bool           `json:"cut"`       // texts are only the beginning
	Values   []SettingValue `json:"values"`    // that are published; none: the default holds everywhere
}

// SettingValue is what a setting has in an area.
type SettingValue struct {
	Area    uint16 `json:"area"` // 0: where an area has none of its own
	Text    string `json:"text"`
	Version uint64 `json:"version"` // the publication that last changed it
	Author  string `json:"author"`
	Reason  string `json:"reason"`
	At      int64  `json:"at_ms"`
}

// SettingChange is a new text for a setting in an area, or that it has none any more.
type SettingChange struct {
	Name   string `json:"name"`
	Area   uint16 `json:"area,omitempty"`
	Text   string `json:"text,omitempty"`
	Remove bool   `json:"remove,omitempty"`
	Cut    bool   `json:"cut,omitempty"` // in a history: the text is only the beginning
}

// CheckArgs asks what changes would do, or what going back to a version would.
type CheckArgs struct {
	Changes []SettingChange `json:"changes,omitempty"`
	BackTo  *uint64         `json:"back_to,omitempty"`
}

// Checked is what changes would do, and why they cannot be published, if so.
type Checked struct {
	Version  uint64        `json:"version"` // to publish them on
	Diffs    []SettingDiff `json:"diffs"`
	Problems []string      `json:"problems"`
}

// SettingDiff is one change beside what there is.
type SettingDiff struct {
	SettingChange
	Had    bool   `json:"had"`
	Before string `json:"before"`
}

// PublishArgs publishes changes, all or none, that were made for a version.
type PublishArgs struct {
	Changes []SettingChange `json:"changes"`
	Base    uint64          `json:"base"`
}

// RollBackArgs publishes again what a version had, if the version base is still published.
type RollBackArgs struct {
	Version uint64 `json:"version"`
	Base    uint64 `json:"base"`
}

// Published is the version that something was published as.
type Published struct {
	Version uint64 `json:"version"`
}

// HistoryArgs asks for publications before a version, 0 being the newest of all, at most 100.
type HistoryArgs struct {
	Before uint64 `json:"before,omitempty"`
	Limit  int32  `json:"limit,omitempty"`
}

// PublishedList is publications that there were, the newest first.
type PublishedList struct {
	Versions []Publication `json:"versions"`
}

// Publication is one of them.
type Publication struct {
	Version uint64          `json:"version"`
	Author  string          `json:"author"`
	Reason  string          `json:"reason"`
	At      int64           `json:"at_ms"`
	Changes []SettingChange `json:"changes"`
}
