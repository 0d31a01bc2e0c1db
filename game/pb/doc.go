// Package pb is the game's messages, generated from game/proto by `task gen`: those of clients, which carry a number, and those between nodes.
package pb
