package robot

import (
	"context"
	"errors"
	"net"
	"strings"
	"unicode"
	"unicode/utf8"

	"loumiao/framework/fault"
)

// explain is the text of an error in a report: its code, and what is behind it on this side. It leaves out what differs each time, such as
// local ports, so that equal errors can be counted.
func explain(err error) string {
	text := err.Error()
	var f *fault.Error
	if errors.As(err, &f) {
		text = f.Code.String() + ": " + f.Message
	}
	var op *net.OpError
	if errors.As(err, &op) {
		behind := op.Op
		if op.Addr != nil {
			behind += " " + op.Addr.String()
		}
		return text + ": " + behind + ": " + op.Err.Error()
	}
	if f == nil {
		return text
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return text + ": no answer in time"
	}
	if cause := f.Unwrap(); cause != nil && cause.Error() != f.Message {
		return text + ": " + cause.Error()
	}
	return text
}

// maxText is the most that is shown of one text that came from outside, in bytes.
const maxText = 400

// legible is a text that fits into one line of a report: servers may say anything.
func legible(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + "..."
	}
	return strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, text)
}
