// Package public is node type 7: what must exist once. One node leads; others stand by and take over within seconds.
//
//	db ── public.ReportStandings ──► ┌──────────────────────────┐ ── fenced transactions ──► SQL: rankings, seasons, chat,
//	world ── rankings, seasons ────► │ the node that leads       │                                  runs of jobs, broadcasts, commands
//	world ── public.Say ───────────► │   rankings   jobs         │ ── a copy, made from SQL ──► Redis: a sorted set for each board and area
//	world ── public.ListBroadcasts ► │   chat       commands     │ ◄─ commands ── stream ── operators
//	                                 └──────────────────────────┘ ── world.Said, world.BroadcastSent ──► every world
//
//	ranking    who stands where, by absolute standings that may come twice, late and in any order; all players are looked through again and again
//	season     ends by a job: places are frozen, each player gets his mail and his new rating once, whoever leads meanwhile
//	chat       numbered lines for all in an area, with a limit for each player, and mutes
//	job        runs by cron expressions on the clock of each area, each recorded by (job, area, time) before it begins
//	broadcast  a mail to all, which each world gives to each of its players once, now or when he comes
//	erasure    a command that has each owner of tables remove what it has of a person, again and again until it is done
//	command    what operators command (package command), recorded by id before it is done; those for nodes are done by their pods
//
// Killed at any moment it leaves nothing half done: every write is fenced by the leader's epoch in SQL, what was begun stands in SQL, and whatever it asks of
// others carries a key that is the same for the next leader. Redis may lose everything but the commands that nobody has begun.
//
// It depends on SQL and Redis, and for what it gives on db; rankings are answered without. When no node leads, worlds tell their clients that it is
// unavailable, matches go on, and what they lead to is found afterwards.
//
// It holds no player, and changes no table of players by itself; to erase people, it opens the accounts', orders', events' and logs' tables too.
package public
