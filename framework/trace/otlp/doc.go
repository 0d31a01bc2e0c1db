// Package otlp records traces with the OpenTelemetry library and sends them to a collector, over HTTP as JSON, which every collector takes.
//
//	source, err := otlp.New(otlp.Config{Endpoint: "http://127.0.0.1:4318", Sample: 0.01, Log: log})
//	tracer, stop := source.Open("world", 7)
//
// Spans wait in a bounded queue for a goroutine that sends them in batches. Nobody who makes a span waits: when the collector is slow or away, spans are dropped, and the log says so now and then. stop
// sends what is left, for two seconds at most.
//
// Why JSON: the library's own exporter brings gRPC and a gateway with it, 7 MB of them, to send the same over HTTP.
package otlp
