// Package migrations embeds the SQL that makes the tables, one directory an owner of tables:
//
//	migrations/player/00001_players.sql                run on both engines
//	migrations/player/00012_x.mysql.sql, .sqlite.sql   where they differ
//
// Numbers 1 to 49999 belong to upstream, 50000 and above to forks, so that a fork can take upstream's later files; each is run once,
// whatever ran before it. A file that has been released is never changed: what it made is changed by a new file, also backwards.
//
// What runs on SQLite, MySQL and MariaDB alike: BIGINT keys that the application assigns, no AUTO_INCREMENT, UNSIGNED or ENGINE; times as
// BIGINT milliseconds UTC; JSON as MEDIUMTEXT with CHECK (JSON_VALID(...)); indexes by CREATE INDEX, with the table's name in theirs; text that
// is compared is VARCHAR of at most 191. One statement a file, because MySQL cannot undo the first when the second fails.
//
// The package runs nothing: package store does.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed account/*.sql cluster/*.sql config/*.sql keypoint/*.sql operator/*.sql order/*.sql player/*.sql public/*.sql
var files embed.FS

// Owners lists every owner of tables, in alphabetical order.
func Owners() []string {
	// The directories are embedded at build time, so that neither this nor FS has anything to fail on.
	entries, _ := files.ReadDir(".")
	owners := make([]string, len(entries))
	for i, e := range entries {
		owners[i] = e.Name()
	}
	return owners
}

// FS holds an owner's files at its root. It panics for an owner that is not one of [Owners].
func FS(owner string) fs.FS {
	if _, err := files.ReadDir(owner); err != nil {
		panic(fmt.Sprintf("migrations: no owner %q", owner))
	}
	sub, err := fs.Sub(files, owner)
	if err != nil {
		panic(fmt.Sprintf("migrations: owner %q: %v", owner, err))
	}
	return sub
}
