// Package httpserver is the one way to serve HTTP here: fiber, set up once with limits, errors and logging, for every node type that
// speaks HTTP. It is the only package that configures fiber; its users register routes on [Server.App].
//
//	client ─► limit per address ─► request id, deadline, headers ─► recover ─► handler
//	                                                                               │ error
//	       ◄──────── {"error": {"code": "not_found", "message": "..."}} ◄──────────┘
//
//	s := httpserver.New(httpserver.Config{Name: "login", Listen: ":8080"}, log)
//	s.App().Get("/v1/areas", func(c *fiber.Ctx) error { return c.JSON(areas) })
//	err := s.Start(ctx)
//
// A handler returns its error: one of package fault goes to the client as it is, with the HTTP status of its code, and everything else
// as "internal", with the details in the log only. [Decode] reads a JSON body strictly. The context for whatever a handler calls is
// c.UserContext(): it ends with the request's deadline and with the server.
//
// Sizes, times and numbers of connections are bounded whatever the handler does; the client's address is taken from X-Forwarded-For only
// behind proxies that the configuration names. GET /healthz says whether the server wants traffic. Nothing here knows of accounts, tokens
// or games.
package httpserver
