package arena

import (
	"errors"
	"fmt"
)

// TicksPerSecond is the pace at which a zone steps an arena. The simulation itself has no clock.
const TicksPerSecond = 20

// MaxPlayers is the most ships in an arena.
const MaxPlayers = 8

// Config is the rules of a match. In every field zero means the default. The bounds keep all arithmetic within 32 bits.
type Config struct {
	Players int // seats, 1 to [MaxPlayers]; default 8
	Ticks   int // length of the match in ticks, 1 to 72000 (an hour); default 1200 (a minute)

	Width  int32 // points, 4096 to 131072; default 32768
	Height int32 // points, 4096 to 131072; default 18432

	ShipRadius   int32 // points, 64 to 1024; default 320
	Thrust       int32 // speed gained in a tick at full stick, points a tick, 4 to 64; default 20
	Drag         int32 // speed lost in a tick, in 1/256 of it and one point more, 4 to 128; default 16
	Hull         int32 // hull of a fresh ship, 1 to 10000; default 100
	RespawnTicks int32 // ticks from a ship's loss to its return, 1 to 1200; default 60
	GuardTicks   int32 // ticks for which a ship that appears takes no damage unless it fires, 1 to 1200; default 30

	BulletSpeed  int32 // points a tick, 64 to 2048; default 800
	BulletTicks  int32 // ticks a bullet flies, 1 to 200; default 20
	BulletDamage int32 // hull a hit costs, 1 to 10000; default 20
	ReloadTicks  int32 // ticks from shot to shot, 1 to 200; default 6

	Shards      int32 // most shards that lie around at a time, 1 to 256; default 24
	ShardRadius int32 // points, 16 to 1024; default 160
	ShardTicks  int32 // ticks from one new shard to the next, 1 to 1200; default 10

	ShardScore int32 // score for a shard, 1 to 100; default 1
	KillScore  int32 // score for the last hit on a ship, 1 to 100; default 5
	DeathCost  int32 // score that losing a ship costs, but never below 0, 1 to 100; default 2

	// Teams is how many teams of equal size there are, see [Config.Team]: Players must be a multiple of it. 1 to [MaxPlayers]; default 1:
	// everybody for himself.
	Teams int
}

// Validate names every field that is neither 0 nor within its bounds. All problems are joined in one error.
func (c Config) Validate() error {
	var errs []error
	c.visit(func(name string, value, _, least, most int) int {
		if value != 0 && (value < least || value > most) {
			errs = append(errs, fmt.Errorf("arena: %s is %d: it must be 0 (default) or %d to %d", name, value, least, most))
		}
		return value
	})
	if players := or(c.Players, MaxPlayers); c.Teams > 1 && c.Teams <= MaxPlayers && players%c.Teams != 0 {
		errs = append(errs, fmt.Errorf("arena: Teams is %d, of which %d players do not make equal ones", c.Teams, players))
	}
	return errors.Join(errs...)
}

// bounded is c with its defaults filled in and everything else moved into its bounds.
func (c Config) bounded() Config {
	c.visit(func(_ string, value, standard, least, most int) int {
		if value == 0 {
			return standard
		}
		return min(max(value, least), most)
	})
	if c.Players%c.Teams != 0 {
		c.Teams = 1
	}
	return c
}

// Team is the team of a seat, from 0: the first seats are those of the first team. Where everybody is for himself each seat is one. Rules with
// zero fields or wrong ones are as [New] takes them.
func (c Config) Team(seat int) int {
	players, teams := or(c.Players, MaxPlayers), c.Teams
	if teams <= 1 || players < teams || players%teams != 0 {
		return seat
	}
	return seat / (players / teams)
}

func or(value, standard int) int {
	if value == 0 {
		return standard
	}
	return value
}

// visit passes each field with its default and bounds to f and stores what f returns. The order is part of the checksum.
func (c *Config) visit(f func(name string, value, standard, least, most int) int) {
	c.Players = f("Players", c.Players, MaxPlayers, 1, MaxPlayers)
	c.Ticks = f("Ticks", c.Ticks, 60*TicksPerSecond, 1, 3600*TicksPerSecond)

	visit := func(name string, field *int32, standard, least, most int) {
		*field = int32(f(name, int(*field), standard, least, most))
	}
	visit("Width", &c.Width, 32768, 4096, 131072)
	visit("Height", &c.Height, 18432, 4096, 131072)
	visit("ShipRadius", &c.ShipRadius, 320, 64, 1024)
	visit("Thrust", &c.Thrust, 20, 4, 64)
	visit("Drag", &c.Drag, 16, 4, 128)
	visit("Hull", &c.Hull, 100, 1, 10000)
	visit("RespawnTicks", &c.RespawnTicks, 60, 1, 1200)
	visit("GuardTicks", &c.GuardTicks, 30, 1, 1200)
	visit("BulletSpeed", &c.BulletSpeed, 800, 64, 2048)
	visit("BulletTicks", &c.BulletTicks, 20, 1, 200)
	visit("BulletDamage", &c.BulletDamage, 20, 1, 10000)
	visit("ReloadTicks", &c.ReloadTicks, 6, 1, 200)
	visit("Shards", &c.Shards, 24, 1, 256)
	visit("ShardRadius", &c.ShardRadius, 160, 16, 1024)
	visit("ShardTicks", &c.ShardTicks, 10, 1, 1200)
	visit("ShardScore", &c.ShardScore, 1, 1, 100)
	visit("KillScore", &c.KillScore, 5, 1, 100)
	visit("DeathCost", &c.DeathCost, 2, 1, 100)
	c.Teams = f("Teams", c.Teams, 1, 1, MaxPlayers)
}
