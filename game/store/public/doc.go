// Package public is the tables of what exists once: only nodes of type public open them to write, and of those only the one that leads has effect.
//
//	rankings                  the scores of each board, from which Redis's sorted sets are made
//	seasons, season_places    the seasons of ratings, and how each has ended
//	chat, mutes               what was said to all, and who may not
//	job_runs                  every run of every scheduled job
//	broadcasts                mails to all
//	commands                  what operators have commanded, and what came of it
//	erased_players            of whom nothing is taken any more
//
// What it holds to:
//
//   - Every write is fenced: it locks the leader's epoch first, and one who does not lead any more writes nothing ([ErrFenced]).
//   - What has a name happens once: a run by job, area and time, a command by its id, a broadcast by its key. A repetition finds what was there.
//   - What takes long is recorded before it begins and when it has ended, so that the next leader goes on with it.
//   - Everything that grows by itself has a bound, kept by the jobs.
package public
