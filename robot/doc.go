// Package robot plays the game as its players do: robots log in, queue and enter the world, and there each plays one [Scenario] after another, drawn by weight: a
// match in one of the modes, a walk on a field, the shop, mails, friends, a lost connection, a second login. They ask for the same thing twice, now and then
// decline a match, think better of one, or drop out of the middle of a battle and come back to it; some are hasty and some dreamy. When a connection breaks,
// whoever broke it, the robot resumes its session by another gate, and holds the server to having lost nothing.
//
//	Scenario  a function of the robot's, and a line in Scenarios with its weight; a Mix gives other weights
//	step      a request or a wait within one, counted under its own name
//
//	Run(cfg) ─► a robot a goroutine ─► client ─► login web, gate, keypoint web ... ─► Report: funnel, latencies, invariants, thresholds
//
// Either a number of robots play all the time (the closed model), or they arrive at a rate, whatever the others do, and each plays one scenario and
// leaves (the open model, Config.Rate). In the open model a backend that gets slow has no fewer visitors for it, and a visit's latency counts from when it
// was due. An arrival for which there is no robot is dropped, and unless a threshold allows it the run has failed: the backend had less to do than was asked.
//
// Where there is a keypoint web, they tell it of their ways, as the game's clients do.
//
// Everything that a robot does at random comes from Config.Seed and its number, so that a run can be repeated. Robots know the server only by its
// public protocol and addresses; they load whatever stack they are pointed at, on this machine or elsewhere. They never touch its stores, and
// they trust none of its answers: what they hold it to is the list of invariants in the report.
package robot
