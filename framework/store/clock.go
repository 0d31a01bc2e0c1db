package store

import (
	"fmt"

	"gorm.io/gorm"
)

// Clock is the time of db's server, in milliseconds UTC, for what processes of several machines compare: their own clocks differ. On
// SQLite it is the clock of the machine that all of its users share. db may be a transaction.
func Clock(db *gorm.DB) (ms int64, err error) {
	query := "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)"
	if db.Name() == "mysql" {
		query = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000" // whatever the session's time zone is
	}
	if err := db.Raw(query).Scan(&ms).Error; err != nil {
		return 0, fmt.Errorf("store: the database's clock: %w", err)
	}
	return ms, nil
}
