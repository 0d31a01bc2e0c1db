package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

func good() Command {
	return Command{ID: "c-1", Name: "mute", Args: json.RawMessage(`{"player":1}`), Author: "ann", Reason: "spam"}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	if err := good().Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Command){
		"no id":     func(c *Command) { c.ID = "" },
		"bad id":    func(c *Command) { c.ID = "a b" },
		"long id":   func(c *Command) { c.ID = strings.Repeat("a", 65) },
		"no name":   func(c *Command) { c.Name = "" },
		"bad name":  func(c *Command) { c.Name = "Mute" },
		"args":      func(c *Command) { c.Args = json.RawMessage(`{`) },
		"much":      func(c *Command) { c.Args = json.RawMessage(`"` + strings.Repeat("a", MaxArgs) + `"`) },
		"no author": func(c *Command) { c.Author = " " },
		"no reason": func(c *Command) { c.Reason = "" },
		"long":      func(c *Command) { c.Reason = strings.Repeat("é", MaxReason+1) },
	} {
		c := good()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestQueue submits, takes and answers; what was taken and not answered is taken again, and a stream that Redis has lost is made again.
func TestQueue(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		q := NewQueue(s)
		take := func(again bool) []Entry {
			t.Helper()
			for deadline := time.Now().Add(20 * time.Second); ; {
				entries, err := q.Take(t.Context(), again)
				if err != nil {
					t.Fatal(err)
				}
				if len(entries) > 0 || again || time.Now().After(deadline) {
					return entries
				}
			}
		}
		for round := range 2 {
			id := fmt.Sprint("round-", round)
			results := make(chan Result, 2)
			for range 2 {
				go func() {
					c := good()
					c.ID = id
					r, err := q.Submit(t.Context(), c)
					if err != nil {
						t.Error(err)
					}
					results <- r
				}()
			}
			var entries []Entry
			for len(entries) < 2 {
				entries = append(entries, take(false)...)
			}
			if again := take(true); len(again) != 2 || again[0].ID != id || again[0].Err != nil {
				t.Errorf("taken again: %+v", again)
			}
			for _, e := range entries {
				if err := q.Answer(t.Context(), e, Result{Code: fault.NotFound, Error: "nobody", Value: json.RawMessage(`1`)}); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if r := <-results; fault.CodeOf(r.Err()) != fault.NotFound || string(r.Value) != "1" {
					t.Errorf("%+v", r)
				}
			}
			if again := take(true); len(again) != 0 {
				t.Errorf("answered, and taken again: %+v", again)
			}
			if err := s.Redis().Del(t.Context(), q.stream()).Err(); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		if _, err := q.Submit(ctx, good()); fault.CodeOf(err) != fault.Deadline {
			t.Errorf("nobody answers: %v", err)
		}
		if _, err := q.Submit(t.Context(), Command{}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("submitted nothing: %v", err)
		}
	})
}

// TestSubmittedAgain: who submits a command again is told what came of it then, and not what he was told the first time.
func TestSubmittedAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		q := NewQueue(s)
		for i, says := range []fault.Code{fault.Unavailable, fault.Deadline, fault.OK} {
			told := make(chan Result, 1)
			go func() {
				r, err := q.Submit(t.Context(), good())
				if err != nil {
					t.Error(err)
				}
				told <- r
			}()
			var entries []Entry
			for len(entries) == 0 && t.Context().Err() == nil {
				var err error
				if entries, err = q.Take(t.Context(), false); err != nil {
					t.Fatal(err)
				}
			}
			if err := q.Answer(t.Context(), entries[0], Result{Code: says}); err != nil {
				t.Fatal(err)
			}
			if r := <-told; r.Code != says {
				t.Errorf("submission %d is told %v, and %v came of it", i, r.Code, says)
			}
		}
	})
}

func TestHandler(t *testing.T) {
	t.Parallel()
	type args struct {
		Player int64 `json:"player"`
	}
	h := Handle("mute", func(_ context.Context, c Command, a args) (any, error) {
		if a.Player == 0 {
			return nil, fault.New(fault.NotFound, "nobody")
		}
		if a.Player < 0 {
			return nil, errors.New("of a table that nobody outside should know")
		}
		return map[string]string{"by": c.Author}, nil
	})
	for text, want := range map[string]Result{
		`{"player":1}`:         {Value: json.RawMessage(`{"by":"ann"}`)},
		`{}`:                   {Code: fault.NotFound, Error: "nobody"},
		`{"player":-1}`:        {Code: fault.Internal, Error: "internal error"},
		`{"player":"x"}`:       {Code: fault.Invalid},
		`{"other":1}`:          {Code: fault.Invalid},
		`{"player":1} {"a":1}`: {Code: fault.Invalid},
		``:                     {Code: fault.Invalid},
	} {
		c := good()
		c.Args = json.RawMessage(text)
		if got := h.Do(t.Context(), c); got.Code != want.Code || string(got.Value) != string(want.Value) || want.Error != "" && got.Error != want.Error || (got.Cause == nil) != (want.Code == fault.OK) {
			t.Errorf("%s: %+v", text, got)
		}
	}
	if !h.Repeats() || h.AtMostOnce().Repeats() || h.Reads() || !h.Reading().Reads() || h.Name() != "mute" {
		t.Error("which command it is, and whether it repeats, is wrong")
	}
}

// FuzzParse: whatever stands on the stream is a command that is valid, or an error with a code.
func FuzzParse(f *testing.F) {
	f.Add(`{"id":"1","name":"mute","args":{"player":1},"author":"a","reason":"r"}`)
	f.Add(`{"id":7}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parse(text)
		if err == nil && (c.Validate() != nil || len(c.Args) == 0) {
			t.Errorf("%q is taken for %+v", text, c)
		}
		if err != nil && fault.CodeOf(err) == fault.Internal {
			t.Errorf("%q: %v", text, err)
		}
	})
}
