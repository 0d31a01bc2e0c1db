// Package live is settings that change while the nodes run: typed values, from the configuration centre, read without a lock.
//
//	var QueueCapacity = live.Int("queue.capacity", 0, 0, 1_000_000, "players inside", live.PerArea())   // declared once, for all
//
//	capacity := QueueCapacity.Or(n.Live(), cfg.Capacity)   // in a node: where nothing is published, what its file says
//	capacity.In(area)                                      // an atomic read
//	capacity.OnChange(func() { ... })                      // until the node ends
//
// How a value gets there:
//
//	centre ── SQL, one growing version ──► Board ──► Redis: all entries of that version, and a word that there is a new one
//	                                                   │ at once by the word, every [Poll] without it
//	                                                   ▼
//	             cache file, checksummed ◄────── Feed, one a process ──► Set, one a node ──► Value
//
// Everybody takes the same way, also nodes that serve no calls and hold no key of the cluster's links. A process begins with what Redis has; when
// Redis has nothing, or does not answer, with what it knew last; and when it knows nothing, with its defaults. The centre need not be up.
//
// A publication is applied as a whole: hooks run when every value is the new one. A text that a value does not take, such as one from a newer
// build, is logged and refused; the value stays what it was. What must change together is one [Bundle].
//
// The package decides nothing: who may publish, and what is valid, is the centre's business, which asks the same [Schema].
package live
