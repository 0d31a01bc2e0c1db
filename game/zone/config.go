package zone

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"loumiao/game/arena"
)

// tickEvery is the time between two ticks of a battle.
const tickEvery = time.Second / arena.TicksPerSecond

// Config is the zone's settings. Zero is no default: begin with [Defaults].
type Config struct {
	// MatchSeconds is how long a battle lasts.
	MatchSeconds int `yaml:"match_seconds" doc:"how long a battle lasts, in seconds"`
	// StartDelay is how long the first player waits for the others. When all are there the battle begins at once.
	StartDelay time.Duration `yaml:"start_delay" doc:"how long the first player waits for the others"`
	// AbandonAfter is how long a room waits for its first player before it is aborted.
	AbandonAfter time.Duration `yaml:"abandon_after" doc:"how long a room waits for its first player before it is aborted"`
	// SnapshotEvery is how many ticks lie between two snapshots: 1 is 20 a second, 2 is 10.
	SnapshotEvery int `yaml:"snapshot_every" doc:"ticks between two snapshots; there are 20 ticks a second"`
	// ViewRadius is how far a player sees from his ship along each axis, in points of the arena.
	ViewRadius int32 `yaml:"view_radius" doc:"how far a player sees from his ship along each axis, in points of the arena"`
	// FrameModes are the match modes whose clients are told everybody's inputs and run the simulation themselves. In all others they are shown what is near.
	FrameModes []string `yaml:"frame_modes" doc:"match modes in which clients run the simulation on everybody's inputs; in others they are shown what is near"`
	// Direct is where players' direct lines come in, host:port of UDP. DirectHost is the host that they are told instead of that one.
	Direct     string `yaml:"direct" doc:"address for players' direct lines over KCP, host:port of UDP; each further zone of a pod takes the next port; empty: none"`
	DirectHost string `yaml:"direct_host" doc:"host that players are told for direct lines instead of the one above; needed when that is a wildcard"`
	// MaxRooms is how many battles the node takes at a time; it refuses more as overloaded.
	MaxRooms int `yaml:"max_rooms" doc:"how many battles the node takes at a time"`
	// RecordFor is how long a result is offered to db, and after that to the players' owners, before the room gives up and logs it.
	RecordFor time.Duration `yaml:"record_for" doc:"how long a result is offered to db before the room gives up and logs it"`
	// Drain is how long battles may go on when the node stops; those that cannot end by then are aborted. The node's own stop timeout must be
	// longer. 0 aborts all.
	Drain time.Duration `yaml:"drain" doc:"how long battles may go on when the node stops; others are aborted"`
	// Backfill is when others get the seats of those who have left, in the modes that have that.
	Backfill BackfillConfig `yaml:"backfill"`
	// Fields is the settings of fields. Which there are stands in the design table maps.
	Fields FieldConfig `yaml:"fields"`
}

// BackfillConfig is when others get the seats of those who have left a battle.
type BackfillConfig struct {
	// Away is how long a player's seat stays his when his session has ended: because he has left, or was kicked, or has not come back after his connection broke.
	Away time.Duration `yaml:"away" doc:"how long the seat of a player whose session has ended stays his before others may have it"`
	// Least is how much of the battle must be left for somebody to come into it.
	Least time.Duration `yaml:"least" doc:"how much of a battle must be left for somebody to be put into it"`
	// Reserve is how long a seat is kept for the player who was put on it.
	Reserve time.Duration `yaml:"reserve" doc:"how long a seat is kept for the player who was put on it, until he joins"`
}

// FieldConfig is the settings of a zone's fields.
type FieldConfig struct {
	// MaxLines is how many lines the node hosts at a time; it refuses more as overloaded.
	MaxLines int `yaml:"max_lines" doc:"how many lines of maps the node hosts at a time"`
	// ReportEvery is how often a player's owner is told where he is: what he has walked since is lost with the node.
	ReportEvery time.Duration `yaml:"report_every" doc:"how often a player's world is told where he is on a map; what he has walked since is lost with the node"`
	// CloseAfter is how long a line that is not needed stays open without a player.
	CloseAfter time.Duration `yaml:"close_after" doc:"how long a line that is not needed stays open without a player"`
}

// Defaults is a Config that is good for most games.
func Defaults() Config {
	return Config{
		MatchSeconds:  60,
		StartDelay:    3 * time.Second,
		AbandonAfter:  20 * time.Second,
		SnapshotEvery: 2,
		ViewRadius:    12000,
		FrameModes:    []string{"duel-frame"},
		MaxRooms:      1000,
		RecordFor:     5 * time.Minute,
		Drain:         2 * time.Second,
		Backfill:      BackfillConfig{Away: 3 * time.Second, Least: 10 * time.Second, Reserve: 10 * time.Second},
		Fields:        FieldConfig{MaxLines: 100, ReportEvery: 5 * time.Second, CloseAfter: time.Minute},
	}
}

// Validate reports everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	number := func(name string, n, least, most int) {
		if n < least || n > most {
			errs = append(errs, fmt.Errorf("%s: %d; must be %d to %d", name, n, least, most))
		}
	}
	duration := func(name string, d, least, most time.Duration) {
		if d < least || d > most {
			errs = append(errs, fmt.Errorf("%s: %s; must be %s to %s", name, d, least, most))
		}
	}
	number("match_seconds", c.MatchSeconds, 1, 3600)
	duration("start_delay", c.StartDelay, 0, time.Minute)
	duration("abandon_after", c.AbandonAfter, time.Second, 10*time.Minute)
	number("snapshot_every", c.SnapshotEvery, 1, arena.TicksPerSecond)
	number("view_radius", int(c.ViewRadius), 1000, 131072)
	for i, mode := range c.FrameModes {
		if mode == "" {
			errs = append(errs, fmt.Errorf("frame_modes[%d]: no mode has no name", i))
		}
	}
	if c.Direct != "" {
		host, _, err := c.direct(0)
		ip := net.ParseIP(host)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("direct: %w", err))
		case c.DirectHost == "" && (host == "" || ip != nil && ip.IsUnspecified()):
			errs = append(errs, fmt.Errorf("direct_host: needed, because direct %q is a wildcard", c.Direct))
		}
	}
	number("max_rooms", c.MaxRooms, 1, 100_000)
	duration("record_for", c.RecordFor, time.Second, time.Hour)
	duration("drain", c.Drain, 0, 2*time.Hour)
	duration("backfill.away", c.Backfill.Away, 0, 10*time.Minute)
	duration("backfill.least", c.Backfill.Least, 0, time.Hour)
	duration("backfill.reserve", c.Backfill.Reserve, time.Second, 10*time.Minute)
	number("fields.max_lines", c.Fields.MaxLines, 0, 10_000)
	duration("fields.report_every", c.Fields.ReportEvery, 100*time.Millisecond, time.Minute)
	duration("fields.close_after", c.Fields.CloseAfter, time.Second, 24*time.Hour)
	return errors.Join(errs...)
}

// At is the settings of the index-th zone of a pod.
func (c Config) At(index int) Config {
	if host, port, err := c.direct(index); err == nil && port != 0 {
		c.Direct = net.JoinHostPort(host, strconv.Itoa(port))
	}
	return c
}

// direct is where the index-th zone of a pod takes direct lines.
func (c Config) direct(index int) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(c.Direct)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not host:port", c.Direct)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%q: the port must be a number from 0 to 65535", c.Direct)
	}
	if n != 0 {
		n += uint64(index)
	}
	return host, int(n), nil
}

// rules is the arena's rules for a battle of so many players, in so many teams; 0 and 1: everybody for himself.
func (c Config) rules(players, teams int) arena.Config {
	return arena.Config{Players: players, Teams: teams, Ticks: c.MatchSeconds * arena.TicksPerSecond}
}
