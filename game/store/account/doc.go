// Package account is the tables of accounts: who may log in, how, and which players they play. Login web and the account
// node open it.
//
//	accounts        a person
//	identities      a way to log in: password (a name), device (a guest) or an external channel's user
//	sanctions       why an account may not play now
//	refresh_tokens  one row a login, replaced with each use; its owner sees and ends them
//	persons         who stands behind an account: what a registry vouches for, a birth date
//	playtime        how long accounts have played whose time is limited
//	characters      which player an account plays in an area
//
//	id, err := accounts.Login(ctx, name, password)
//	player, err := accounts.Character(ctx, id, area)
//	token, err := accounts.IssueRefresh(ctx, id, 30*24*time.Hour)
//
// Secrets are stored as hashes only: passwords as argon2id, which is slow and costs memory, so that few run at once and too many are
// turned away; devices and refresh tokens, which are random and long, as SHA-256. [Throttle] counts attempts by name and address in
// Redis. [Store.ErasePlayer] removes what is known of a person. The package signs no token and knows no HTTP.
package account
