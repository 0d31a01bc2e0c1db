package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/trace"
	"loumiao/framework/wire"
)

// Config is what a gate needs. Fields without a default are required.
type Config struct {
	// Self is the gate's own node.
	Self link.Peer
	// Registry is every message that clients may send or be sent.
	Registry *wire.Registry
	// View is the cluster, in which the gate finds its backends.
	View cluster.View
	// Links configures the lines to the backends.
	Links link.Config
	// Listen is where clients come in. At least one.
	Listen []Listen
	// Routes are the types of node that clients may reach.
	Routes []Route

	// Authenticate tells whose token it is. Its error goes to the client. It is called by many goroutines. nil: every token is refused, and only
	// anonymous sessions are possible.
	Authenticate func(ctx context.Context, token string) (Identity, error)
	// Admit says why somebody whose token is good may not begin a session now; its error goes to the client. One who comes back to a session that he has is
	// not asked about. It returns at once, and is called by many goroutines. nil: everybody may.
	Admit func(who Identity) error
	// Barred says why a player may not come in although his token is good, such as a ban: its error goes to the client. It is asked after the player's
	// session is claimed, so that whoever notes a ban first and then ends the player's session misses nobody. nil: nobody is barred.
	Barred func(ctx context.Context, who Identity) error
	// Sessions is where gates agree on each player's one session. nil: the gate is the only one.
	Sessions SessionRegistry
	// KickRemote ends what another gate has of a player, because he is here now: with fault.Replaced his session, with fault.Lost only the connection
	// that his session has come back from. Required with Sessions.
	KickRemote func(ctx context.Context, holder Holder, code fault.Code) error
	// Owner is the node that has the player now, for routes with [PickOwner]; 0 if none has. Required for those.
	Owner func(ctx context.Context, player int64) (id.Node, error)

	// MinClient is the lowest version of the game's client that is let in, "1.2.3". "" lets all in, also those that do not say.
	MinClient string
	// MaxSessions is how many sessions the gate holds. One more is told that the gate is overloaded. Default 20,000.
	MaxSessions int
	// MaxPending is how many connections may be there that have not said Hello. One more pushes out the oldest. Default 1,024.
	MaxPending int
	// MaxPerAddress is how many connections one client address may have; with IPv6, that is a network of 64 bits. One more is told that the gate is
	// overloaded. Many players may share an address: a house, a campus, a mobile network. Default 0: no limit.
	MaxPerAddress int
	// HandshakeTimeout is how long a connection has to say Hello, and how long answering it may take. Default 5 s.
	HandshakeTimeout time.Duration
	// Grace is how long the backends keep the session of a player whose connection, or gate, broke, so that he can come back to it by any gate. Default
	// 60 s; negative: not at all.
	Grace time.Duration
	// Heartbeat is after what silence a client should send a Ping; over UDP, after a fifth of it, since nothing else tells it that the gate is gone. One
	// that is silent for three times as long is cut off. Default 15 s.
	Heartbeat time.Duration
	// MaxBody is the largest body that a client may send, in bytes. Default 16 KiB.
	MaxBody int
	// CompressFrom is from how many bytes on a body is compressed for clients that have asked for that. Clients may compress what they send then, too;
	// limits go by what it was before. Default 1,024; negative: nothing is compressed.
	CompressFrom int
	// RateMessages is how many frames a second a client may send for long. Default 50; negative: no limit.
	RateMessages int
	// BurstMessages is how many it may send at once. Default twice RateMessages.
	BurstMessages int
	// RateBytes is how many bytes a second a client may send for long, decompressed. Default 64 KiB; negative: no limit.
	RateBytes int
	// BurstBytes is how many it may send at once. Default twice RateBytes or 4 times MaxBody, whichever is more.
	BurstBytes int
	// Patience is how many frames over its rate a client may send before it is cut off; those in between are refused one by one. The
	// count halves with each second. Default 500.
	Patience int
	// MaxQueueBytes is how much may wait for one client, in bytes. A single frame may be larger. Default 256 KiB.
	MaxQueueBytes int
	// MaxQueueFrames is how many frames may wait for one client. Default 1,024.
	MaxQueueFrames int
	// SlowAfter is how long a client may take nothing of what waits for it before it is cut off. Default 10 s.
	SlowAfter time.Duration

	// Tracer begins a trace for some of the clients' messages, whatever those say. nil: for none.
	Tracer trace.Tracer
	// Logger gets what goes wrong. nil: nothing is logged.
	Logger *slog.Logger
}

// Listen is one place where clients come in.
type Listen struct {
	Transport Transport
	// Addr is host:port. Port 0 is any free one: see [Transport.Addr].
	Addr string
}

// An Identity is whose session it is.
type Identity struct {
	Player  int64 // never 0 in an authenticated session
	Account int64
	Area    uint16 // the player's area; 0: none. Backends of this area, or of area 0, are picked for it
	Login   string // for whoever asks whose session it is; means nothing here
	Way     string // how the client has logged in, for backends; at most 64 bytes, means nothing here
}

// A Route is a type of node that clients may reach.
type Route struct {
	// Type is the node type's name, as in the "to" of messages.
	Type string
	// Stream is the type's number in frames, 1 to 255. Keep it forever: clients are told in Welcome, but people read captures.
	Stream uint8
	// Pick is how the gate chooses a node for a session that has none.
	Pick Pick
}

// Pick is how the gate chooses a node for a session's first message to a type.
type Pick uint8

const (
	// PickNone never does: sessions are bound by another node.
	PickNone Pick = iota
	// PickLeast takes two ready nodes at random and then the one with fewer sessions of this gate.
	PickLeast
	// PickOwner takes the node that has the player or, if none has, goes on as PickLeast.
	PickOwner
	// PickSingle takes the one that is ready: of a singleton's nodes only the active one is.
	PickSingle
)

// A SessionRegistry knows each player's one session over all gates.
type SessionRegistry interface {
	// Claim makes the holder the player's, in its turn, which is returned, and after the one whose place it takes, or nil. If again is set, it is for a
	// session that comes back: should the player have another one by now, that stays, and the error is [ErrReplaced].
	Claim(ctx context.Context, player int64, h Holder, again bool) (turn uint64, previous *Holder, err error)
	// Release notes that nobody has the player's session, if it is still this holder's. The registry should remember for a while which session was
	// the last, and in which turn.
	Release(ctx context.Context, player int64, h Holder) error
}

// A Holder is who has a player's session: one connection of it, at one gate.
type Holder struct {
	Node    id.Node
	Session id.Session
	// Turn orders the connections of one player: each has a greater one than those before it. Claim gives them out. They should look like
	// milliseconds since 1970, so that they go on growing when a registry has forgotten everything: see [NextTurn].
	Turn uint64
}

// ErrReplaced says that a session cannot come back because its player has another one.
var ErrReplaced error = fault.New(fault.Replaced, "the player has another session now")

// NextTurn is the turn of a connection that is claimed now and after the previous one, if there is one.
func NextTurn(now time.Time, previous *Holder) uint64 {
	turn := uint64(now.UnixMilli())
	if previous != nil {
		turn = max(turn, previous.Turn+1)
	}
	return turn
}

// Validate says everything that is wrong with the configuration at once.
func (c *Config) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf("gate: "+format, args...)) }
	if c.Self.Node == 0 {
		bad("Self.Node: missing")
	}
	if c.Registry == nil {
		bad("Registry: missing")
	}
	if c.View == nil {
		bad("View: missing")
	}
	if len(c.Listen) == 0 {
		bad("Listen: at least one transport is needed")
	}
	for i, l := range c.Listen {
		if l.Transport == nil {
			bad("Listen[%d].Transport: missing", i)
		}
	}
	if c.Sessions != nil && c.KickRemote == nil {
		bad("KickRemote: missing, and Sessions needs it")
	}
	if _, err := parseVersion(c.MinClient); c.MinClient != "" && err != nil {
		bad("MinClient: %v", err)
	}
	problems = append(problems, c.validateRoutes()...)
	for _, limit := range []struct {
		name      string
		value     int
		low, high int
	}{
		{"MaxSessions", c.MaxSessions, 0, 1 << 24},
		{"MaxPending", c.MaxPending, 0, 1 << 20},
		{"MaxPerAddress", c.MaxPerAddress, 0, 1 << 24},
		{"MaxBody", c.MaxBody, 0, 1 << 20},
		{"CompressFrom", c.CompressFrom, -1 << 20, 1 << 20},
		{"BurstMessages", c.BurstMessages, 0, 1 << 24},
		{"BurstBytes", c.BurstBytes, 0, 1 << 30},
		{"Patience", c.Patience, 0, 1 << 24},
		{"MaxQueueBytes", c.MaxQueueBytes, 0, 1 << 30},
		{"MaxQueueFrames", c.MaxQueueFrames, 0, 1 << 20},
	} {
		if limit.value < limit.low || limit.value > limit.high {
			bad("%s: %d is not between %d and %d", limit.name, limit.value, limit.low, limit.high)
		}
	}
	if c.Grace > 24*time.Hour {
		bad("Grace: %v is more than 24h", c.Grace)
	}
	for _, limit := range []struct {
		name  string
		value time.Duration
	}{{"HandshakeTimeout", c.HandshakeTimeout}, {"Heartbeat", c.Heartbeat}, {"SlowAfter", c.SlowAfter}} {
		if limit.value != 0 && (limit.value < time.Millisecond || limit.value > 24*time.Hour) {
			bad("%s: %v is not between 1ms and 24h", limit.name, limit.value)
		}
	}
	return errors.Join(problems...)
}

func (c *Config) validateRoutes() (problems []error) {
	types, streams := map[string]bool{}, map[uint8]bool{}
	for i, r := range c.Routes {
		switch {
		case r.Type == "":
			problems = append(problems, fmt.Errorf("gate: Routes[%d].Type: missing", i))
		case types[r.Type]:
			problems = append(problems, fmt.Errorf("gate: Routes[%d].Type: %q has a route already", i, r.Type))
		case r.Stream == 0 || streams[r.Stream]:
			problems = append(problems, fmt.Errorf("gate: Routes[%d].Stream: %d for %s is 0 or taken", i, r.Stream, r.Type))
		case r.Pick > PickSingle:
			problems = append(problems, fmt.Errorf("gate: Routes[%d].Pick: %d for %s is none", i, r.Pick, r.Type))
		case r.Pick == PickOwner && c.Owner == nil:
			problems = append(problems, fmt.Errorf("gate: Owner: missing, and the route to %s needs it", r.Type))
		}
		types[r.Type], streams[r.Stream] = true, true
	}
	return problems
}

func (c *Config) setDefaults() {
	c.MaxSessions = cmp.Or(c.MaxSessions, 20_000)
	c.MaxPending = cmp.Or(c.MaxPending, 1024)
	c.HandshakeTimeout = cmp.Or(c.HandshakeTimeout, 5*time.Second)
	c.Grace = max(0, cmp.Or(c.Grace, 60*time.Second))
	c.Heartbeat = cmp.Or(c.Heartbeat, 15*time.Second)
	c.MaxBody = cmp.Or(c.MaxBody, 16<<10)
	c.CompressFrom = cmp.Or(c.CompressFrom, 1024)
	c.RateMessages = cmp.Or(c.RateMessages, 50)
	c.BurstMessages = cmp.Or(c.BurstMessages, 2*max(0, c.RateMessages))
	c.RateBytes = cmp.Or(c.RateBytes, 64<<10)
	c.BurstBytes = cmp.Or(c.BurstBytes, max(2*c.RateBytes, 4*c.MaxBody))
	c.Patience = cmp.Or(c.Patience, 500)
	c.MaxQueueBytes = cmp.Or(c.MaxQueueBytes, 256<<10)
	c.MaxQueueFrames = cmp.Or(c.MaxQueueFrames, 1024)
	c.SlowAfter = cmp.Or(c.SlowAfter, 10*time.Second)
	if c.Authenticate == nil {
		c.Authenticate = func(context.Context, string) (Identity, error) {
			return Identity{}, fault.New(fault.Unauthenticated, "this gate knows no tokens")
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}
