// Package signin is the rules of logging in, whatever a client speaks: the login web asks them for HTTP clients, the account node for those
// that speak the game protocol only.
//
//	web/login ──── HTTP ─────┐            ┌─► throttle   by name and address, in Redis
//	                         ├─► Service ─┼─► accounts   whose name, device or refresh token it is, and whether he is sanctioned
//	game/account ─ gate line ┘            └─► tokens     a signed Ticket
//
// An [Attempt] is a [Way] in, and where it comes from; [Service.Enter] makes a [Ticket] of it or says why not. Wrong passwords are counted
// per address and per name, so that neither many names from one address nor one name from many can be guessed at. Whoever is sanctioned is
// told why and until when, and only after proving who they are.
//
// During maintenance whoever comes is told so, with its planned end, except for the accounts that the configuration centre lists, and no account
// is registered. A refresh token, which can be used only once, is exchanged all the same; then it is the gate that refuses.
//
// A policy is asked last (package policy): minors' hours, real names. An attempt may say who the player is, which a registry has to vouch for. It is asked
// before a refresh token is used up, too. A registration that it refuses leaves nothing, unless the registry is still looking.
//
// A Service keeps nothing between attempts: what it knows stands in the account store and in Redis. It knows neither HTTP nor frames, and
// opens no link.
package signin
