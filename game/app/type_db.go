package app

import (
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/db"
)

// TypeDB is node type 5.
type TypeDB struct{}

func (*TypeDB) defaults() {}

func (*TypeDB) row() nodeType {
	return nodeType{
		number: 5, name: api.DB, job: "writes the game's tables", stores: []string{"player"},
		make: func(p *process, _ int) (node.Service, error) { return db.New(db.WithSlots(p.cfg.Goods.Slots)), nil },
	}
}
