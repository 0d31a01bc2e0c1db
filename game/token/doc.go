// Package token makes and checks the short-lived tokens with which a client, once logged in, comes to a gate.
//
//	login ── Sign(account, player, area) ──► client ──► gate ── Verify ──► who it is, without asking anybody
//
// A token is a JWT (RFC 7519) signed with Ed25519 (RFC 8037). The algorithm is not negotiable, and the key id in the header only picks
// among the keys that the verifier was given. 64-bit ids are strings, as everywhere in our JSON. Logins hold the private key, everybody
// else the public ones; to change the key, hand the new public key to all verifiers first.
//
// A token cannot be called back before it expires: whoever must not play any more is turned away by what looks at sanctions, at login
// and at the gate. The package keeps no state, and so does not notice a token that is shown twice; the gate allows one session a player.
package token
