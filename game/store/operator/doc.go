// Package operator is the tables of those who run the game: operators, their invitations and sessions, failed logins, and the audit of what they do. Only gm uses it.
//
//	Invite ──► link ──► Accept ──► operator ──► Login (password and code) ──► session ──► Begin, End: audit
//
// There is no default password: [Store.InviteFirst] makes a link for the first operator, while there is none. Tokens are stored as hashes, passwords as argon2id
// hashes. The secrets of one-time codes are stored as they are, since codes cannot be checked otherwise: whoever can read this table and a password can log in.
//
// It depends on SQL alone. While that is down nobody can log in or do anything, which is intended: nothing may be done that cannot be recorded.
package operator
