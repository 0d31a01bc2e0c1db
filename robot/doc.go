// Package robot plays the game as its players do: robots log in, queue, enter the world, find a match, fight it, and check that they
// were told the truth, each with a behaviour of its own.
//
//	Run(cfg) ─► a robot a goroutine ─► client ─► login web, gate ... ─► Report: funnel, latencies, invariants, thresholds
//
// Everything that a robot does at random comes from Config.Seed and its number, so that a run can be repeated. Robots know the server only by its
// public protocol and addresses; they load whatever stack they are pointed at, on this machine or elsewhere.
package robot
