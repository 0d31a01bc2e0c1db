// Package login is the node type that lets players in: it turns a password, a device, an external channel's ticket or a refresh token into a signed token for the
// game and the gates to bring it to.
//
//	POST /v1/register {"name", "password", "area"}    ─┐
//	POST /v1/login    {"name", "password", "area"}     ├─► {"account", "player", "area", "token", "expires_in", "refresh", "gates"}
//	POST /v1/guest    {"device", "area"}               │
//	POST /v1/external {"channel", "ticket", "area"}    │
//	POST /v1/refresh  {"refresh"}                     ─┘
//	GET    /v1/logins                                  ─┐    with the header Authorization: Bearer TOKEN
//	DELETE /v1/logins/ID, or /v1/logins for all        ─┴─► {"logins": [{"id", "way", "device_name", "began_ms", "used_ms", "expires_ms"}]}
//	GET    /v1/identities                              ─┐    with the same header
//	POST   /v1/identities {"kind", "name", "secret"}    ├─► {"identities": [{"kind", "display", "since_ms"}]}
//	DELETE /v1/identities/KIND                         ─┘
//	GET  /v1/areas                                     ──► {"areas": [{"id", "name"}]}
//	GET  /v1/tables                                    ──► {"version", "items", "shop", ...}: the design tables, with an ETag
//
// Everything is JSON, read strictly; 64-bit ids are strings; errors are those of package httpserver. Area 0, or none, is the first
// area. "expires_in" is seconds; "refresh" is used once and replaced by the one in the reply. "gates" is the best first; each has
// one or more of "tcp" (host:port, or tls://host:port), "ws" and "kcp" (URLs).
//
// Each login but a refresh may have a "device_name", which its owner sees in the list of his logins. One that is ended cannot be refreshed any more, and
// within seconds its tokens are refused, here and at the gates, and the session that it has led to is ended. It may also have a "person", {"name", "number"}, who the
// player says to be: where a policy has to know (package policy), failed_precondition asks for that.
// A registration that is refused leaves nothing, and its name is free; while a person is still being checked (unavailable) the account is there, and logs in.
//
// A guest's account gets further identities by POST /v1/identities: "kind" is "password" with "name" and the password as "secret", "device", or a
// channel's name with its ticket. It is already_exists when another account has it, or this one another of the kind, and nothing moves then; the last one cannot be
// taken away: failed_precondition.
//
// A gate is looked for before anything else is done: when none is up, no account is made and no refresh token is used up. Who is let in is
// for package signin to say, which the account node asks too.
//
// The service is a few handlers without state. It sees no game message and opens no link.
package login
