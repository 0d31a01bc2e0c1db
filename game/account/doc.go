// Package account is node type 2: it lets players in who speak nothing but the game's own protocol, and shows an account to its owner.
//
//	client ── Hello, no token ─────────────────► gate ── Welcome: an anonymous session
//	client ── Register, PasswordLogin, ... ────► gate ══ line ══► account ── package signin ──► LoginReply {token, refresh}
//	client ── Hello again, with the token ─────► gate ── Welcome: the player's session, on the same connection
//
// Its line is the only one that is open to sessions without a token, so everything that comes over it is hostile until proven otherwise: how often
// one address may ask is bounded here, how often it may be wrong by the rules, which the login web asks too. The client's address is what its gate says.
//
// Who is in sees and ends his logins, and binds further identities, over the same line.
//
// It also serves other nodes: api.ImposeSanction stores a sanction, ends the account's logins, has gates refuse tokens that are still good, and sends away
// whoever is online. Should a node die in the midst of that, or Redis lose it, the next node to look, within seconds, does it again.
//
// So it is when an owner ends a login: within seconds its tokens open no gate, and sessions that it has led to end. Where a policy limits how long accounts may
// play (package policy), it looks every few seconds who of them is in, has the policy count, and sends away those whose time is over, with the reason.
//
// A node keeps nothing: any number of them serve, and when one dies its clients' requests end with `lost`, and they ask another. Without any node
// of this type, clients log in by HTTP. It never sees a game, and links to no other node.
package account
