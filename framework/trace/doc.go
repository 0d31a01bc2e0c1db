// Package trace follows one client's message through the nodes that work on it: what took how long, and for whom.
//
//	client ─► gate ─► line ─► actor's handler ─► rpc call ══ link ══► rpc handler ─► SQL, Redis
//	          Begin   Continue     Child           Child              Continue        Child
//
// A trace begins where a client's message enters, for as large a part of them as is configured, and nowhere else: what belongs to none is the zero [Span], whose
// methods do nothing, and no bytes travel for it. Clients have no say in it: their frames carry no trace. Within a node a span is found in the context
// that handlers are given and hand on; between nodes 24 bytes travel in the headers of rpc and line, a [Ref].
//
// Tracing is off unless a node is given a [Source], and costs nothing then: one comparison with nil for each message. Package trace/otlp is the Source that speaks OpenTelemetry, and the
// only one that imports its library. This package knows nothing of it, keeps nothing and starts no goroutine.
package trace
