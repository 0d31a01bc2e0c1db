package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"loumiao/framework/fault"
)

// A Handler does one kind of command.
type Handler struct {
	name string
	once bool
	read bool
	do   func(ctx context.Context, c Command) (any, error)
}

// Handle is a handler of commands of that name, whose arguments are an A in JSON; fields that A has not are refused. What fn returns is made JSON for the author, and its
// error's code and message reach him. fn may be run again for a command whose result was not recorded.
func Handle[A any](name string, fn func(ctx context.Context, c Command, args A) (any, error)) Handler {
	return Handler{name: name, do: func(ctx context.Context, c Command) (any, error) {
		var args A
		in := json.NewDecoder(bytes.NewReader(c.Args))
		in.DisallowUnknownFields()
		if err := in.Decode(&args); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the arguments are wrong: "+err.Error())
		}
		if _, err := in.Token(); !errors.Is(err, io.EOF) {
			return nil, fault.New(fault.Invalid, "the arguments are more than one JSON value")
		}
		return fn(ctx, c, args)
	}}
}

// AtMostOnce has a command that was interrupted answered with [fault.Lost] in place of being done again: for what must not happen twice and has no key, such as
// a restart.
func (h Handler) AtMostOnce() Handler {
	h.once = true
	return h
}

// Reading says that the command changes nothing: it is not recorded, and done anew each time it is submitted.
func (h Handler) Reading() Handler {
	h.read = true
	return h
}

// Reads is whether the command changes nothing.
func (h Handler) Reads() bool { return h.read }

// Name is the name of the commands that it does.
func (h Handler) Name() string { return h.name }

// Repeats is whether a command that was interrupted may be done again.
func (h Handler) Repeats() bool { return !h.once }

// Do does a command.
func (h Handler) Do(ctx context.Context, c Command) Result {
	value, err := h.do(ctx, c)
	if err != nil {
		return failed(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return failed(err)
	}
	return Result{Value: text}
}

// failed is what operators may read of an error, and all of it for the log.
func failed(err error) Result {
	code, said := fault.Outside(err)
	return Result{Code: code, Error: said, Cause: err}
}
