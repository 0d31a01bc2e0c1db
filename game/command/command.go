package command

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"loumiao/framework/fault"
)

// Bounds of a command.
const (
	MaxArgs   = 600 << 10 // bytes: a design table, in JSON
	MaxAuthor = 64        // characters
	MaxReason = 500       // characters
)

// Lasts is how long a command may wait for public to begin it. Who commanded it has seen long before that nobody answers, and may have done something else.
const Lasts = 5 * time.Minute

var lasts = fmt.Sprintf("%.0f minutes", Lasts.Minutes())

// ErrExpired is what comes of a command that nobody has begun in time.
var ErrExpired = fault.New(fault.FailedPrecondition, "expired, not executed: nobody began it within "+lasts+"; command it anew if it is still to be done")

// A Command is something that an operator wants done.
type Command struct {
	ID     string          `json:"id"`   // names it for good: 1 to 64 letters, digits, "-" and "_"
	Name   string          `json:"name"` // which kind: 1 to 64 lower-case letters, digits and "_"
	Args   json.RawMessage `json:"args"` // what its kind takes; nothing is {}
	Author string          `json:"author"`
	Reason string          `json:"reason"`
}

// A Result is what came of a command.
type Result struct {
	Code  fault.Code      `json:"code"` // 0: it was done
	Error string          `json:"error,omitempty"`
	Value json.RawMessage `json:"value,omitempty"` // what its kind answers
	Cause error           `json:"-"`               // all of why it was not done, for the log of who has tried
}

// Err is nil, or why the command was not done.
func (r Result) Err() error {
	if r.Code == fault.OK {
		return nil
	}
	return fault.New(r.Code, r.Error)
}

var (
	ids   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	names = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
)

// Validate is nil, or what is wrong with the command. Whether its arguments are right, its handler says.
func (c Command) Validate() error {
	switch {
	case !ids.MatchString(c.ID):
		return fault.New(fault.Invalid, `the id of a command is 1 to 64 letters, digits, "-" and "_"`)
	case !names.MatchString(c.Name):
		return fault.New(fault.Invalid, `the name of a command is 1 to 64 lower-case letters, digits and "_"`)
	case len(c.Args) > MaxArgs:
		return fault.Errorf(fault.TooLarge, "the arguments of a command are more than %d bytes", MaxArgs)
	case len(c.Args) > 0 && !json.Valid(c.Args):
		return fault.New(fault.Invalid, "the arguments of a command are not JSON")
	case !text(c.Author, MaxAuthor):
		return fault.Errorf(fault.Invalid, "the author of a command must be given, in at most %d characters", MaxAuthor)
	case !text(c.Reason, MaxReason):
		return fault.Errorf(fault.Invalid, "the reason of a command must be given, in at most %d characters", MaxReason)
	}
	return nil
}

func text(s string, most int) bool {
	return strings.TrimSpace(s) != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= most
}

// parse reads what is on the stream. What can be read of it is returned with an error too: its id, to answer to.
func parse(data string) (c Command, err error) {
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		return c, fault.Wrap(err, fault.Invalid, "the command is not JSON of the right shape")
	}
	if len(c.Args) == 0 {
		c.Args = json.RawMessage("{}")
	}
	return c, c.Validate()
}
