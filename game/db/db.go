package db

import (
	"context"
	"time"

	"loumiao/framework/live"
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
	items   player.Items
	tables  *live.Value[*tables.Tables]
	reports chan player.ID // for reportAll
}

// New is a db that is not started.
func New(options ...Option) *DB {
	d := &DB{reports: make(chan player.ID, reportsAhead)}
	for _, with := range options {
		with(d)
	}
	return d
}

// An Option is what a db can be told beyond what it finds in SQL.
type Option func(*DB)

// WithItems has db enforce which items there are, and what a bag holds. Without it every item exists and fits.
func WithItems(items player.Items) Option { return func(d *DB) { d.items = items } }

// Start opens the tables and registers what peers may call.
func (d *DB) Start(_ context.Context, n *node.Node) error {
	sql, err := n.Stores().SQL("player")
	if err != nil {
		return err
	}
	d.node, d.tables = n, api.Tables.Of(n.Live())
	levels := func(exp int64) int32 { return d.tables.Get().LevelAt(exp) }
	d.players = player.New(sql, n.IDs(), time.Now).WithLevels(levels).Carrying(d.items)
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
	return nil
}

// Ready needs nothing of others.
func (d *DB) Ready(context.Context) error {
	d.node.Go(d.tidy)
	d.node.Go(d.reportAll)
	return nil
}

// Stop has nothing to save; the node finishes the calls that run.
func (d *DB) Stop(context.Context) error { return nil }
