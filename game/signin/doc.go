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
// A Service keeps nothing between attempts: what it knows stands in the account store and in Redis. It knows neither HTTP nor frames, and
// opens no link.
package signin
