package arena

// A Ship is one player's ship. A lost one stays where it was hit until it respawns.
type Ship struct {
	Player  int    // seat; also the index in [Arena.Ships]
	X, Y    int32  // centre, points
	VX, VY  int32  // points a tick
	Aim     uint16 // 1/4096 of a turn
	Hull    int32  // hits it can still take, in the unit of damage; 0 while lost
	Guard   int32  // ticks for which it still takes no damage
	Reload  int32  // ticks until it can shoot
	Respawn int32  // ticks until it is back; 0 while it flies
	Score   int32  // never below 0
	Kills   int32
	Deaths  int32
}

// Alive tells whether the ship flies.
func (s Ship) Alive() bool { return s.Respawn == 0 }

// A Bullet flies straight until it hits, leaves the arena or is spent.
type Bullet struct {
	ID     uint32 // unique among the match's bullets and shards
	Owner  int    // seat of who shot; its own ship is not hit
	X, Y   int32  // points
	VX, VY int32  // points a tick
	Life   int32  // ticks it still flies
}

// A Shard lies still until a ship touches it.
type Shard struct {
	ID   uint32 // unique among the match's bullets and shards
	X, Y int32  // points
}

// An Arena is one match. It belongs to one goroutine at a time.
type Arena struct {
	cfg     Config
	rules   checksum // of the configuration, where every state's checksum begins
	tick    int
	lastID  uint32
	rand    Rand
	ships   []Ship
	former  [MaxPlayers]counts // by seat; see HandOver
	bullets []Bullet           // oldest first
	shards  []Shard            // oldest first
}

// New is a match before its first tick: the ships in a ring, half of the shards laid out. Rules that [Config.Validate] refuses
// are moved into their bounds, so validate them where they are read.
func New(cfg Config, seed uint32) *Arena {
	cfg = cfg.bounded()
	// A ship's bullets: one a reload, each for its life.
	volley := (cfg.BulletTicks + cfg.ReloadTicks - 1) / cfg.ReloadTicks
	a := &Arena{
		cfg:     cfg,
		rules:   checksumOf(cfg),
		rand:    Rand{state: seed},
		ships:   make([]Ship, cfg.Players),
		bullets: make([]Bullet, 0, cfg.Players*int(volley)),
		shards:  make([]Shard, 0, cfg.Shards),
	}
	// The ring, well within the walls even where ships are large and the arena is small.
	width, height := (cfg.Width/2-cfg.ShipRadius)*3/4, (cfg.Height/2-cfg.ShipRadius)*3/4
	first := a.rand.Below(turn)
	for i := range a.ships {
		bearing := uint16((first + turn*int32(i)/int32(cfg.Players)) % turn)
		s := &a.ships[i]
		s.Player = i
		s.Aim = (bearing + half) % turn // towards the middle
		a.place(s, cfg.Width/2+width*cos(bearing)/one, cfg.Height/2+height*sin(bearing)/one)
	}
	for range (cfg.Shards + 1) / 2 {
		a.addShard()
	}
	return a
}

// Replay is the match after all the inputs: inputs[t] are those of tick t, by seat. Ticks beyond the match's end are ignored.
func Replay(cfg Config, seed uint32, inputs [][]Input) *Arena {
	a := New(cfg, seed)
	for _, in := range inputs {
		a.Step(in)
	}
	return a
}

// Config is the rules in effect: every default filled in.
func (a *Arena) Config() Config { return a.cfg }

// Tick is the number of ticks that were simulated, which is the number of the next one.
func (a *Arena) Tick() int { return a.tick }

// Done tells whether the match is over.
func (a *Arena) Done() bool { return a.tick >= a.cfg.Ticks }

// Ships are all ships by seat. Like those of Bullets and Shards, the slice is the arena's own: read it before the next Step,
// and change nothing.
func (a *Arena) Ships() []Ship { return a.ships }

// Bullets are the bullets in flight, oldest first. See [Arena.Ships] for the slice.
func (a *Arena) Bullets() []Bullet { return a.bullets }

// Shards are the shards that lie around, oldest first. See [Arena.Ships] for the slice.
func (a *Arena) Shards() []Shard { return a.shards }
