package match

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Config says what is played and how long things may take.
type Config struct {
	// Modes by name. A name is 1 to 32 of a-z, 0-9, '-' and '_'. Default: those of the design tables, as they change; without tables
	// "arena", for 8, and "duel-frame", for 2 whose clients run the simulation.
	Modes map[string]Mode `yaml:"modes"`
	// Tick is the pause between two passes over a pool. Default 200 ms.
	Tick time.Duration `yaml:"tick"`
	// TicketTTL is how long a ticket waits before it is given up and its owner told. Default 5 min.
	TicketTTL time.Duration `yaml:"ticket_ttl"`
	// Unattended is how long a ticket waits for which no world stands: that of its player, or of one of its party, has died, or does not know of it. Worlds stand for what they
	// have every world.report_every, 5 s at most. At least three of these. Default 20 s.
	Unattended time.Duration `yaml:"unattended"`
	// Lead is how long a pool goes without passes when the node that ran them has died. At least three ticks. Default 2 s.
	Lead time.Duration `yaml:"lead"`
	// Lease is how long a match may take from its claim to its commit, and from there until all owners are told; then
	// another node takes over. Default 10 s.
	Lease time.Duration `yaml:"lease"`
	// Abandon is the age from which a match that nobody has finished is given up instead of taken over: its battle may be
	// over. More than Lease. Default 30 s.
	Abandon time.Duration `yaml:"abandon"`
	// Assignments is how many matches one node may have between claim and finish. Default 512.
	Assignments int `yaml:"assignments"`
}

// A Mode is what players choose, and how groups for it are formed.
type Mode struct {
	// Players is the size of a full group. Default 8.
	Players int `yaml:"players"`
	// MinPlayers is the smallest group that may start once its oldest ticket's Patience is over. Default 2.
	MinPlayers int `yaml:"min_players"`
	// Patience is how long a ticket waits for a full group. Default 5 s.
	Patience time.Duration `yaml:"patience"`
	// Window is how many rating points a new ticket accepts between itself and each other ticket of its group. Default 100.
	Window int `yaml:"window"`
	// WidenPerSecond is how much wider the window gets while the ticket waits, in points a second. Default 50.
	WidenPerSecond int `yaml:"widen_per_second"`
	// MaxWindow is how wide the window gets at most. Default 1000.
	MaxWindow int `yaml:"max_window"`
	// Starving is how long a ticket waits until rating is no reason any more: it goes with those who are nearest, whatever their windows. Default 2 min.
	Starving time.Duration `yaml:"starving"`
	// Teams is into how many teams of equal size a group is split; Players is then a multiple of it and MinPlayers the same as Players. A party takes as many places as it has
	// players, and its players are in one team; where everybody is for himself, there are no parties. Default 0: everybody for himself.
	Teams int `yaml:"teams"`
	// Accept is how long the players of a group are asked whether they accept the match. Who says no or nothing loses his ticket; the others wait again. At most 5 min. Default
	// 0: nobody is asked.
	Accept time.Duration `yaml:"accept"`
	// Backfill has a ticket of one player go into a battle that is on, on the seat of one who has left for good, if its zone offers that. He is not asked whether he accepts it: who does
	// not want the seat need not take it up. Not for modes whose clients run the simulation. Default false.
	Backfill bool `yaml:"backfill"`
}

// Largest values that Validate lets through.
const (
	maxPlayers     = 256
	maxWindowBound = 1 << 24 // rating points
	maxAssignments = 1 << 16
	maxAccept      = 5 * time.Minute
	minUnattended  = 15 * time.Second
)

var modeName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// WithDefaults is the configuration with its zero fields at their defaults.
func (c Config) WithDefaults() Config {
	modes := make(map[string]Mode, max(1, len(c.Modes)))
	for name, m := range c.Modes {
		modes[name] = m.withDefaults()
	}
	if len(modes) == 0 {
		modes["arena"] = Mode{}.withDefaults()
		modes["duel-frame"] = Mode{Players: 2}.withDefaults()
	}
	c.Modes = modes
	c.Tick = or(c.Tick, 200*time.Millisecond)
	c.TicketTTL = or(c.TicketTTL, 5*time.Minute)
	c.Unattended = or(c.Unattended, 20*time.Second)
	c.Lead = or(c.Lead, max(2*time.Second, 3*c.Tick))
	c.Lease = or(c.Lease, 10*time.Second)
	c.Abandon = or(c.Abandon, 3*c.Lease)
	c.Assignments = or(c.Assignments, 512)
	return c
}

func (m Mode) withDefaults() Mode {
	m.Players = or(m.Players, 8)
	if m.Teams > 1 {
		m.MinPlayers = or(m.MinPlayers, m.Players)
	}
	m.MinPlayers = or(m.MinPlayers, min(2, m.Players))
	m.Patience = or(m.Patience, 5*time.Second)
	m.Window = or(m.Window, 100)
	m.WidenPerSecond = or(m.WidenPerSecond, 50)
	m.MaxWindow = or(m.MaxWindow, max(1000, m.Window))
	m.Starving = or(m.Starving, 2*time.Minute)
	return m
}

// team is how many players a team has.
func (m Mode) team() int { return m.Players / max(1, m.Teams) }

// party is how many players may share a ticket.
func (m Mode) party() int {
	if m.Teams <= 1 {
		return 1
	}
	return min(m.team(), MaxParty)
}

// Validate names everything that is wrong with a configuration, after defaults.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("match."+format, args...))
		}
	}
	wrong(c.Tick < 10*time.Millisecond || c.Tick > 10*time.Second, "tick: %v is not between 10ms and 10s", c.Tick)
	wrong(c.TicketTTL < time.Second, "ticket_ttl: %v is under 1s", c.TicketTTL)
	wrong(c.Unattended < minUnattended, "unattended: %v is under %v", c.Unattended, minUnattended)
	wrong(c.Lead < 3*c.Tick, "lead: %v is under three ticks of %v", c.Lead, c.Tick)
	wrong(c.Lease < time.Second, "lease: %v is under 1s", c.Lease)
	wrong(c.Abandon <= c.Lease, "abandon: %v is not over the lease of %v", c.Abandon, c.Lease)
	wrong(c.Assignments < 1 || c.Assignments > maxAssignments, "assignments: %d is not between 1 and %d", c.Assignments, maxAssignments)
	for _, name := range c.modeNames() {
		m, at := c.Modes[name], "modes."+name
		wrong(!modeName.MatchString(name), "modes: name %q is not 1 to 32 of a-z, 0-9, '-' and '_'", name)
		wrong(m.Players < 1 || m.Players > maxPlayers, at+".players: %d is not between 1 and %d", m.Players, maxPlayers)
		wrong(m.MinPlayers < 1 || m.MinPlayers > m.Players, at+".min_players: %d is not between 1 and players, %d", m.MinPlayers, m.Players)
		wrong(m.Patience < 0, at+".patience: %v is negative", m.Patience)
		wrong(m.Window < 0 || m.Window > m.MaxWindow, at+".window: %d is not between 0 and max_window, %d", m.Window, m.MaxWindow)
		wrong(m.WidenPerSecond < 0 || m.WidenPerSecond > maxWindowBound, at+".widen_per_second: %d is not between 0 and %d", m.WidenPerSecond, maxWindowBound)
		wrong(m.Teams < 0 || m.Teams > m.Players || m.Teams > 1 && m.Players%m.Teams != 0, at+".teams: %d players do not make %d equal ones", m.Players, m.Teams)
		wrong(m.Teams > 1 && m.MinPlayers != m.Players, at+".min_players: %d is not players, %d, as teams are full", m.MinPlayers, m.Players)
		wrong(m.Starving < time.Second, at+".starving: %v is under 1s", m.Starving)
		wrong(m.Accept < 0 || m.Accept > maxAccept, at+".accept: %v is not between 0 and %v", m.Accept, maxAccept)
		wrong(m.MaxWindow > maxWindowBound, at+".max_window: %d is over %d", m.MaxWindow, maxWindowBound)
	}
	return errors.Join(errs...)
}

func (c Config) modeNames() []string {
	names := make([]string, 0, len(c.Modes))
	for name := range c.Modes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// window is how far a ticket that has waited so long looks, in rating points.
func (m Mode) window(waited time.Duration) int64 {
	waited = max(0, waited)
	return min(int64(m.MaxWindow), int64(m.Window)+int64(m.WidenPerSecond)*waited.Milliseconds()/1000)
}
