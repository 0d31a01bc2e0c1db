package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
)

type counter struct {
	ID    int64 `gorm:"primaryKey;autoIncrement:false"`
	Name  string
	Count int64
}

var counterFiles = fstest.MapFS{
	"00001_counters.sql": {Data: []byte("-- +goose Up\nCREATE TABLE counters (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(32) NOT NULL UNIQUE, count BIGINT NOT NULL CHECK (count >= 0));\n")},
}

func insert(t *testing.T, db *gorm.DB, rows ...counter) {
	t.Helper()
	if err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { return tx.Create(&rows).Error }); err != nil {
		t.Fatal(err)
	}
}

func countOf(t *testing.T, db *gorm.DB, id int64) int64 {
	t.Helper()
	var c counter
	if err := db.WithContext(t.Context()).Take(&c, id).Error; err != nil {
		t.Fatal(err)
	}
	return c.Count
}

func TestWritesOutsideATransactionAreRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		db := storetest.Migrated(t, s, "test", counterFiles)
		insert(t, db, counter{ID: 1, Name: "a"})
		writes := map[string]func(db *gorm.DB) error{
			"create": func(db *gorm.DB) error { return db.Create(&counter{ID: 2, Name: "b"}).Error },
			"update": func(db *gorm.DB) error { return db.Model(&counter{}).Where("id = 1").Update("count", 5).Error },
			"delete": func(db *gorm.DB) error { return db.Delete(&counter{ID: 1}).Error },
			"exec":   func(db *gorm.DB) error { return db.Exec("UPDATE counters SET count = 5").Error },
			"raw with rows": func(db *gorm.DB) error {
				return db.Raw(" UPDATE counters SET count = 5 RETURNING id").Scan(new(int)).Error
			},
			"raw with a row": func(db *gorm.DB) error { return db.Raw("delete from counters").Row().Scan(new(int)) },
			"transaction": func(db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error { return tx.Create(&counter{ID: 2, Name: "b"}).Error })
			},
		}
		for name, write := range writes {
			t.Run(name, func(t *testing.T) {
				if err := write(db); err == nil {
					t.Error("a write through the outer handle was accepted")
				}
				// The same within the callback of a transaction, where on SQLite it would wait for its own caller.
				began := time.Now()
				err := store.InTx(t.Context(), db, func(tx *gorm.DB) error {
					if err := tx.Model(&counter{}).Where("id = 1").Update("count", gorm.Expr("count + 1")).Error; err != nil {
						return err
					}
					return write(db)
				})
				if err == nil {
					t.Error("a write through the outer handle was accepted inside a transaction")
				}
				if took := time.Since(began); took > 4*time.Second {
					t.Errorf("it was refused after %v, which is a lock's timeout", took)
				}
				if n := countOf(t, db, 1); n != 0 {
					t.Errorf("count = %d, want 0: something was not rolled back", n)
				}
			})
		}
		if err := db.Create(&counter{ID: 9, Name: "z"}).Error; !errors.Is(err, store.ErrOutsideTx) {
			t.Errorf("err = %v, want ErrOutsideTx", err)
		}
	})
}

func TestNestedTransactionsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		db := storetest.Migrated(t, s, "test", counterFiles)
		none := func(*gorm.DB) error { return nil }
		for name, nested := range map[string]func(tx *gorm.DB) error{
			"outer handle":         func(*gorm.DB) error { return store.InTx(t.Context(), db, none) },
			"transaction's handle": func(tx *gorm.DB) error { return store.InTx(t.Context(), tx, none) },
			"deep below": func(*gorm.DB) error {
				var down func(depth int) error
				down = func(depth int) error {
					if depth == 0 {
						return store.InTx(t.Context(), db, none)
					}
					return down(depth - 1)
				}
				return down(200)
			},
		} {
			t.Run(name, func(t *testing.T) {
				if err := store.InTx(t.Context(), db, nested); !errors.Is(err, store.ErrNested) {
					t.Errorf("err = %v, want ErrNested", err)
				}
			})
		}
		if err := store.InTx(t.Context(), db, none); err != nil {
			t.Errorf("a transaction after the refused ones: %v", err)
		}
	})
}

func TestTransactionsRollBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		db := storetest.Migrated(t, s, "test", counterFiles)
		insert(t, db, counter{ID: 1, Name: "a"})
		bump := func(tx *gorm.DB) {
			if err := tx.Model(&counter{}).Where("id = 1").Update("count", 7).Error; err != nil {
				t.Error(err)
			}
		}
		errOwn := errors.New("own")
		ended, end := context.WithCancel(t.Context())
		for name, run := range map[string]func() (got, want error){
			"error": func() (error, error) {
				return store.InTx(t.Context(), db, func(tx *gorm.DB) error { bump(tx); return errOwn }), errOwn
			},
			"panic": func() (got, want error) {
				defer func() {
					if recover() == nil {
						t.Error("the panic was swallowed")
					}
				}()
				return store.InTx(t.Context(), db, func(tx *gorm.DB) error { bump(tx); panic("own") }), nil
			},
			"context ends": func() (error, error) {
				return store.InTx(ended, db, func(tx *gorm.DB) error { bump(tx); end(); return nil }), context.Canceled
			},
		} {
			t.Run(name, func(t *testing.T) {
				if got, want := run(); !errors.Is(got, want) {
					t.Errorf("err = %v, want %v", got, want)
				}
				if n := countOf(t, db, 1); n != 0 {
					t.Errorf("count = %d, want 0", n)
				}
			})
		}
		t.Run("the handle ends with its transaction", func(t *testing.T) {
			var kept *gorm.DB
			if err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { kept = tx; return nil }); err != nil {
				t.Fatal(err)
			}
			if err := kept.Create(&counter{ID: 3, Name: "c"}).Error; err == nil {
				t.Error("a transaction's handle could be used after it")
			}
		})
	})
}

func TestConcurrentIncrementsAreNotLost(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		db := storetest.Migrated(t, s, "test", counterFiles)
		insert(t, db, counter{ID: 1, Name: "a"})
		const workers, each = 8, 25
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range each {
					err := store.InTx(t.Context(), db, func(tx *gorm.DB) error {
						var c counter
						if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&c, 1).Error; err != nil {
							return err
						}
						c.Count++
						return tx.Save(&c).Error
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if n := countOf(t, db, 1); n != workers*each {
			t.Errorf("count = %d, want %d", n, workers*each)
		}
	})
}

// Two transactions lock two rows in opposite order: MySQL ends one of them, which must then be run again.
func TestDeadlocksAreRetried(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		if engine, _ := s.Engines(); engine == "SQLite (embedded)" {
			t.Skip("SQLite has one writer at a time")
		}
		db := storetest.Migrated(t, s, "test", counterFiles)
		insert(t, db, counter{ID: 1, Name: "a"}, counter{ID: 2, Name: "b"})
		var runs atomic.Int32
		var first [2]sync.Once
		var both sync.WaitGroup // the first attempts of both wait until each has its first row
		both.Add(2)
		var wg sync.WaitGroup
		for i, order := range [2][2]int64{{1, 2}, {2, 1}} {
			wg.Go(func() {
				err := store.InTx(t.Context(), db, func(tx *gorm.DB) error {
					runs.Add(1)
					for _, id := range order {
						if err := tx.Model(&counter{}).Where("id = ?", id).Update("count", gorm.Expr("count + 1")).Error; err != nil {
							return err
						}
						first[i].Do(func() { both.Done(); both.Wait() })
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if a, b := countOf(t, db, 1), countOf(t, db, 2); a != 2 || b != 2 {
			t.Errorf("counts = %d, %d, want 2, 2", a, b)
		}
		if runs.Load() < 3 {
			t.Errorf("%d runs: there was no deadlock to test", runs.Load())
		}
	})
}

func TestErrorsAreTranslated(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Stores) {
		db := storetest.Migrated(t, s, "test", counterFiles)
		insert(t, db, counter{ID: 1, Name: "a"})
		if err := db.Take(&counter{}, 2).Error; !errors.Is(err, store.ErrNotFound) || !errors.Is(err, gorm.ErrRecordNotFound) {
			t.Errorf("no row: err = %v", err)
		}
		for name, row := range map[string]counter{"primary key": {ID: 1, Name: "b"}, "unique column": {ID: 2, Name: "a"}} {
			err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { return tx.Create(&row).Error })
			if !errors.Is(err, store.ErrDuplicate) || fault.CodeOf(err) != fault.Internal {
				t.Errorf("%s: err = %v", name, err)
			}
		}
		wrong := map[string]counter{"CHECK": {ID: 5, Name: "x", Count: -1}}
		if db.Name() == "mysql" { // SQLite takes it
			wrong["too long"] = counter{ID: 5, Name: "a name that is longer than 32 characters"}
		}
		for name, row := range wrong {
			err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { return tx.Create(&row).Error })
			if !errors.Is(err, store.ErrValue) || fault.CodeOf(err) != fault.Internal {
				t.Errorf("%s: err = %v", name, err)
			}
		}
		// Comparison is by bytes on both engines, so that this is no duplicate.
		insert(t, db, counter{ID: 3, Name: "A"}, counter{ID: 4, Name: "á"})

		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := store.InTx(t.Context(), db, func(tx *gorm.DB) error { return nil }); err == nil {
			t.Error("a transaction on closed stores")
		}
	})
}
