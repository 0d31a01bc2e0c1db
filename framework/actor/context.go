package actor

import (
	"context"
	"log/slog"
	"time"
)

// A Context is what a handler knows of the message in hand. It is a context.Context and valid only during the handler.
type Context struct{ context.Context }

// Self is the actor's own Ref.
func (c *Context) Self() Ref { panic("not built yet") }

// After has msg handled on the actor's turn after d, unless the actor stops before.
func (c *Context) After(d time.Duration, msg any) Timer { panic("not built yet") }

// Every has msg handled on the actor's turn every d, without drift; at most one tick is outstanding.
func (c *Context) Every(d time.Duration, msg any) Timer { panic("not built yet") }

// Responder is the current message's responder; nil for a Tell.
func (c *Context) Responder() Responder { panic("not built yet") }

// Defer takes over the reply: what the handler returns is ignored, and the Responder must be called exactly once later.
func (c *Context) Defer() Responder { panic("not built yet") }

// Stop stops the actor after this message and queued work.
func (c *Context) Stop() { panic("not built yet") }

// Logger is the system's logger with the actor's name.
func (c *Context) Logger() *slog.Logger { panic("not built yet") }

// A Timer is a message that an actor sends itself later.
type Timer struct{}

// Stop prevents the message, or further ones. It reports whether there was anything to prevent.
func (t Timer) Stop() bool { panic("not built yet") }
