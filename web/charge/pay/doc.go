// Package pay is how orders are paid for: one interface for payment providers, and three of them.
//
//	sandbox   ours: signed callbacks of its own, sent by a page with the buttons "pay", "fail", "refund" and more; for development
//	stripe    callback-driven: a checkout page of Stripe's, and webhooks signed by its scheme
//	store     receipt-driven, as app stores are: the client brings a receipt, which the store vouches for; a fake store for development
//
//	provider.Begin(order)            ─► where the player pays
//	provider.Callback(header, body)  ─► an order.Event that surely comes from the provider, or an error that says nothing
//	provider.Ask(order)              ─► what the provider knows of the payment now
//
// A provider turns bytes into events and decides nothing: what an event does to an order is package order's. It trusts no amount: it passes on
// what was paid, to be compared with the order. It keeps no state and starts nothing.
package pay
