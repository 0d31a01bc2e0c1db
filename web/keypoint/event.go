package keypoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"loumiao/game/store/keypoint"
	"loumiao/web/httpserver"
)

// Reasons for which something is malformed; a metric has them as its label.
const (
	badBody   = "body"  // the batch itself cannot be read
	badShape  = "shape" // the event is no such object
	badID     = "id"
	badPlayer = "player"
	badTime   = "time"
	unknown   = "unknown"  // the event is not declared
	badField  = "field"    // a field is not declared, of another type or too large
	missing   = "required" // a field that must be there is not
	badEntry  = "entry"    // an entry of the stream cannot be read
	badValue  = "value"    // SQL does not take the event, for what is not looked at here
)

const (
	// maxSkew is how far a client's clock may be off before times are put right by it.
	maxSkew = time.Minute
	// maxAge is how long ago an event may have happened.
	maxAge = 7 * 24 * time.Hour
	// maxEpochMS bounds times that are read, so that sums of two do not overflow; it lies some 280,000 years ahead.
	maxEpochMS = 1 << 53
	// maxNumber bounds the text of a number, in bytes: however small it is, it may have any number of digits.
	maxNumber = 64
	// maxRejectedBody is how much of what is malformed is kept, in bytes.
	maxRejectedBody = 1 << 10
)

var (
	eventID  = regexp.MustCompile(`^[A-Za-z0-9_-]{8,36}$`)
	playerID = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)
)

// A batch is the body of a request.
type batch struct {
	Sent   int64             `json:"sent"` // 0: the client does not say
	Events []json.RawMessage `json:"events"`
}

type event struct {
	ID     string                     `json:"id"`
	Name   string                     `json:"name"`
	Player string                     `json:"player"`
	At     int64                      `json:"at"`
	Fields map[string]json.RawMessage `json:"fields"`
}

// A malformed is why an event is not taken.
type malformed struct{ reason, detail string }

func (m *malformed) Error() string { return m.detail }

func wrong(reason, format string, args ...any) error {
	return &malformed{reason, fmt.Sprintf(format, args...)}
}

// check reads one event. The error is a *malformed, whose detail quotes nothing that is not declared.
func (s *Schemas) check(raw []byte, now time.Time, skew time.Duration) (keypoint.Event, error) {
	var e event
	if !utf8.Valid(raw) { // which JSON lets pass and SQL does not
		return keypoint.Event{}, wrong(badShape, "the event is not UTF-8")
	}
	if err := httpserver.DecodeJSON(raw, &e); err != nil {
		return keypoint.Event{}, wrong(badShape, "%v", err)
	}
	fields, known := s.events[e.Name]
	switch {
	case !eventID.MatchString(e.ID):
		return keypoint.Event{}, wrong(badID, "id: must be 8 to 36 letters, digits, '-' and '_'")
	case !playerID.MatchString(e.Player):
		return keypoint.Event{}, wrong(badPlayer, "player: must be an opaque id of 1 to 64 letters, digits and '_.:-'")
	case e.At <= 0 || e.At > maxEpochMS:
		return keypoint.Event{}, wrong(badTime, "at: must be milliseconds since 1970")
	case !known:
		return keypoint.Event{}, wrong(unknown, "name: no such event is declared")
	}
	if err := checkFields(fields, e.Fields); err != nil {
		return keypoint.Event{}, err
	}
	text := "{}"
	if len(e.Fields) > 0 {
		data, err := json.Marshal(e.Fields)
		if err != nil {
			return keypoint.Event{}, wrong(badShape, "fields: not valid JSON")
		}
		text = string(data)
	}
	at := time.UnixMilli(e.At).Add(skew)
	if oldest := now.Add(-maxAge); at.Before(oldest) {
		at = oldest
	} else if at.After(now) {
		at = now
	}
	return keypoint.Event{ID: e.ID, Name: e.Name, Player: e.Player, At: at, Skew: skew, Received: now, Fields: text}, nil
}

// checkFields holds given against what is declared, and writes texts anew.
func checkFields(fields map[string]field, given map[string]json.RawMessage) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		f, ok := fields[name]
		if !ok {
			return wrong(badField, "fields: one is not declared")
		}
		if !f.fits(given[name]) {
			return wrong(badField, "fields.%s: must be a %s, of at most %.0f", name, f.kind, f.max)
		}
		if f.kind == typeString {
			given[name] = anew(given[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := given[name]; !ok && fields[name].required {
			return wrong(missing, "fields.%s: must be there", name)
		}
	}
	return nil
}

// anew is a text in JSON without halves of pairs, such as \ud83d alone, which Go lets pass and SQL does not: a client that cuts a text off makes them.
func anew(raw json.RawMessage) json.RawMessage {
	var text string
	_ = json.Unmarshal(raw, &text) // it fits
	data, _ := json.Marshal(text)  // never fails for a text
	return data
}

// fits reports whether a value is of the type, and not too large.
func (f field) fits(raw json.RawMessage) bool {
	if bytes.Equal(raw, []byte("null")) {
		return false
	}
	switch f.kind {
	case typeString:
		var text string
		return json.Unmarshal(raw, &text) == nil && utf8.RuneCountInString(text) <= int(f.max)
	case typeBool:
		var yes bool
		return json.Unmarshal(raw, &yes) == nil
	case typeInt:
		var n int64
		return json.Unmarshal(raw, &n) == nil && math.Abs(float64(n)) <= f.max
	default:
		var n float64
		return len(raw) <= maxNumber && json.Unmarshal(raw, &n) == nil && math.Abs(n) <= f.max
	}
}

// skewOf is what to add to a client's times whose clock said sent when it was now. Less than a minute is the network's, not the clock's.
func skewOf(sent int64, now time.Time) time.Duration {
	if sent <= 0 || sent > maxEpochMS {
		return 0
	}
	skew := now.Sub(time.UnixMilli(sent)) // Sub stops at the longest duration: times far off are clamped in the end
	if skew.Abs() < maxSkew {
		return 0
	}
	return skew
}

// cut is as much of what is malformed as is kept, as text that SQL takes.
func cut(raw []byte) string {
	raw = raw[:min(len(raw), maxRejectedBody)]
	return string(bytes.ReplaceAll(bytes.ToValidUTF8(raw, []byte("?")), []byte{0}, []byte("?")))
}
