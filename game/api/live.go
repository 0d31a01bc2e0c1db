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

	FeatureMatch = live.Feature("feature.match", true, "players may ask for a match", live.PerArea())

	Tables = live.Together(buildTables, tableKeys()...)
)

// LiveSchema is every setting.
func LiveSchema() (*live.Schema, error) {
	return live.NewSchema(live.LogLevel, QueueCapacity, QueueRate, FeatureMatch, Maintenance, Tables)
}

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
