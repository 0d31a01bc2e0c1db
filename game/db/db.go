package db

import (
	"context"
	"time"

	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/store/player"
	"loumiao/game/tables"
)

// A DB is the service of one db node.
type DB struct {
	node    *node.Node
	players *player.Store
	slots   int64                 // of a bag; 0: without limits
	tables  func() *tables.Tables // those of now
	reports chan player.ID        // for reportAll
	backlog backlog               // of the game's log
}

// New is a db that is not started.
func New(options ...Option) *DB {
	d := &DB{reports: make(chan player.ID, reportsAhead), backlog: newBacklog()}
	for _, with := range options {
		with(d)
	}
	return d
}

// An Option is what a db can be told beyond what it finds in SQL.
type Option func(*DB)

// WithSlots has db enforce that a bag has so many slots, and which currencies and items there are by the design tables. Without it everything exists and fits.
func WithSlots(n int64) Option { return func(d *DB) { d.slots = n } }

// WithTables has db ask get for the design tables, and not the configuration centre.
func WithTables(get func() *tables.Tables) Option { return func(d *DB) { d.tables = get } }

// A bag is what the design tables say there is at one moment.
type bag struct {
	*tables.Tables
	slots int64
}

func (b bag) Slots() int64 { return b.slots }

// Start opens the tables and registers what peers may call.
func (d *DB) Start(_ context.Context, n *node.Node) error {
	sql, err := n.Stores().SQL("player")
	if err != nil {
		return err
	}
	d.node = n
	if d.tables == nil {
		d.tables = api.Tables.Of(n.Live()).Get
	}
	levels := func(exp int64) int32 { return d.tables().LevelAt(exp) }
	d.players = player.New(sql, n.IDs(), time.Now).WithLevels(levels)
	d.players = d.players.Welcoming(d.welcome)
	if d.slots > 0 {
		d.players = d.players.Carrying(func() player.Catalogue { return bag{d.tables(), d.slots} })
	}
	rpc.HandleFunc(n, api.LoadPlayer, d.loadPlayer)
	rpc.HandleFunc(n, api.SavePlayer, d.savePlayer)
	rpc.HandleFunc(n, api.ReadProfile, d.readProfile)
	rpc.HandleFunc(n, api.RecordMatch, d.recordMatch)
	rpc.HandleFunc(n, api.ListMatches, d.listMatches)
	rpc.HandleFunc(n, api.ListLedger, d.listLedger)
	d.serveGoods()
	d.serveMails()
	d.serveFriends()
	rpc.HandleFunc(n, api.ListStandings, d.listStandings)
	rpc.HandleFunc(n, api.TakeBack, d.takeBack)
	rpc.HandleFunc(n, api.ReadOp, d.readOp)
	return d.backlog.register(n.Metrics())
}

// Ready needs nothing of others.
func (d *DB) Ready(context.Context) error {
	d.node.Go(d.tidy)
	d.node.Go(d.reportAll)
	d.node.Go(d.logAll)
	return nil
}

// Stop has nothing to save; the node finishes the calls that run.
func (d *DB) Stop(context.Context) error { return nil }
