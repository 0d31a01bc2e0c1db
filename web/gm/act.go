package gm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
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
	about       string // what it does, where the title does not say it all
	role        operator.Role
	reason      bool    // it must be given
	danger      bool    // it takes something away: it is asked for twice
	person      bool    // it makes access: no script's token can do it, or a stolen one could outlive its end
	menu        bool    // it stands in the menu, and not only on the pages of what it is done to
	target      string  // the field that the audit can be searched by
	fields      []field // of its form
	back        link    // where what it is done to is shown; the value of target is put behind a path that ends with "="
	state       looks   // what it may change, for the audit
	look        looks   // what is there, shown before it is done; nil: state
	preview     deeds   // says beforehand what it would do; nil: nothing does
	do          deeds
}

type (
	deeds = func(context.Context, deed, *values) (any, error)
	looks = func(*fiber.Ctx, *values) (any, error)
)

func (a act) path() string { return "/acts/" + a.name }

// asks is whether the form is shown a second time before the act is done.
func (a act) asks() bool { return a.danger || a.preview != nil }

// A deed is one act being done: the id of its command, and who has it done.
type deed struct {
	id, author, address, reason string
	seed                        string           // what it makes is made of it: see [operator.Deed]
	by                          operator.Session // the author's
}

// table is operators' tables, for what the console does there by itself: once for the deed, as public does a command.
func (s *Service) table(d deed) *operator.Store {
	return s.Operators.Once(operator.Deed{Key: d.id, Seed: d.seed, By: d.by})
}

// A secret result is shown once, to who asked, and not recorded.
type secret interface{ secret() }

// commanded has public do it.
func commanded(s *Service, name string, args func(*values) any) deeds {
	return func(ctx context.Context, d deed, v *values) (any, error) {
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

// ask has public answer a question: what a command that changes nothing says.
func ask[R any](c *fiber.Ctx, s *Service, name string, args any) (*R, error) {
	who, _ := c.Locals(whoKey).(operator.Session)
	value, err := s.submit(c.UserContext(), command.Command{ID: "look-" + newID(), Name: name, Author: who.Operator.Name, Reason: "look-up"}, args)
	if err != nil {
		return nil, err
	}
	text, _ := value.(json.RawMessage)
	found := new(R)
	return found, json.Unmarshal(text, found)
}

// A request is what an operator has asked for.
type request struct {
	who    operator.Session
	act    act
	given  *values
	reason string
	once   string // names it: asked for again, it is not done again. Empty: it is another one each time
}

var onceForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// check is what can be seen to be wrong without doing anything.
func (r *request) check() error {
	r.reason = strings.TrimSpace(r.reason)
	switch {
	case r.act.person && r.who.CSRF() == "":
		return fault.New(fault.Forbidden, "this is done in the console, and not with a token")
	case r.act.reason && r.reason == "":
		return fault.New(fault.Invalid, "a reason must be given")
	case utf8.RuneCountInString(r.reason) > command.MaxReason || !utf8.ValidString(r.reason):
		return fault.Errorf(fault.Invalid, "the reason has more than %d characters", command.MaxReason)
	case strings.ContainsFunc(r.reason, hides):
		return fault.New(fault.Invalid, "the reason has a control character")
	case r.once != "" && !onceForm.MatchString(r.once):
		return fault.New(fault.Invalid, `once: must be 1 to 64 letters, digits, "-" and "_"`)
	}
	r.given.check(r.act.fields)
	for _, f := range r.act.fields {
		if !f.open(r.who.Operator.Role) && r.given.text(f.name) != "" {
			r.given.bad(f.name, "needs the role "+string(f.role))
		}
		if f.kind == again && r.given.text(f.name) != r.given.text(r.act.target) {
			r.given.bad(f.name, "must be the same "+r.act.target+" once more")
		}
	}
	return r.given.err()
}

// hides is whether a character is none to see, and may change how those around it are seen.
func hides(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// id names the command. What an operator has chosen is his alone.
func (r *request) id(number int64) string {
	if r.once == "" {
		return "gm-" + strconv.FormatInt(number, 10)
	}
	sum := sha256.Sum256([]byte(r.who.Operator.Name + " " + r.act.name + " " + r.once))
	return "gm-" + hex.EncodeToString(sum[:24])
}

// back is where what the act is done to is shown.
func (r *request) back() link {
	to := r.act.back
	if strings.HasSuffix(to.Path, "=") {
		to.Path += url.QueryEscape(r.given.text(r.act.target))
	}
	return to
}

// perform does an act: it is in the audit before it is done, and what came of it afterwards.
func (s *Service) perform(c *fiber.Ctx, r *request) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	a, v := r.act, r.given
	entry := operator.Entry{
		Operator: r.who.Operator.Name, Address: s.ClientIP(c).String(), Act: a.name, Target: a.target + " " + v.text(a.target), Args: v.json(a.fields), Reason: r.reason,
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
	value, err := a.do(ctx, deed{
		id: r.id(number), author: entry.Operator, address: entry.Address, reason: r.reason, seed: cmp.Or(r.once, newID()), by: r.who,
	}, v)
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

// previewed is what an act would do: what it says itself, or else what there is now.
func (s *Service) previewed(c *fiber.Ctx, r *request) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	switch {
	case r.act.preview != nil:
		return r.act.preview(c.UserContext(), deed{id: "look-" + newID(), author: r.who.Operator.Name, reason: "preview"}, r.given)
	case r.act.look != nil:
		return r.act.look(c, r.given)
	case r.act.state != nil:
		return r.act.state(c, r.given)
	}
	return nil, nil
}

// A call is an act as JSON.
type call struct {
	Reason  string            `json:"reason"`
	Once    string            `json:"once"`
	Preview bool              `json:"preview"`
	Fields  map[string]string `json:"fields"`
}

func (s *Service) submitJSON(c *fiber.Ctx, who operator.Session, a act) error {
	var in call
	if err := httpserver.Decode(c, &in); err != nil {
		return err
	}
	r := &request{who: who, act: a, given: &values{given: in.Fields}, reason: in.Reason, once: in.Once}
	var value any
	var err error
	switch {
	case in.Preview && a.preview == nil:
		err = fault.New(fault.Invalid, "there is no preview of this")
	case in.Preview:
		value, err = s.previewed(c, r)
	default:
		value, err = s.perform(c, r)
	}
	if err != nil {
		return err
	}
	return c.JSON(struct {
		Result any `json:"result"`
	}{value})
}
