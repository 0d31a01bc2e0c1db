// Package robot plays the game as its players do: robots log in, queue, enter the world, find a match, fight it, and check that they
// were told the truth, each with a temper of its own. In between they sign in, shop, claim mails and make friends, and ask for the same thing twice. Some are hasty and some dreamy; now and then one thinks better of a match, goes home
// for a while, or drops out of the middle of a battle and comes back to it. When a connection breaks, whoever broke it, the robot resumes its session by
// another gate, and holds the server to having lost nothing.
//
//	Run(cfg) ─► a robot a goroutine ─► client ─► login web, gate ... ─► Report: funnel, latencies, invariants, thresholds
//
// Everything that a robot does at random comes from Config.Seed and its number, so that a run can be repeated. Robots know the server only by its
// public protocol and addresses; they load whatever stack they are pointed at, on this machine or elsewhere. They never touch its stores, and
// they trust none of its answers: what they hold it to is the list of invariants in the report.
package robot
