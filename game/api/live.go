package api

import (
	"io/fs"

	"loumiao/configs"
	"loumiao/framework/live"
	"loumiao/game/tables"
)

// The settings that the configuration centre can change while the nodes run. A node takes those that it needs:
//
//	capacity := api.QueueCapacity.Or(n.Live(), cfg.Capacity)
//
// A new one is declared here, and named in [LiveSchema].
var (
	QueueCapacity = live.Int("queue.capacity", 0, 0, 10_000_000, "players that may be inside an area; 0: as many as come", live.PerArea(), live.FromFile())
	QueueRate     = live.Int("queue.rate", 0, 0, 1_000_000, "players a second that are let into an area; 0: as fast as there is room", live.PerArea(), live.FromFile())
	// Those who have a place keep it whatever it says; those who wait keep theirs in the order.
	QueueAdmission = live.OneOf("queue.admission", AdmissionOpen, []string{AdmissionOpen, AdmissionPaused, AdmissionDraining, AdmissionClosed},
		"open; paused: players line up and nobody is let in; draining: nobody new lines up, and those who wait are let in; closed: neither", live.PerArea())

	// Who waits already stays in his lane.
	QueuePriority = live.Parsed("queue.priority", "accounts", "", parseAccounts, "accounts that wait in the lane "+PriorityLane+", separated by commas", live.PerArea())

	FeatureMatch = live.Feature("feature.match", true, "players may ask for a match", live.PerArea())

	Tables = live.Together(buildTables, tableTexts...)
)

// What QueueAdmission may say.
const (
	AdmissionOpen     = "open"
	AdmissionPaused   = "paused"
	AdmissionDraining = "draining"
	AdmissionClosed   = "closed"
)

// PriorityLane is the queue's lane for the accounts of [QueuePriority].
const PriorityLane = "priority"

// LiveSchema is every setting, and what else must hold of them in this stack.
func LiveSchema(more ...live.Part) (*live.Schema, error) {
	return live.NewSchema(append([]live.Part{
		live.LogLevel, QueueCapacity, QueueRate, QueueAdmission, QueuePriority, FeatureMatch, Maintenance, Tables,
	}, more...)...)
}

// FrameModes holds the design tables to which modes are played in frame mode: those cannot have backfill.
func FrameModes(modes []string) live.Part {
	return designed(func(t *tables.Tables) error { return t.CheckFrames(modes) })
}

// RenamePrice holds the design tables to what a new name costs: nobody could pay it in a currency that they have not.
func RenamePrice(price map[string]int64) live.Part {
	return designed(func(t *tables.Tables) error { return t.CheckPrice("goods.rename", price) })
}

// designed holds the design tables to a check.
func designed(check func(*tables.Tables) error) live.Part {
	return live.Together(func(texts live.Texts) (*tables.Tables, error) {
		t, err := buildTables(texts)
		if err != nil {
			return nil, nil // which Tables says
		}
		return t, check(t)
	}, tableTexts...)
}

var tableTexts = tableKeys()

const tablePrefix = "tables." // and the table's name is the key's

// tableKeys is a key for each design table: its CSV, and that of this build where none is published.
func tableKeys() []live.Declaration {
	var keys []live.Declaration
	for _, name := range tables.Names() {
		key := live.Parsed(tablePrefix+name, "table", defaultTable(name), func(text string) (string, error) { return text, tables.CheckText(name, text) },
			"the design table "+name+".csv")
		keys = append(keys, key)
	}
	return keys
}

func defaultTable(name string) string {
	content, _ := fs.ReadFile(configs.Tables(), name+".csv") // an empty table is no good, which LiveSchema says
	return string(content)
}

func buildTables(texts live.Texts) (*tables.Tables, error) {
	return tables.ParseTexts(func(name string) (string, error) {
		if text, ok := texts(tablePrefix + name); ok {
			return text, nil
		}
		return defaultTable(name), nil
	})
}
