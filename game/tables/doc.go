// Package tables is the design tables: what game designers decide, in CSV, as typed values that fit together.
//
//	configs/tables/*.csv, or what the configuration centre has published
//	        │ Parse: every problem at once, with file, row and column
//	        ▼
//	*Tables ── Currencies, Items, Shop, SignIn, Products, Levels, Rewards, Modes, Maps, Welcome ── never changes; a new publication is a new one
//
//	t := n.tables.Get()              // a live value: see api.Tables
//	level := t.LevelAt(exp)
//
// One file is one table; its first line names the columns, in any order, each once. Quoting is that of RFC 4180; cells are trimmed; an empty line is
// passed over. What a table refers to must be there: the currencies and items of the shop, the modes of the rewards. A table has at most [MaxRows] rows and a
// file at most [MaxFile] bytes; the shop and maps have at most 200 rows, signing in 366 and the welcome 10, and these may have none. Goods are written as "gold=30 item:shield=1 exp=5",
// each amount at most 1e9.
//
// [Tables.Version] is a fingerprint of all that clients can see: it changes when a table does, however it got here.
//
// The package reads nothing by itself and knows neither nodes nor players.
package tables
