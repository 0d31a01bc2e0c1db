// Package operator is the tables of those who run the game: operators, their invitations, sessions and tokens, failed logins, and the audit of what they do. Only gm
// uses it.
//
//	Invite ──► link ──► Accept ──► operator ──► Login (password and code) ──► session ──► Begin, End: audit
//	Reset  ──► link ──┘               └──────► IssueToken ─────────────────► for scripts ──┘
//
// There is no default password: [Store.InviteFirst] makes a link for the first operator, while there is none. Tokens of every kind are stored as hashes, passwords
// as argon2id hashes, and the secrets of one-time codes sealed with a key that is not in the database.
//
// What is asked for twice, as by a second click, is done once: see [Store.Once].
//
// Failed logins. Each pair of a name and an address may fail 5 times, each address 20 times, in a day; each failure from there on locks for twice as long as the
// one before, from 30 seconds to an hour. A name by itself is never locked, or anybody could lock an operator out: after 50 failures in a day, wherever they came
// from, it takes one login in 5 seconds from addresses that it has not logged in from in the last 30 days, and as many as before from the others.
//
// It depends on SQL alone. While that is down nobody can log in or do anything, which is intended: nothing may be done that cannot be recorded.
package operator
