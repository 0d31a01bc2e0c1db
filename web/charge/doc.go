// Package charge is the node type that sells: it makes orders, takes payment providers' word that they are paid, and has db grant what was bought,
// exactly once, to players who are online at once and to others until they come.
//
//	game ── POST /v1/orders, with the login's token ──► order made ── provider.Begin ──► where to pay
//	provider ── POST /v1/callbacks/PROVIDER ──► signature checked over the raw bytes ─► event stored ─► 200
//	                                                                                      │
//	cashier   settles stored events: event processed, order paid, outbox, in one transaction
//	courier   empties the outbox: db applies the goods under the key "order:ID", the owner is told, the order is delivered
//	auditor   looks once in a while for what fell through: asks providers, mends the outbox, compares orders with the ledger, expires
//
//	GET  /v1/products                          ──► {"products": [{"id", "title", "price", "currency", "wallet", "items"}], "providers": [...]}: those of the design tables
//	POST /v1/orders {"product", "provider"}    ──► {"id", "state", "pay_url", "token", ...}; no provider is the first one
//	GET  /v1/orders, /v1/orders/ID             ──► one's own
//	POST /v1/orders/ID/receipt {"receipt"}     ──► for providers that are app stores
//	GET  /sandbox/ID?key=..., POST /sandbox/ID ──► the sandbox's page, and what its buttons do
//
// Whom gates keep out makes no order, also while his token is still good; what he has paid for he gets. The token of a login that has ended is good for nothing.
//
// Everything durable is in package game/store/order; any number of charge nodes share it, and each may die at any step. At least once and a key
// that db applies once make exactly once. How an order comes through:
//
//   - A charge node dies: another, or it itself when it is back, goes on with what is stored. A callback that was not stored was not answered, and
//     the provider repeats it; one that never comes is found by asking the provider.
//   - The money takes days, as a bank debit's does: while the provider says that it is on its way, the order is not given up. Money for one that was given up counts, too.
//   - db is away: paid orders wait in the outbox and are tried again, after seconds at first and minutes in the end.
//   - The wallet is spent when a refund comes: what is left is taken, as much as was bought, and the rest stands in the order as its debt, in a metric
//     and in the log. A wallet is never below zero. A debt is for a person to decide about; nothing collects it. What came by mail, for want of room, and
//     is not claimed yet goes back from there.
//   - Part of the money goes back: the same part of the goods is taken back, of each kind rounded down, in a ledger entry of its own, and the order stays
//     delivered until all of the money is back. A provider tells the sum of all refunds, so that two that overtake each other come to the same.
//   - A dispute holds what is not granted yet, flags the order and calls a hook. Lost, it is a refund; won, the order goes on.
//
// It never takes an amount, a currency or goods from a callback or a client, never answers a provider before its event is stored, and never tells
// what was wrong with a signature.
package charge
