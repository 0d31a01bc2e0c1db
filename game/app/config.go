package app

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"loumiao/configs"
	"loumiao/framework/certfile"
	"loumiao/framework/config"
	"loumiao/framework/live"
	"loumiao/framework/store"
	"loumiao/framework/trace/otlp"
	"loumiao/game/api"
	"loumiao/game/area"
	"loumiao/game/channel"
	"loumiao/game/goods"
	"loumiao/game/policy"
)

// envPrefix begins the environment variables that set configuration keys: GAME_SQL_DSN is sql.dsn.
const envPrefix = "GAME_"

// A Config is everything that can be configured. `game check` prints it with an explanation of each key.
type Config struct {
	Stack      string            `yaml:"stack" doc:"name of this cluster, in Redis keys and on its database; empty: made up once and kept in data_dir"`
	Production bool              `yaml:"production" doc:"refuse embedded stores, and keys that were made up"`
	DataDir    string            `yaml:"data_dir" doc:"directory of the embedded SQL's files and of keys that were made up"`
	SQL        store.SQLConfig   `yaml:"sql"`
	Redis      store.RedisConfig `yaml:"redis"`

	Cluster ClusterConfig `yaml:"cluster"`
	RPC     RPCConfig     `yaml:"rpc"`
	Keys    KeysConfig    `yaml:"keys"`
	Token   TokenConfig   `yaml:"token"`
	Log     LogConfig     `yaml:"log"`
	Trace   TraceConfig   `yaml:"trace"`
	Pod     PodConfig     `yaml:"pod"`

	Areas    []area.Config  `yaml:"areas" doc:"when the days of areas begin; those that are not named have UTC days"`
	Goods    goods.Config   `yaml:"goods"`
	Channels channel.Config `yaml:"channels"`
	Policy   policy.Config  `yaml:"policy"`

	Types `yaml:",inline"`
}

// ClusterConfig is how this machine's nodes meet the others.
type ClusterConfig struct {
	Host      string        `yaml:"host" doc:"address that nodes listen on for each other and for their admin pages"`
	Advertise string        `yaml:"advertise" doc:"host under which other machines reach this one; needed when cluster.host is a wildcard"`
	Join      []string      `yaml:"join" doc:"gossip addresses (host:port) of any nodes that are up"`
	Area      uint16        `yaml:"area" doc:"the area that nodes of this process serve; 0 serves all"`
	Gossip    uint16        `yaml:"gossip_port" doc:"port for gossip of the first node in this process, which others join at; 0 takes a free one"`
	Stop      time.Duration `yaml:"stop_timeout" min:"1s" max:"10m" doc:"how long a node may take to stop in order"`
}

// RPCConfig is how nodes call each other.
type RPCConfig struct {
	Route string `yaml:"route" oneof:"direct relay" doc:"direct: over a link to each node; relay: through nodes of type rpcgate, of which \"up\" then runs two unless pod.nodes says otherwise"`
}

// routeRelay is the RPCConfig.Route that relays.
const routeRelay = "relay"

// KeysConfig is the cluster's secrets. Each is 32 bytes, written as 64 hexadecimal digits. Those that are not given are made up and kept in
// data_dir, except in production.
type KeysConfig struct {
	Gossip       config.Secret `yaml:"gossip" doc:"encrypts gossip; all nodes of a cluster"`
	Link         config.Secret `yaml:"link" doc:"authenticates links between nodes; all but the web nodes"`
	TokenPrivate config.Secret `yaml:"token_private" doc:"Ed25519 seed that signs players' tokens; login and account nodes only"`
	TokenPublic  []string      `yaml:"token_public" doc:"Ed25519 public keys of tokens that gates accept; empty: that of token_private"`
}

// TokenConfig is how long players' tokens are good for.
type TokenConfig struct {
	TTL     time.Duration `yaml:"ttl" min:"10s" max:"1h" doc:"how long a token opens a gate"`
	Refresh time.Duration `yaml:"refresh" min:"1m" max:"8760h" doc:"how long a refresh token can be exchanged for a new token"`
}

// LogConfig is what is logged.
type LogConfig struct {
	Level  string `yaml:"level" oneof:"debug info warn error"`
	Format string `yaml:"format" oneof:"text json"`
}

// TraceConfig is where traces go.
type TraceConfig struct {
	Endpoint string  `yaml:"endpoint" doc:"OpenTelemetry collector that traces of clients' messages are sent to, as OTLP over HTTP, such as http://127.0.0.1:4318; empty: nothing is traced"`
	Sample   float64 `yaml:"sample" min:"0" max:"1" doc:"which part of clients' messages is traced"`
}

// Validate reports everything that is wrong.
func (c TraceConfig) Validate() error {
	if c.Endpoint == "" {
		return nil
	}
	return otlp.Config{Endpoint: c.Endpoint, Sample: c.Sample}.Validate()
}

// PodConfig is which nodes a pod runs.
type PodConfig struct {
	Nodes map[string]int `yaml:"nodes" doc:"how many nodes of each type \"up\" runs"`
	// FirstID is the number of the pod; its nodes are counted up from it.
	FirstID uint16 `yaml:"first_id" min:"1" max:"65000" doc:"node id of the pod; its nodes count up from it, so pods need ranges of their own"`
}

// defaults is the configuration before any file.
func defaults() Config {
	cfg := Config{
		DataDir: "data",
		Cluster: ClusterConfig{Host: "127.0.0.1", Stop: 10 * time.Second},
		RPC:     RPCConfig{Route: "direct"},
		Token:   TokenConfig{TTL: 5 * time.Minute, Refresh: 30 * 24 * time.Hour},
		Log:     LogConfig{Level: "info", Format: "text"},
		Trace:   TraceConfig{Sample: 0.01},
		Pod:     PodConfig{FirstID: 1},
		Goods:   goods.Defaults(),
		Policy:  policy.Defaults(),
	}
	for _, p := range cfg.parts() {
		p.defaults()
	}
	return cfg
}

// loadConfig reads the files in order, each over the one before, and then the environment. Without files it is the built-in configuration
// for one's own machine.
func loadConfig(files []string, environ []string) (Config, error) {
	cfg := defaults()
	var sources []config.Source
	if len(files) == 0 {
		sources = append(sources, config.FS(configs.FS, "local.yaml", true))
	}
	for _, f := range files {
		sources = append(sources, config.File(f, true))
	}
	sources = append(sources, config.Env(envPrefix, environ))
	err := config.Load(&cfg, sources...)
	return cfg, err
}

// Validate checks what spans several keys.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if err := c.stores("x").Validate(); err != nil {
		errs = append(errs, err)
	}
	if c.DataDir == "" {
		bad("data_dir: must not be empty")
	}
	if err := (store.Config{Prefix: c.Stack}).Validate(); err != nil {
		bad("stack: %s", strings.TrimPrefix(err.Error(), "prefix: "))
	}
	for i, addr := range c.Cluster.Join {
		if !isHostPort(addr) {
			bad("cluster.join[%d]: %q is not host:port, with a port from 1 to 65535", i, addr)
		}
	}
	if _, err := area.NewCalendars(c.Areas); err != nil {
		errs = append(errs, err)
	}
	if c.Gate.TLSCert != "" && c.Gate.TLSKey != "" {
		if _, err := certfile.Load(c.Gate.TLSCert, c.Gate.TLSKey, certfile.Config{}); err != nil {
			bad("gate.tls_cert and gate.tls_key: %w", err)
		}
	}
	if ip := net.ParseIP(c.Cluster.Host); ip == nil {
		bad("cluster.host: %q is not an IP address", c.Cluster.Host)
	} else if ip.IsUnspecified() && c.Cluster.Advertise == "" {
		bad("cluster.advertise: needed, because cluster.host %s is a wildcard", c.Cluster.Host)
	}
	for typ, n := range c.Pod.Nodes {
		if t := typeNamed(typ); t == nil || t.name == podType.name {
			bad("pod.nodes: %q is not a type of node; there are %s", typ, typeNames())
		} else if n < 0 || n > 64 {
			bad("pod.nodes: %s: %d; must be 0 to 64", typ, n)
		}
	}
	if _, err := live.NewSchema(c.settings()...); err != nil {
		errs = append(errs, err)
	}
	said := c.modes()
	for _, mode := range slices.Sorted(maps.Keys(said.backfill)) {
		if slices.Contains(said.frame, mode) {
			bad("%s: is true; the mode cannot have it, because it is played in frame mode", said.backfill[mode])
		}
	}
	if err := c.Gate.ValidatePod(max(1, c.Pod.Nodes[api.Gate])); err != nil {
		errs = append(errs, err)
	}
	if c.Production {
		require := func(key string, given bool) {
			if !given {
				bad("%s: must be given in production", key)
			}
		}
		require("stack", c.Stack != "")
		require("sql.dsn", c.SQL.DSN != "")
		require("redis.url", c.Redis.URL != "")
		require("keys.gossip", c.Keys.Gossip != "")
		require("keys.link", c.Keys.Link != "")
		require("keys.token_private or keys.token_public", c.Keys.TokenPrivate != "" || len(c.Keys.TokenPublic) > 0)
		require("policy.person_key", !c.Policy.Enabled || c.Policy.PersonKey != "")
		for _, t := range nodeTypes {
			if t.production != nil {
				errs = append(errs, t.production(c))
			}
		}
	}
	return errors.Join(errs...)
}

// settings is what must hold of the settings that can change, besides what holds in every stack.
func (c Config) settings() []live.Part {
	return []live.Part{api.FrameModes(c.modes().frame), api.RenamePrice(c.Goods.Rename)}
}

func (c Config) modes() modes {
	said := modes{backfill: map[string]string{}}
	for _, t := range nodeTypes {
		if t.modes != nil {
			t.modes(c, &said)
		}
	}
	return said
}

func isHostPort(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	n, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && host != "" && n != 0
}

// relayed reports whether nodes call each other through relays.
func (c Config) relayed() bool { return c.RPC.Route == routeRelay }

// needs is the types that nodes of type t wait for.
func (c Config) needs(t *nodeType) []string {
	if !c.relayed() || t.observer || t.name == api.RPCGate {
		return t.needs
	}
	return append([]string{api.RPCGate}, t.needs...)
}

// podNodes is how many nodes of each type a pod runs.
func (c Config) podNodes() map[string]int {
	nodes := maps.Clone(c.Pod.Nodes)
	if _, said := nodes[api.RPCGate]; c.relayed() && !said && len(nodes) > 0 {
		nodes[api.RPCGate] = defaultRelays
	}
	return nodes
}

// defaultRelays is how many relays a pod runs when calls are relayed: one may die.
const defaultRelays = 2

// stores is the stores' part of the configuration, for the stack of that name.
func (c Config) stores(stack string) store.Config {
	return store.Config{SQL: c.SQL, Redis: c.Redis, DataDir: c.DataDir, Prefix: stack}
}
