package live

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// MaxSnapshot bounds everything that is published at a time, encoded, in bytes.
const MaxSnapshot = 8 << 20

// A Snapshot is everything that is published in one version. It is a value: whoever has one does not change its entries.
type Snapshot struct {
	Version uint64  `json:"version"` // grows with each publication; 0 is before the first
	Entries []Entry `json:"entries"` // by name and area
}

// An Entry is what a key has in an area.
type Entry struct {
	Name    string `json:"name"`
	Area    uint16 `json:"area,omitempty"` // 0: where an area has none of its own
	Text    string `json:"text"`
	Version uint64 `json:"version"` // that last changed it
}

// A place is where an entry is.
type place struct {
	name string
	area uint16
}

// With is the snapshot with changes made in the given version. It is an error when that is too much.
func (s Snapshot) With(changes []Change, version uint64) (Snapshot, error) {
	entries := map[place]Entry{}
	for _, e := range s.Entries {
		entries[place{e.Name, e.Area}] = e
	}
	for _, c := range changes {
		if c.Remove {
			delete(entries, place{c.Name, c.Area})
			continue
		}
		entries[place{c.Name, c.Area}] = Entry{Name: c.Name, Area: c.Area, Text: c.Text, Version: version}
	}
	after := Snapshot{Version: version, Entries: make([]Entry, 0, len(entries))}
	for _, e := range entries {
		after.Entries = append(after.Entries, e)
	}
	slices.SortFunc(after.Entries, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Area, b.Area))
	})
	_, err := after.Encode()
	return after, err
}

// Entry is what a key has in an area, exactly.
func (s Snapshot) Entry(name string, area uint16) (Entry, bool) {
	for _, e := range s.Entries {
		if e.Name == name && e.Area == area {
			return e, true
		}
	}
	return Entry{}, false
}

// Encode is the snapshot as [DecodeSnapshot] reads it.
func (s Snapshot) Encode() ([]byte, error) {
	data, err := json.Marshal(s)
	if err == nil && len(data) > MaxSnapshot {
		return nil, fmt.Errorf("all values together have %d bytes; must be at most %d", len(data), MaxSnapshot)
	}
	return data, err
}

// DecodeSnapshot reads what Encode made.
func DecodeSnapshot(data []byte) (Snapshot, error) {
	if len(data) > MaxSnapshot {
		return Snapshot{}, fmt.Errorf("live: a snapshot of %d bytes is over %d", len(data), MaxSnapshot)
	}
	var s Snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return Snapshot{}, fmt.Errorf("live: a snapshot: %w", err)
	}
	return s, nil
}

// An index is a snapshot's texts by name and area.
type index map[string]map[uint16]string

func (s Snapshot) index() index {
	texts := index{}
	for _, e := range s.Entries {
		if texts[e.Name] == nil {
			texts[e.Name] = map[uint16]string{}
		}
		texts[e.Name][e.Area] = e.Text
	}
	return texts
}

// in is the texts as an area has them: its own before those of all.
func (x index) in(area uint16) Texts {
	return func(name string) (string, bool) {
		if text, ok := x[name][area]; ok {
			return text, true
		}
		text, ok := x[name][0]
		return text, ok
	}
}

// areas is 0 and every area that has a text for one of the keys, in order.
func (x index) areas(keys []Declaration) []uint16 {
	areas := []uint16{0}
	for _, d := range keys {
		if !d.Spec().PerArea {
			continue
		}
		for area := range x[d.Spec().Name] {
			areas = append(areas, area)
		}
	}
	slices.Sort(areas)
	return slices.Compact(areas)
}
