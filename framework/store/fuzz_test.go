package store_test

import (
	"strings"
	"testing"

	"loumiao/framework/config"
	"loumiao/framework/store"
)

// Whatever an operator types, the answer is an error or not, and never shows what may be a password.
func FuzzConfig(f *testing.F) {
	f.Add("root:S3CRET@tcp(127.0.0.1:3306)/game?parseTime=true", "redis://user:S3CRET@h:6379/0")
	f.Add("root:S3CRET@tcp(127.0.0.1:3306/game", "redis-cluster://:S3CRET@h1:1,h2:2/0?x=y")
	f.Add("S3CRET/S3CRET@/S3CRET?S3CRET=S3CRET", "redis-sentinel://S3CRET@h/?master=S3CRET&S3CRET=1")
	f.Add("S3CRET", "rediss://S3CRET:S3CRET:S3CRET@S3CRET,S3CRET")
	f.Fuzz(func(t *testing.T, dsn, url string) {
		err := store.Config{
			SQL:   store.SQLConfig{DSN: config.Secret(dsn)},
			Redis: store.RedisConfig{URL: config.Secret(url)},
		}.Validate()
		if err != nil && strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%v", err)
		}
	})
}
