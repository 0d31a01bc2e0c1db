// Package goods is the configured rules about what players have: how much a bag holds, what a new name costs.
//
// What there is to have, what the shop sells and what signing in gives are design tables, in game/tables, which change while the game runs; these
// rules do not. Who has what is in game/store/player.
package goods
