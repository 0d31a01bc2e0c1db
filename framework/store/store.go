package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"loumiao/framework/config"
)

// Stores are the open stores of one process. It is safe for concurrent use.
type Stores struct {
	cfg         Config
	log         *slog.Logger
	mysql       *gorm.DB // the one handle of every owner; nil with the embedded SQL
	redis       redis.UniversalClient
	embedded    *embeddedRedis // nil with a configured Redis
	sqlEngine   string
	redisEngine string

	mu     sync.Mutex
	sqlite map[string]*gorm.DB // by owner
	closed bool
}

// Open opens and tries out both stores. Its error names the store, its address and what to do; it never holds a password. The SQLite file
// of an owner is opened by the first [Stores.SQL] for it.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Stores, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Stores{cfg: cfg.withDefaults(), log: log, sqlite: map[string]*gorm.DB{}}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("store: %w", errors.Join(err, s.Close()))
	}
	return s, nil
}

func (s *Stores) open(ctx context.Context) (err error) {
	if s.cfg.SQL.DSN != "" {
		if s.mysql, s.sqlEngine, err = openMySQL(ctx, s.cfg.SQL, s.log); err != nil {
			return err
		}
	} else {
		s.sqlEngine = "SQLite (embedded)"
		if err := os.MkdirAll(s.cfg.DataDir, 0o700); err != nil {
			return fmt.Errorf("sql: make data_dir: %w", err)
		}
	}
	if s.cfg.Redis.URL != "" {
		s.redis, s.redisEngine, err = openRedis(ctx, s.cfg.Redis)
		return err
	}
	if s.embedded, err = startEmbeddedRedis(); err != nil {
		return err
	}
	s.redis, _, err = openRedis(ctx, RedisConfig{URL: config.Secret("redis://" + s.embedded.server.Addr())})
	s.redisEngine = "miniredis (embedded, not durable)"
	return err
}

// SQL is the handle for an owner's tables, for reading; write in [InTx]. owner is 1 to 32 lower-case letters and underscores. With MySQL
// it is the same handle for every owner; with SQLite each owner has a file of its own, opened by the first call.
func (s *Stores) SQL(owner string) (*gorm.DB, error) {
	if !isOwner(owner) {
		return nil, fmt.Errorf("store: owner %q is not 1 to %d lower-case letters and underscores", owner, maxOwner)
	}
	if s.mysql != nil {
		return s.mysql, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("store: closed")
	}
	if db := s.sqlite[owner]; db != nil {
		return db, nil
	}
	// Opening a file takes milliseconds and must be waited for, whoever gives up first.
	db, err := openSQLite(context.Background(), s.cfg.DataDir, owner, s.log)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s.sqlite[owner] = db
	return db, nil
}

// Redis is the client of this stack's Redis. Its keys begin with the prefix: make them with [Stores.Key].
func (s *Stores) Redis() redis.UniversalClient { return s.redis }

// Key is the stack's prefix and the parts, joined by ':'. Keys that one script or transaction touches share a hash tag, so that they
// are on one node of a Redis Cluster: Key("queue", "{7}", "waiting") and Key("queue", "{7}", "seats").
func (s *Stores) Key(parts ...string) string {
	return s.cfg.Prefix + ":" + strings.Join(parts, ":")
}

// Prefix begins every key of [Stores.Key].
func (s *Stores) Prefix() string { return s.cfg.Prefix }

// Engines names what is in use, for people: "SQLite (embedded)" or "MariaDB 10.11.19"; "miniredis (embedded, not durable)" or
// "Redis 7.0.15".
func (s *Stores) Engines() (sql, redis string) { return s.sqlEngine, s.redisEngine }

// RedisAddr is host:port of the embedded Redis, by which other processes of the stack reach it; "" when Redis is configured.
func (s *Stores) RedisAddr() string {
	if s.embedded == nil {
		return ""
	}
	return s.embedded.server.Addr()
}

// Ping asks both stores for a sign of life, for a node's readiness.
func (s *Stores) Ping(ctx context.Context) error {
	var errs []error
	for _, db := range s.handles() {
		if sqlDB, err := db.DB(); err != nil {
			errs = append(errs, err)
		} else if err := sqlDB.PingContext(ctx); err != nil {
			errs = append(errs, fmt.Errorf("store: sql: %w", translate(err)))
		}
	}
	if err := s.redis.Ping(ctx).Err(); err != nil {
		errs = append(errs, fmt.Errorf("store: redis: %w", err))
	}
	return errors.Join(errs...)
}

// Close closes everything that is open and joins what was started. The embedded Redis loses what it holds. A second Close does nothing.
func (s *Stores) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	var errs []error
	for _, db := range s.handles() {
		if sqlDB, err := db.DB(); err == nil {
			errs = append(errs, sqlDB.Close())
		}
	}
	if s.redis != nil {
		errs = append(errs, s.redis.Close())
	}
	if s.embedded != nil {
		s.embedded.close()
	}
	return errors.Join(errs...)
}

func (s *Stores) handles() []*gorm.DB {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*gorm.DB
	if s.mysql != nil {
		all = append(all, s.mysql)
	}
	for _, db := range s.sqlite {
		all = append(all, db)
	}
	return all
}

// maxOwner bounds an owner's name in bytes: it is part of a table's name.
const maxOwner = 32

func isOwner(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && r != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxOwner
}
