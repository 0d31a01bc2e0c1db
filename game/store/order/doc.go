// Package order is the tables of what players buy with money: orders, what payment providers have told of them, and what is still to be done
// for them. Charge nodes open it, and operators' consoles to read.
//
//	 provider's event ── Receive ──► payments                    stored once under (provider, event), then answered
//	                                    │ Settle, one transaction
//	                                    ▼
//	             event processed + order paid + outbox: grant
//	                                                  │ Claim, StartGrant ── db applies the goods under the order's key ── Granted
//	                                                  ▼
//	created ─► pending ─► paid ─► granting ─► delivered ─► refunded
//	        └─► failed, expired (a payment that comes after all counts)      disputed: from paid or delivered, and back
//
// What it holds to:
//
//   - What is paid for and what is granted stands in the order from its creation on; an event says only that it was paid, and is refused when it
//     names another amount.
//   - What events tell are facts, in any order: an order keeps them all, and its state follows from them. So a refund that overtakes its payment
//     ends in the same state as one that comes behind it.
//   - Every transition is in the table of transitions, an UPDATE guarded by the state before, and a row in the append-only history; what it makes
//     due is put into the outbox in the same transaction.
//   - Of a price that went back in part, as much of the goods is to be taken back; the order is refunded when all of it is.
//   - Goods that are perhaps granted are never taken back: a refund waits until they surely are. Work is claimed for a time by moving it into the
//     future, and may be done twice: whoever does it uses an idempotency key.
//   - It stores ids and amounts, and nothing that says who a buyer is; where he pays is emptied when he is erased.
//
// It calls nobody and holds nothing in memory.
package order
