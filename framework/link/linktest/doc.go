// Package linktest breaks connections on purpose, for tests of what happens then. A [Proxy] stands between two nodes and passes on what they send, byte by byte, until it
// is told to hold it, to lose it, to take its time or to cut the connection:
//
//	p := linktest.NewProxy(t, callee.Addr)
//	callee.Addr = p.Addr() // what membership tells the others
//	...
//	p.Lose(linktest.Up)    // requests vanish; neither end is told
//	...
//	p.Heal()
//
// A Proxy works on any TCP connection and knows nothing of what it carries. What becomes of a process that dies or is stopped is a matter of signals, not of this package.
//
// A [Memory] is for links within a bubble of testing/synctest, where there may be no sockets.
package linktest
