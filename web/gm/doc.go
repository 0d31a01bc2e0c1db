// Package gm is the operators' console: plain pages that work without JavaScript, and the same as JSON under /api.
//
//	browser ─► page ─► view: from gossip, from the operators' tables, or by a command that reads
//	browser ─► act: role, reason ─► audit begins ─► command ─► stream ─► public ... result ─► audit ends ─► browser
//
// Each page is a row of [Service.pages], and each thing that can be done a row of [Service.acts]: the row says which role it needs, whether it needs a reason, and whether
// it is asked for twice. The page with the form, the JSON call and the menu are made of the row, so that none of them can forget a check. To add one, add a row.
//
// What was wrong with a form stands above it, with what was given. Why something was done stands where it is seen too, and not only in the audit: in a player's
// timeline, at a node that drains or stands still, at an operator who may not log in, for who may read the audit; at settings and the queue's admission, for all.
//
// The API is for scripts, and is what the pages are made of: GET /api/PAGE answers what the page of that path shows, with the same query, and
//
//	POST /api/acts/NAME   {"fields": {"player": "42", "minutes": "5"}, "reason": "spam", "once": "ticket-7"}
//
// does an act. Fields are texts, as in the form. once is optional and names what is asked for: asked for again by the same operator it is not done
// again, so that a script which has heard nothing may try again. Forms bring one of their own, so that a second click does nothing. With "preview": true an act that has a preview says what it would do.
// A script brings a token that its operator has made, as Authorization: Bearer TOKEN. It needs no CSRF token, since no browser sends it by itself, and makes no access
// of any kind: no token, no operator. A browser's session works too, with the X-CSRF-Token that GET /api/session tells.
//
// What is refused: pages run no script and load nothing but their stylesheet; forms of other sites, and those without the session's token; bodies over gm.body_limit; and
// logins that fail too often, as package operator says.
//
// The node is an observer: it sees the others by gossip, and neither serves nor makes calls. Commands travel on Redis, and public does each once. What it
// depends on is SQL, for operators and the audit, and to read accounts, orders and key points, and Redis. When it dies, operators stay logged in at the others, and at the
// next one: sessions are in SQL. An act whose result did not arrive stands in the audit as unknown. While public is away, pages say so, and nodes are shown as far as
// gossip knows them.
package gm
