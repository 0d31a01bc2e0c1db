package gm

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/store/operator"
	"loumiao/web/httpserver"
)

// recordWait bounds recording what came of an act, whose request may have run out of time.
const recordWait = 5 * time.Second

// An act is something that an operator does. The page with its form and the JSON call are the same act.
type act struct {
	name, title string
	role        operator.Role
	reason      bool    // it must be given
	target      string  // the field that the audit can be searched by
	preview     string  // the command that says beforehand what it would do; "": none
	fields      []field // of its form
	state       func(*fiber.Ctx, *values) (any, error)
	do          func(context.Context, deed, *values) (any, error)
}

func (a act) path() string { return "/acts/" + a.name }

// A deed is one act being done: the name of its command, and who has it done.
type deed struct{ id, author, reason, preview string }

// A secret result is shown once, to who asked, and not recorded.
type secret interface{ secret() }

// commanded has public do it.
func commanded(s *Service, name string, args func(*values) any) func(context.Context, deed, *values) (any, error) {
	return func(ctx context.Context, d deed, v *values) (any, error) {
		name := name
		if d.preview != "" {
			name = d.preview
		}
		made := args(v)
		if err := v.err(); err != nil {
			return nil, err
		}
		return s.submit(ctx, command.Command{ID: d.id, Name: name, Author: d.author, Reason: d.reason}, made)
	}
}

func (s *Service) submit(ctx context.Context, c command.Command, args any) (any, error) {
	var err error
	if c.Args, err = json.Marshal(args); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, commandWait)
	defer cancel()
	result, err := s.Commands.Submit(ctx, c)
	if err != nil {
		return nil, err
	}
	return result.Value, result.Err()
}

// perform does an act: it is in the audit before it is done, and what came of it afterwards.
func (s *Service) perform(c *fiber.Ctx, who operator.Session, a act, v *values, reason string) (any, error) {
	reason = strings.TrimSpace(reason)
	if a.reason && reason == "" {
		return nil, fault.New(fault.Invalid, "a reason must be given")
	}
	if utf8.RuneCountInString(reason) > command.MaxReason || !utf8.ValidString(reason) {
		return nil, fault.Errorf(fault.Invalid, "the reason has more than %d characters", command.MaxReason)
	}
	v.check(a.fields)
	if err := v.err(); err != nil {
		return nil, err
	}
	entry := operator.Entry{
		Operator: who.Operator.Name, Address: s.ClientIP(c).String(), Act: a.name, Target: a.target + " " + v.text(a.target), Args: v.json(), Reason: reason,
	}
	if a.state != nil {
		before, err := a.state(c, v)
		if err != nil {
			return nil, err
		}
		entry.Before = asJSON(before)
	}
	ctx := c.UserContext()
	number, err := s.Operators.Begin(ctx, entry)
	if err != nil {
		return nil, err
	}
	value, err := a.do(ctx, deed{id: "gm-" + strconv.FormatInt(number, 10), author: entry.Operator, reason: reason}, v)
	result := operator.Result{Outcome: outcome(err), Value: asJSON(value)}
	if err != nil {
		_, result.Error = fault.Outside(err)
	} else if a.state != nil {
		if after, err := a.state(c, v); err == nil { // it was done, whether or not it can be seen
			result.After = asJSON(after)
		}
	}
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWait)
	defer cancel()
	return value, errors.Join(err, s.Operators.End(recording, number, result))
}

// outcome is unknown after errors that leave it open whether it was done.
func outcome(err error) operator.Outcome {
	switch fault.CodeOf(err) {
	case fault.OK:
		return operator.Done
	case fault.Deadline, fault.Lost, fault.Unavailable, fault.Cancelled, fault.Internal:
		return operator.Unknown
	}
	return operator.Failed
}

func asJSON(value any) json.RawMessage {
	if _, ok := value.(secret); ok {
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return text
}

// lookUp asks public for a player.
func (s *Service) lookUp(c *fiber.Ctx, args command.LookUpArgs) (*command.Found, error) {
	who, _ := c.Locals(whoKey).(operator.Session)
	ask := command.Command{ID: "look-" + newID(), Name: command.LookUp, Author: who.Operator.Name, Reason: "look-up"}
	value, err := s.submit(c.UserContext(), ask, args)
	if err != nil {
		return nil, err
	}
	text, _ := value.(json.RawMessage)
	found := new(command.Found)
	return found, json.Unmarshal(text, found)
}

// previewed is what an act would do.
func (s *Service) previewed(c *fiber.Ctx, who operator.Session, a act, v *values) (any, error) {
	v.check(a.fields)
	if err := v.err(); err != nil {
		return nil, err
	}
	return a.do(c.UserContext(), deed{id: "look-" + newID(), author: who.Operator.Name, reason: "preview", preview: a.preview}, v)
}

// A call is an act as JSON.
type call struct {
	Reason  string            `json:"reason"`
	Preview bool              `json:"preview"`
	Fields  map[string]string `json:"fields"`
}

func (s *Service) submitJSON(c *fiber.Ctx, who operator.Session, a act) error {
	var in call
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	v := &values{given: in.Fields}
	var value any
	var err error
	if in.Preview && a.preview != "" {
		value, err = s.previewed(c, who, a, v)
	} else if in.Preview {
		err = fault.New(fault.Invalid, "there is no preview of this")
	} else {
		value, err = s.perform(c, who, a, v, in.Reason)
	}
	if err != nil {
		return err
	}
	return c.JSON(struct {
		Result any `json:"result"`
	}{value})
}
