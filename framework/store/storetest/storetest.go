// Package storetest gives tests open stores: always the embedded ones, and real ones too when the environment names them.
//
//	TEST_SQL_DSN    root:@tcp(127.0.0.1:3306)/test    a MySQL or MariaDB whose user may create databases
//	TEST_REDIS_URL  redis://127.0.0.1:6379/0
//
//	func TestWallet(t *testing.T) {
//		storetest.Each(t, func(t *testing.T, s *store.Stores) {
//			db := storetest.Migrated(t, s, "player", migrations.FS("player"))
//			...
//		})
//	}
//
// Every test has stores of its own: a temporary directory, or a new database and a key prefix of its own that are gone afterwards. It is
// for tests only.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"loumiao/framework/config"
	"loumiao/framework/store"
)

// Environment variables that name real stores.
const (
	EnvSQL   = "TEST_SQL_DSN"
	EnvRedis = "TEST_REDIS_URL"
)

// timeout bounds what a test's set-up and clean-up do outside the test.
const timeout = 30 * time.Second

// Each runs test in parallel sub-tests: "embedded", and "real" when the environment names at least one real store (the other is then
// embedded).
func Each(t *testing.T, test func(t *testing.T, s *store.Stores)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, Embedded(t))
	})
	if os.Getenv(EnvSQL) == "" && os.Getenv(EnvRedis) == "" {
		return
	}
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		test(t, Real(t))
	})
}

// Embedded opens embedded stores, which are closed and removed at the end of the test.
func Embedded(t testing.TB) *store.Stores {
	t.Helper()
	return Open(t, EmbeddedConfig(t))
}

// EmbeddedConfig is the configuration that [Embedded] opens, for tests that open several processes' worth of stores on one directory.
func EmbeddedConfig(t testing.TB) store.Config {
	t.Helper()
	return store.Config{DataDir: t.TempDir()}
}

// Second opens cfg, the configuration of first, again, as another process of the same stack would: an embedded Redis is shared.
func Second(t testing.TB, first *store.Stores, cfg store.Config) *store.Stores {
	t.Helper()
	if addr := first.RedisAddr(); addr != "" {
		cfg.Redis.URL = config.Secret("redis://" + addr)
	}
	return Open(t, cfg)
}

// Real opens the stores that the environment names, and skips the test when it names none.
func Real(t testing.TB) *store.Stores {
	t.Helper()
	return Open(t, RealConfig(t))
}

// RealConfig makes a database and a key prefix, which are dropped at the end of the test, and returns the configuration for them. It
// skips the test when the environment names no real store.
func RealConfig(t testing.TB) store.Config {
	t.Helper()
	dsn, url := os.Getenv(EnvSQL), os.Getenv(EnvRedis)
	if dsn == "" && url == "" {
		t.Skipf("neither %s nor %s is set", EnvSQL, EnvRedis)
	}
	unique := "test_" + strings.ToLower(rand.Text()[:16])
	cfg := store.Config{DataDir: t.TempDir(), Prefix: unique}
	if dsn != "" {
		cfg.SQL.DSN = config.Secret(createDatabase(t, dsn, unique))
		cfg.SQL.MaxOpen = 16 // many tests share one server
	}
	if url != "" {
		cfg.Redis.URL = config.Secret(url)
		t.Cleanup(func() { deleteKeys(t, url, unique+":*") })
	}
	return cfg
}

// Migrated migrates owner and returns its handle.
func Migrated(t testing.TB, s *store.Stores, owner string, fsys fs.FS) *gorm.DB {
	t.Helper()
	if err := s.Migrate(t.Context(), owner, fsys); err != nil {
		t.Fatal(err)
	}
	db, err := s.SQL(owner)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Log writes warnings and errors to the test's own output.
func Log(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Open opens stores that are closed at the end of the test.
func Open(t testing.TB, cfg store.Config) *store.Stores {
	t.Helper()
	s, err := store.Open(t.Context(), cfg, Log(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the stores: %v", err)
		}
	})
	return s
}

// createDatabase returns dsn with a new database in the place of its own.
func createDatabase(t testing.TB, dsn, name string) string {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatalf("%s is not a DSN for MySQL", EnvSQL)
	}
	cfg.DBName = ""
	exec(t, cfg, "CREATE DATABASE "+name)
	t.Cleanup(func() { exec(t, cfg, "DROP DATABASE "+name) })
	cfg.DBName = name
	return cfg.FormatDSN()
}

func exec(t testing.TB, cfg *mysql.Config, statement string) {
	t.Helper()
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatalf("%s: %v", EnvSQL, err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// deleteKeys uses a client of its own, because the test may have closed its stores.
func deleteKeys(t testing.TB, url, pattern string) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		t.Fatalf("%s is not a URL of Redis", EnvRedis)
	}
	client := redis.NewClient(opts)
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for cursor := uint64(0); ; {
		keys, next, err := client.Scan(ctx, cursor, pattern, 1000).Result()
		if err == nil && len(keys) > 0 {
			err = client.Del(ctx, keys...).Err() // at once: a round trip for each takes too long where there are many, on a busy machine
		}
		if err != nil {
			t.Errorf("clean up Redis: %v", err)
			return
		}
		if cursor = next; cursor == 0 {
			return
		}
	}
}
