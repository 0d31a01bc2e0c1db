// Package policy says who may play and who may pay: real names, the playtime of minors, and what they may spend. It has the questions that the game asks,
// and a sample that answers them, which is off by default.
//
//	signin, before a login is let in ──► Login.BeforeLogin    ─┐
//	account nodes, of those who are in ► Playtime.Look        ─┼─► Sample ─► persons and playtime, in the account store; Config
//	web/charge, before an order is made ► Charge.BeforeCharge ─┘
//
// A team that has rules of its own writes a type with these methods and returns it where the sample is made; a question that it has no answer to is nil in
// [Set], and then nothing is refused. Answers that refuse are errors made with package fault: their text reaches the player, and says why and until when.
//
// The sample knows people by what a registry has vouched for (package realname): a birth date. Ages change at midnight in the area's time zone.
//
//   - Playtime: minors play between two hours of the area's clock, and for so long a day, the day being the area's. Time is counted for an account, in all
//     areas together, while it has a session; who has played enough is sent away within [LookEvery] and some seconds. While no account node is up nothing is
//     counted, and nobody is sent away.
//   - Spending: by age, so much for an order, and so much for all orders that were made in a month of the area's calendar, paid ones and those that still
//     may be. The order's table decides, in one transaction: of two orders at once that are too much together one is refused. A refund gives its room back
//     once the goods are taken back; see order.Store.Spent. Minors buy in one currency only. All accounts of one person count together, as they are known when an order is
//     made; they are found by a digest of the person's number under a key, which is erased with an account. Accounts of which nobody is known count alone.
//   - Real names: an account of which nobody is known is let in like anybody, treated as the youngest, or refused, as configured. Name and number come with a login.
package policy
