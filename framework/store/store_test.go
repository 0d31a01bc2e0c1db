package store_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"loumiao/framework/config"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

func TestValidateReportsEverythingAndNoPassword(t *testing.T) {
	t.Parallel()
	cfg := store.Config{DataDir: "a?b", Prefix: "a:b"}
	cfg.SQL.DSN = "root:hunter2@127.0.0.1:3306"
	cfg.SQL.MaxOpen = -1
	cfg.SQL.MaxIdle = 3
	cfg.SQL.ConnMaxLifetime = -time.Second
	cfg.Redis.URL = "redis://:hunter2@host:port"
	err := cfg.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"sql.dsn", "sql.max_open", "sql.max_idle", "sql.conn_max_lifetime", "redis.url", "data_dir", "prefix"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password is in %q", err)
	}
	if err := (store.Config{}).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
}

func TestRedisURLs(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"redis://127.0.0.1:6379/0":                         true,
		"rediss://user:pass@host":                          true,
		"redis-cluster://h1:6379,h2:6379":                  true,
		"rediss-cluster://user:p@h1,h2":                    true,
		"redis-sentinel://h1:26379,h2:26379/0?master=main": true,
		"redis-sentinel://h1:26379,h2:26379/0":             false,
		"redis://h1,h2":                                    false,
		"redis-cluster://h1,,h2":                           false,
		"redis://h1:99999/0":                               false,
		"redis://h1:0":                                     false,
		"redis-cluster://h1:6379,h2:65536":                 false,
		"redis://[::1]:6379":                               true,
		"redis-other://h1":                                 false,
		"http://h1":                                        false,
		"127.0.0.1:6379":                                   false,
		"redis://":                                         false,
	} {
		cfg := store.Config{Redis: store.RedisConfig{URL: config.Secret(url)}}
		if err := cfg.Validate(); (err == nil) != ok {
			t.Errorf("%s: err = %v, want ok %v", url, err, ok)
		}
	}
}

func TestOpenSaysWhatIsUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String() // nobody listens here from now on
	_ = l.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg  store.Config
		want []string
	}{
		"sql":      {store.Config{SQL: store.SQLConfig{DSN: config.Secret("root:hunter2@tcp(" + addr + ")/game")}}, []string{addr, "sql.dsn", `"game"`}},
		"redis":    {store.Config{DataDir: t.TempDir(), Redis: store.RedisConfig{URL: config.Secret("redis://:hunter2@" + addr + "?max_retries=-1")}}, []string{addr, "redis.url"}},
		"data dir": {store.Config{DataDir: file}, []string{"data_dir", file}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := store.Open(t.Context(), test.cfg, storetest.Log(t))
			if err == nil {
				_ = s.Close()
				t.Fatal("opened")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not mention %s", err, want)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

func TestOwnersAndEngines(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		sql, redisName := s.Engines()
		t.Logf("%s, %s", sql, redisName)
		a, err := s.SQL("player")
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.SQL("player")
		if err != nil || again != a {
			t.Errorf("opened twice: %v", err)
		}
		b, err := s.SQL("account")
		if err != nil || (a == b) != (sql != "SQLite (embedded)") {
			t.Errorf("one handle for two owners: %v on %s, %v", a == b, sql, err)
		}
		for _, owner := range []string{"", "../x", "Player", "a.b", strings.Repeat("a", 33)} {
			if _, err := s.SQL(owner); err == nil {
				t.Errorf("owner %q was accepted", owner)
			}
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if got, want := s.Key("queue", "{7}"), s.Prefix()+":queue:{7}"; got != want {
			t.Errorf("Key = %s, want %s", got, want)
		}
		ms, err := store.Clock(a)
		if off := time.Since(time.UnixMilli(ms)); err != nil || off.Abs() > time.Minute {
			t.Errorf("the database's clock is off by %v, %v", off, err)
		}
	})
}

// The process that runs the stack opens the stores; its children reach the same files and the same Redis.
func TestTwoProcessesShareTheEmbeddedStores(t *testing.T) {
	t.Parallel()
	cfg := storetest.EmbeddedConfig(t)
	parent := storetest.Open(t, cfg)
	child := storetest.Second(t, parent, cfg)

	if err := parent.Redis().Set(t.Context(), parent.Key("k"), "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if v, err := child.Redis().Get(t.Context(), child.Key("k")).Result(); err != nil || v != "v" {
		t.Errorf("Get = %q, %v", v, err)
	}
	dbs := []*gorm.DB{storetest.Migrated(t, parent, "test", counterFiles), storetest.Migrated(t, child, "test", counterFiles)}
	insert(t, dbs[0], counter{ID: 1, Name: "a"})
	done := make(chan error, len(dbs))
	for _, db := range dbs {
		go func() {
			var err error
			for range 50 {
				err = errors.Join(err, store.InTx(context.Background(), db, func(tx *gorm.DB) error {
					return tx.Model(&counter{}).Where("id = 1").Update("count", gorm.Expr("count + 1")).Error
				}))
			}
			done <- err
		}()
	}
	for range dbs {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := countOf(t, dbs[1], 1); n != 100 {
		t.Errorf("count = %d, want 100", n)
	}
}

func TestKeysExpire(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.Redis().Set(ctx, s.Key("k"), "v", 150*time.Millisecond).Err(); err != nil {
			t.Fatal(err)
		}
		for {
			err := s.Redis().Get(ctx, s.Key("k")).Err()
			if errors.Is(err, redis.Nil) {
				return
			}
			if err != nil {
				t.Fatalf("the key did not expire: %v", err)
			}
		}
	})
}
