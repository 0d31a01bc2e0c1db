// Package gm is the operators' console: plain pages that work without JavaScript, and the same as JSON under /api.
//
//	browser ─► page ─► view: from gossip, from the operators' tables, or by a command that reads
//	browser ─► act: role, reason ─► audit begins ─► command ─► stream ─► public ... result ─► audit ends ─► browser
//
// Each page is a row of [Service.pages], and each thing that can be done a row of [Service.acts]: the row says which role it needs, and whether it needs a reason. The page
// with the form, the JSON call and the menu are made of the row, so that none of them can forget a check. To add one, add a row.
//
// The node is an observer: it sees the others by gossip, and neither serves nor makes calls. Commands travel on Redis, and public does each once. What it
// depends on is SQL, for operators and the audit, and Redis. When it dies, operators stay logged in at the others, and at the
// next one: sessions are in SQL. An act whose result
// did not arrive stands in the audit as unknown.
package gm
