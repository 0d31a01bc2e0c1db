// Package goods is what there is to have in the game: items, what the shop offers, what a day's sign-in gives, what a new name costs.
//
//	configuration ─► Config ─► Catalog ─► world: what a player may do with an item, what he may buy
//	                                  └─► db: how many of an item fit into a bag
//
// A Catalog is the one that comes from configuration; world and db ask for small interfaces of their own, so that another source, such as design
// tables that change while the game runs, can take its place.
//
// It holds rules only. Who has what is in game/store/player.
package goods
