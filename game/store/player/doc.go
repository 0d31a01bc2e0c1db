// Package player is the tables of players: who they are, what they have, and why. Only db nodes open it.
//
//	players        one row a player: name, rating, the game's state, and the epoch of the world that holds the player
//	wallets items  what a player has now
//	ledger         why: each change has two legs for each asset, the player's and a system account's, which sum to zero
//	applied        the result of each change, under its idempotency key
//	match_results  that a match is recorded
//	matches        each player's history of them
//	counters       how often a player has done what is limited
//	friends        what players are to each other
//	mails          each player's mailbox, with goods to be claimed
//
// What it holds to:
//
//   - Every transaction on a player locks the row in players first; of several players, in the order of their ids.
//   - A world saves with the epoch that [Store.Load] gave it. Once another world has loaded the player, that epoch is refused: [ErrFenced].
//   - What a player has changes only through [Store.Apply], [Store.TakeBack], [Store.RecordMatch], [Store.ClaimMail] and creation: one transaction with the wallet, the
//     ledger and the idempotency key. A repetition with the same key changes nothing and returns the first result. [Store.Audit] finds
//     no difference between wallets and ledger at any moment.
//   - What is in a mail is nobody's until it is claimed, and never gives way to other mail.
//   - A query on a player's path names the player, so that the tables can be partitioned by it.
//
// It holds nothing in memory, and knows neither actors nor the network.
package player
