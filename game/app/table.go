package app

import (
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/robot"
)

// Types is the node table: every type of node but the pod, which runs them, in the order in which they start where nothing needs another. Each is a
// file of this package with its configuration, its row and how it is made. To add a type, write its package and its file, and add a line here; to
// remove one, delete those.
type Types struct {
	TypeRPCGate  `yaml:",inline"`
	TypeConfig   `yaml:",inline"`
	TypeDB       `yaml:",inline"`
	TypeQueue    `yaml:",inline"`
	TypeZone     `yaml:",inline"`
	TypeMatch    `yaml:",inline"`
	TypePublic   `yaml:",inline"`
	TypeWorld    `yaml:",inline"`
	TypeGate     `yaml:",inline"`
	TypeAccount  `yaml:",inline"`
	TypeLogin    `yaml:",inline"`
	TypeCharge   `yaml:",inline"`
	TypeKeypoint `yaml:",inline"`
	TypeGM       `yaml:",inline"`
	TypeLog      `yaml:",inline"`
	TypeRobot    `yaml:",inline"`
}

// A part is what the table knows of one type. The methods have pointer receivers.
type part interface {
	// defaults fills in the configuration before any file.
	defaults()
	// row does not depend on the configuration.
	row() nodeType
}

// A nodeType is one row of the node table.
type nodeType struct {
	number   uint8 // stable
	name     string
	job      string
	observer bool     // finds other nodes and serves no calls
	needs    []string // types that it waits for, and that stop after it
	stores   []string // owners of tables that it opens
	make     func(p *process, index int) (node.Service, error)

	// robots tells robots, which play on the stack of a configuration, where nodes of this type are; nil: they need not know.
	robots func(cfg Config, r *robot.Config)
	// production is what is wrong with a configuration in production only; nil: nothing ever.
	production func(cfg Config) error
	// modes adds what a configuration says of match modes; nil: nothing.
	modes func(cfg Config, m *modes)
	// command is a command of the program that only makes sense with this type; nil: there is none.
	command func(p *program) *cobra.Command
}

// modes is what a configuration says of match modes, besides the design tables.
type modes struct {
	frame    []string          // those whose clients run the simulation
	backfill map[string]string // those with backfill, and the keys that say so
}

// parts is every type's part, in the table's order.
func (t *Types) parts() (parts []part) {
	fields := reflect.ValueOf(t).Elem()
	for i := range fields.NumField() {
		parts = append(parts, fields.Field(i).Addr().Interface().(part))
	}
	return parts
}

// nodeTypes is the table's rows.
var nodeTypes = rows()

func rows() (rows []nodeType) {
	for _, p := range new(Types).parts() {
		rows = append(rows, p.row())
	}
	return rows
}

// podType runs the others.
var podType = nodeType{number: 0, name: api.Pod, job: "starts, watches and restarts nodes"}

// typeNamed finds a row; nil if there is none of that name.
func typeNamed(name string) *nodeType {
	if name == podType.name {
		return &podType
	}
	i := slices.IndexFunc(nodeTypes, func(t nodeType) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return &nodeTypes[i]
}

// typeNames is the names of the table, for messages.
func typeNames() string {
	var names []string
	for _, t := range nodeTypes {
		names = append(names, t.name)
	}
	return strings.Join(names, ", ")
}
