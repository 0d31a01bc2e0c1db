package keypoint

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// What a file of declarations may hold.
const (
	maxEvents      = 500
	maxFields      = 32   // of an event
	maxFieldLength = 1024 // characters of a text
)

// The types of fields.
const (
	typeString = "string" // max: characters
	typeInt    = "int"    // max: of the absolute value
	typeNumber = "number" // max: of the absolute value
	typeBool   = "bool"
)

var declared = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// Schemas is the events that are declared. It does not change.
type Schemas struct {
	events map[string]map[string]field
}

type field struct {
	kind     string
	required bool
	max      float64
}

// ParseSchemas reads declarations: CSV with the columns event, field, type, required and max, a row for each field, or one with an empty field for an event
// that has none. The error names every row that is wrong.
func ParseSchemas(text []byte) (*Schemas, error) {
	header := []string{"event", "field", "type", "required", "max"}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = len(header)
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], header) {
		return nil, fmt.Errorf("events: row 1: must be %v", header)
	}
	s := &Schemas{events: map[string]map[string]field{}}
	var errs []error
	for i, row := range rows[1:] {
		if err := s.declare(row[0], row[1], row[2], row[3], row[4]); err != nil {
			errs = append(errs, fmt.Errorf("events: row %d: %w", i+2, err))
		}
	}
	if len(s.events) > maxEvents {
		errs = append(errs, fmt.Errorf("events: there are %d; at most %d", len(s.events), maxEvents))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// declare takes one row.
func (s *Schemas) declare(event, name, kind, required, limit string) error {
	if !declared.MatchString(event) {
		return fmt.Errorf("event %q: must be 1 to 32 lower-case letters, digits and underscores", event)
	}
	fields := s.events[event]
	if fields == nil {
		fields = map[string]field{}
		s.events[event] = fields
	}
	if name == "" {
		if kind+required+limit != "" {
			return errors.New("field: is empty, and has a type, required or max")
		}
		return nil
	}
	if _, twice := fields[name]; twice || !declared.MatchString(name) {
		return fmt.Errorf("field %q: must be 1 to 32 lower-case letters, digits and underscores, each once in an event", name)
	}
	if len(fields) == maxFields {
		return fmt.Errorf("field %q: an event has at most %d", name, maxFields)
	}
	f := field{kind: kind, required: required == "yes"}
	if required != "yes" && required != "no" {
		return fmt.Errorf("required %q: must be yes or no", required)
	}
	switch kind {
	case typeBool:
		if limit != "" {
			return errors.New("max: a bool has none")
		}
	case typeString, typeInt, typeNumber:
		most := float64(maxFieldLength)
		if kind != typeString {
			most = 1 << 53 // whole numbers beyond are not exact in JSON
		}
		var err error
		if f.max, err = strconv.ParseFloat(limit, 64); err != nil || !(f.max >= 1 && f.max <= most) {
			return fmt.Errorf("max %q: must be a number from 1 to %.0f", limit, most)
		}
	default:
		return fmt.Errorf("type %q: must be string, int, number or bool", kind)
	}
	fields[name] = f
	return nil
}

// Has reports whether an event is declared.
func (s *Schemas) Has(event string) bool { return s.events[event] != nil }
