package public

import (
	"context"
	"encoding/json"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/store/public"
)

// commandTimeout is how long a command may take: those behind it wait.
const commandTimeout = 10 * time.Second

// obey does what operators command, one after the other, until ctx ends. It begins with what the last leader had taken and not answered.
func (r *reign) obey(ctx context.Context) {
	failing, again := false, true
	for ctx.Err() == nil {
		entries, err := r.queue.Take(ctx, again)
		if err == nil {
			err = r.obeyAll(ctx, entries)
		}
		if err != nil {
			again = true // one that was taken is still to be answered
			if !r.failed(ctx, "do commands", err, &failing) {
				return
			}
			continue
		}
		failing = false
		again = again && len(entries) > 0
	}
}

func (r *reign) obeyAll(ctx context.Context, entries []command.Entry) error {
	for _, e := range entries {
		result, err := r.obeyOne(ctx, e)
		if err != nil {
			return err
		}
		if err := r.queue.Answer(ctx, e, result); err != nil {
			return err
		}
	}
	return nil
}

// obeyOne records a command, does it, and records what came of it; the error is that it cannot be recorded. One that was recorded before is not done again, but
// for one that was interrupted and repeats. One that only reads is not recorded, nor is one about somebody who was erased. One that is late is not begun any more; one that
// the last leader had begun is finished, however late.
func (r *reign) obeyOne(ctx context.Context, e command.Entry) (command.Result, error) {
	if e.Err != nil {
		r.log.Warn("a command cannot be done", "id", e.ID, "command", e.Name, "err", e.Err)
		code, said := fault.Outside(e.Err)
		return command.Result{Code: code, Error: said}, nil
	}
	given, late := public.Command{ID: e.ID, Name: e.Name, Args: string(e.Args), Author: e.Author, Reason: e.Reason}, e.Late()
	expired := command.Result{Code: command.ErrExpired.Code, Error: command.ErrExpired.Message}
	if h, ok := r.handlers[e.Name]; ok && h.Reads() {
		if late {
			return expired, nil
		}
		return r.do(ctx, given, true), nil
	}
	if gone, err := r.aboutErased(ctx, e.Command); err != nil {
		return command.Result{}, err
	} else if gone {
		return command.Result{Code: public.ErrErased.Code, Error: public.ErrErased.Message}, nil
	}
	if late {
		given.Ended, given.Code, given.Error = r.now(), expired.Code, expired.Error
	}
	c, first, err := r.leader.StartCommand(ctx, given)
	if err != nil {
		return command.Result{}, err
	}
	if late && first {
		r.log.Warn("a command has expired", "id", c.ID, "command", c.Name, "author", c.Author)
	}
	if !c.Ended.IsZero() {
		return command.Result{Code: c.Code, Error: c.Error, Value: []byte(c.Result)}, nil
	}
	if late && !e.Again { // it was begun when it was submitted before, and not again since
		return command.Result{Code: fault.Lost, Error: "it waited for too long to be done again: nobody knows whether it was done before"}, nil
	}
	result := r.do(ctx, c, first)
	if ctx.Err() != nil {
		return result, ctx.Err() // interrupted: the next leader does it
	}
	if result.Code == fault.Fenced {
		return result, public.ErrFenced
	}
	if h, ok := r.handlers[c.Name]; ok && h.Repeats() && passes(result.Code) {
		return result, nil // not recorded as ended: submitted again, it is done again
	}
	c.Code, c.Error, c.Result = result.Code, result.Error, "null"
	if len(result.Value) > 0 {
		c.Result = string(result.Value)
	}
	r.log.Info("a command was done", "id", c.ID, "command", c.Name, "author", c.Author, "code", uint16(c.Code), "error", c.Error)
	return result, r.leader.EndCommand(ctx, c)
}

// aboutErased is whether a command is about somebody who was erased: it may have waited for that, and what it says of him is not to be recorded any more.
func (r *reign) aboutErased(ctx context.Context, c command.Command) (bool, error) {
	var about struct{ Player, Account int64 }
	if c.Name == command.Erase || json.Unmarshal(c.Args, &about) != nil || about.Player == 0 && about.Account == 0 {
		return false, nil
	}
	return r.store.Erased(ctx, about.Player, about.Account)
}

// passes is whether what went wrong may go right another time, or may even have gone right.
func passes(code fault.Code) bool {
	return code == fault.Unavailable || code == fault.Lost || code == fault.Deadline || code == fault.Overloaded
}

func (r *reign) do(ctx context.Context, c public.Command, first bool) (result command.Result) {
	handler, ok := r.handlers[c.Name]
	if !ok {
		return command.Result{Code: fault.Unimplemented, Error: "there is no command " + c.Name}
	}
	if !first && !handler.Repeats() {
		return command.Result{Code: fault.Lost, Error: "it was interrupted: nobody knows whether it was done"}
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	err := guarded(func() error {
		result = handler.Do(ctx, command.Command{ID: c.ID, Name: c.Name, Args: []byte(c.Args), Author: c.Author, Reason: c.Reason})
		return nil
	})
	if err != nil {
		r.log.Error("a command has panicked", "id", c.ID, "command", c.Name, "err", err)
		return command.Result{Code: fault.Internal, Error: "it failed: the log says why"}
	}
	if result.Code == fault.Internal {
		r.log.Error("a command has failed", "id", c.ID, "command", c.Name, "err", result.Cause)
	}
	return result
}
