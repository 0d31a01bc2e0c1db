package app_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"loumiao/game/pb"
)

// forgetful is quick, with matches that last long enough to break something, and with players who are saved at once.
var forgetful = strings.Replace(quick, "match_seconds: 1", "match_seconds: 4", 1) + "world: {save_every: 50ms}\n"

// TestRedisForgets flushes Redis in the middle of a match: everybody plays on over the same session, hears how the match has ended, and is saved with all
// that he has done.
func TestRedisForgets(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	eachStack(t, func(t *testing.T, s *stack) {
		s.config = configFile(t, forgetful)
		s.up(t)
		players := []*player{s.connect(t, "one", false), s.connect(t, "two", true)}
		before := map[*player]map[string]int64{}
		for _, p := range players {
			p.enter()
			before[p] = p.ledger()
			ask[*pb.StartMatchReply](p, &pb.StartMatch{Mode: "arena"})
		}
		for _, p := range players {
			found := await[*pb.MatchFound](p)
			ask[*pb.JoinRoomReply](p, &pb.JoinRoom{Room: found.GetRoom()})
		}
		await[*pb.Snapshot](players[0])
		s.forget(t)
		greetings := int64(0)
		greet := func(p *player) {
			t.Helper()
			if n := ask[*pb.GreetReply](p, &pb.Greet{Greeting: "Hello"}).GetCount(); n != greetings {
				t.Errorf("greeting %d is counted as %d", greetings, n)
			}
		}
		for greetings < 3 {
			greetings++
			for _, p := range players {
				greet(p)
			}
		}
		for _, p := range players {
			ended := await[*pb.MatchEnded](p)
			ledger := p.ledger()
			if !maps.Equal(ledger, ended.GetProfile().GetWallet()) {
				t.Errorf("player %d: the ledger adds up to %v, and he was told %v", p.id, ledger, ended.GetProfile().GetWallet())
			}
			for currency, amount := range ended.GetResult().GetReward() {
				if got := ledger[currency] - before[p][currency]; got != amount {
					t.Errorf("player %d: the match gave %d %s and %d were told", p.id, got, currency, amount)
				}
			}
		}
		greetings++
		for _, p := range players {
			greet(p)
		}
		s.stop(t)
		if text := s.stderr.String(); strings.Contains(text, "another owner") || strings.Contains(text, "not saved") {
			t.Errorf("a save was refused:\n%s", text)
		}

		s.up(t)
		for _, device := range []string{"one", "two"} {
			p := s.connect(t, device, false)
			if match := p.enter().GetMatch(); match != nil {
				t.Errorf("a match that has ended goes on after the restart: %v", match)
			}
			if n := ask[*pb.GreetReply](p, &pb.Greet{Greeting: "Hello"}).GetCount(); n != greetings+1 {
				t.Errorf("the first greeting after the restart is counted as %d; want %d", n, greetings+1)
			}
		}
		s.stop(t)
	})
}

// forget has the stack's Redis forget everything of it.
func (s *stack) forget(t *testing.T) {
	t.Helper()
	url, keys := "", "*"
	for _, v := range s.environ {
		if u, ok := strings.CutPrefix(v, "GAME_REDIS_URL="); ok {
			url = u
		}
		if name, ok := strings.CutPrefix(v, "GAME_STACK="); ok {
			keys = name + ":*"
		}
	}
	if url == "" {
		url = s.embeddedRedis(t)
	}
	opts, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opts)
	defer client.Close()
	all, err := client.Keys(t.Context(), keys).Result()
	if err != nil || len(all) == 0 {
		t.Fatalf("the stack has %d keys in Redis, %v", len(all), err)
	}
	if err := client.Del(t.Context(), all...).Err(); err != nil {
		t.Fatal(err)
	}
}

// embeddedRedis is the URL of the stack's own Redis.
func (s *stack) embeddedRedis(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "running.json"))
	var at struct{ Redis string }
	if err == nil {
		err = json.Unmarshal(data, &at)
	}
	if err != nil {
		t.Fatal(err)
	}
	return at.Redis
}
