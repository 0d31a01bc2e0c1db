// Package store opens the two stores of a stack, SQL (through gorm) and Redis, or their embedded stand-ins, and runs the
// migrations of each owner of tables.
//
//	                 empty configuration                          configured
//	SQL              SQLite, <DataDir>/<owner>.db an owner        MySQL 8 / MariaDB 10.11+, one database
//	Redis            miniredis in this process, not durable       Redis 7, alone, with sentinels or as a cluster
//
//	stores, err := store.Open(ctx, store.Config{DataDir: "data"}, log)
//	err = stores.Migrate(ctx, "player", migrations.FS("player"))
//	db, err := stores.SQL("player")
//	err = store.InTx(ctx, db, func(tx *gorm.DB) error { return tx.Create(&row).Error })
//
// The rules that keep one set of code on both engines:
//
//   - The handle of [Stores.SQL] only reads. Every write is inside [InTx], on the handle that its callback gets; a write anywhere else
//     is refused at once with [ErrOutsideTx], on both engines, because on SQLite it would wait for the lock of its own caller and on MySQL
//     it would silently not be part of the transaction.
//   - A transaction first reads the row that stands for what it is going to change with clause.Locking, and then decides: on SQLite it has
//     the only write lock from its start, on MySQL (read committed) it has that row's from then on.
//   - Keys are BIGINTs that the application assigns, times are BIGINT milliseconds UTC, JSON is text. No model relies on a column's type.
//   - Text that is compared is ASCII or normalised, and does not end in spaces, which MySQL ignores in comparisons.
//   - An owner's tables are in one database, and no transaction spans two owners.
//   - What is in Redis must be rebuildable from SQL.
//
// Errors of the drivers are translated here, once: [ErrNotFound], [ErrDuplicate], [ErrUnavailable], [ErrLost]. The package knows no
// table and no key.
package store
