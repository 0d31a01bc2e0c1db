package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"loumiao/framework/config"
)

var errRedisURL = errors.New("redis.url: not a URL of Redis: expected redis://[user:password@]host:6379/0, rediss://, " +
	"redis-cluster://h1:6379,h2:6379 or redis-sentinel://h1:26379,h2:26379/0?master=name, or nothing at all for the embedded one")

// parseRedisURL understands the forms that [RedisConfig.URL] lists. Its error says nothing of what the URL holds.
func parseRedisURL(secret config.Secret) (*redis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(secret.Reveal(), "://")
	if !ok {
		return nil, errRedisURL
	}
	base, kind, _ := strings.Cut(scheme, "-")
	if (base != "redis" && base != "rediss") || (kind != "" && kind != "cluster" && kind != "sentinel") {
		return nil, errRedisURL
	}
	// net/url refuses several hosts, so that they are taken apart here: [user:password@]hosts[/db][?options]
	at := strings.LastIndexByte(rest, '@') + 1 // 0 without a user
	user, hosts := rest[:at], rest[at:]
	tail := ""
	if i := strings.IndexAny(hosts, "/?"); i >= 0 {
		hosts, tail = hosts[:i], hosts[i:]
	}
	master := ""
	if kind == "sentinel" {
		var found bool
		if tail, master, found = cutMaster(tail); !found {
			return nil, fmt.Errorf("%w: the sentinels' ?master=name is missing", errRedisURL)
		}
	}
	opts := &redis.UniversalOptions{
		MasterName:               master,
		IsClusterMode:            kind == "cluster",
		ContextTimeoutEnabled:    true, // a call's deadline holds for its round trip
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	for host := range strings.SplitSeq(hosts, ",") {
		one, err := redis.ParseURL(base + "://" + user + host + tail)
		if err != nil || host == "" {
			return nil, errRedisURL
		}
		if _, port, err := net.SplitHostPort(one.Addr); err != nil || !isPort(port) {
			return nil, fmt.Errorf("%w: a port is not a number from 1 to 65535", errRedisURL)
		}
		opts.Addrs = append(opts.Addrs, one.Addr)
		opts.Username, opts.Password, opts.DB = one.Username, one.Password, one.DB
		opts.PoolSize, opts.MinIdleConns, opts.MaxRetries = one.PoolSize, one.MinIdleConns, one.MaxRetries
		opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = one.DialTimeout, one.ReadTimeout, one.WriteTimeout
		opts.TLSConfig = one.TLSConfig
	}
	if kind == "" && len(opts.Addrs) > 1 {
		return nil, fmt.Errorf("%w: several hosts need redis-cluster:// or redis-sentinel://", errRedisURL)
	}
	if len(opts.Addrs) > 1 && opts.TLSConfig != nil {
		opts.TLSConfig.ServerName = "" // each host answers for its own name
	}
	return opts, nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n != 0
}

// cutMaster takes master=name out of a URL's path and query.
func cutMaster(tail string) (rest, master string, found bool) {
	path, query, _ := strings.Cut(tail, "?")
	var others []string
	for option := range strings.SplitSeq(query, "&") {
		if name, ok := strings.CutPrefix(option, "master="); ok {
			master = name
		} else if option != "" {
			others = append(others, option)
		}
	}
	if len(others) > 0 {
		path += "?" + strings.Join(others, "&")
	}
	return path, master, master != ""
}

// openRedis connects and returns the client, with the server's name and version.
func openRedis(ctx context.Context, cfg RedisConfig) (redis.UniversalClient, string, error) {
	opts, err := parseRedisURL(cfg.URL)
	if err != nil {
		return nil, "", err
	}
	client := newRedisClient(opts)
	if err := client.Ping(ctx).Err(); err != nil {
		_ = client.Close()
		return nil, "", fmt.Errorf("redis: no answer from %s (redis.url): %w; is it up, are user and password right?",
			strings.Join(opts.Addrs, ","), err)
	}
	name := "Redis"
	// Some hosted servers forbid INFO; then the version stays unknown.
	if info, err := client.Info(ctx, "server").Result(); err == nil {
		if _, after, ok := strings.Cut(info, "redis_version:"); ok {
			version, _, _ := strings.Cut(after, "\r\n")
			name += " " + version
		}
	}
	return client, name, nil
}

// newRedisClient is a client whose errors are translated, and whose commands are traced.
func newRedisClient(opts *redis.UniversalOptions) redis.UniversalClient {
	client := redis.NewUniversalClient(opts)
	client.AddHook(tracing{})
	client.AddHook(translating{})
	return client
}

// expiryTick is how often the embedded Redis looks for keys to expire: how late an expiry may be seen.
const expiryTick = 100 * time.Millisecond

// An embeddedRedis is a miniredis whose keys expire: by itself, time stands still in it.
type embeddedRedis struct {
	server *miniredis.Miniredis
	stop   chan struct{}
	done   sync.WaitGroup
}

func startEmbeddedRedis() (*embeddedRedis, error) {
	e := &embeddedRedis{server: miniredis.NewMiniRedis(), stop: make(chan struct{})}
	if err := e.server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("redis: start the embedded one on 127.0.0.1: %w", err)
	}
	e.done.Go(e.passTime)
	return e, nil
}

func (e *embeddedRedis) passTime() {
	ticker := time.NewTicker(expiryTick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-e.stop:
			return
		case <-ticker.C:
			// What has really passed, since a busy machine delivers ticks late and drops some.
			now := time.Now()
			e.server.FastForward(now.Sub(last))
			last = now
		}
	}
}

func (e *embeddedRedis) close() {
	close(e.stop)
	e.done.Wait()
	e.server.Close()
}
