// Package journal gets small records to whoever stores them, without ever making the writer wait.
//
//	Write ──► memory ── every 100 ms, one write ──► spool: files in a directory ── batches ──► Deliver, until it says yes
//
// There is one way out, through the spool: a receiver that does not answer leaves files, and the next life of the process goes on with them. What the
// process wrote to its spool outlives its SIGKILL; what it had in memory, a tenth of a second, does not. Nothing is synced to the disk: a machine that
// loses its power loses some seconds.
//
// A batch may be delivered more than once: when its answer is lost, or the process is. So each record carries an id of its own, and the receiver
// stores a record once by it. Together that is neither loss nor doubles.
//
// All is bounded: memory, spool, batch. Beyond the bounds records are dropped, counted in [Journal.Stats] and in metrics, and logged once until all is
// well again.
//
// It depends on a directory that no other journal uses, and knows nothing of what is in a record.
package journal
