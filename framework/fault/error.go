package fault

import (
	"context"
	"errors"
	"fmt"
)

// An Error is an error with a code, and a message for whoever asked. Make one with [New] or [Errorf].
type Error struct {
	Code    Code
	Message string // shown to the outside; never holds a secret or another player's data
	cause   error  // for errors.Is and the log; never shown
}

// New is an error with a code and a message for the outside.
func New(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// Errorf is [New] with formatting. An error given with %w is kept for errors.Is, and its text is part of the message,
// so wrap only what the outside may read.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// Wrap gives err a code and a message for the outside, and keeps err itself for the log and errors.Is.
func Wrap(err error, code Code, message string) *Error {
	return &Error{Code: code, Message: message, cause: err}
}

// Error is the text for logs, cause included.
func (e *Error) Error() string {
	if e.cause != nil && e.cause.Error() != e.Message {
		return e.Code.String() + ": " + e.Message + ": " + e.cause.Error()
	}
	return e.Code.String() + ": " + e.Message
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is an *Error with the same code and the same or no message, so that
// errors.Is(err, ErrNoRoom) holds for an error that came back over a wire.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Message == "" || t.Message == e.Message)
}

// Outside is what the outside may know of err: its code and message. A context's errors become [Deadline] and
// [Cancelled]; whatever was not made here is [Internal] with no details.
func Outside(err error) (Code, string) {
	if err == nil {
		return OK, ""
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Code, e.Message
	case errors.Is(err, context.DeadlineExceeded):
		return Deadline, "no answer in time"
	case errors.Is(err, context.Canceled):
		return Cancelled, "the caller gave up"
	}
	return Internal, "internal error"
}

// CodeOf is err's code as the outside sees it; [OK] for nil.
func CodeOf(err error) Code {
	code, _ := Outside(err)
	return code
}
