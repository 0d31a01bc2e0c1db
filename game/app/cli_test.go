package app_test

import (
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"loumiao/game/app"
)

var update = flag.Bool("update", false, "write golden files anew")

// TestUsage holds the exit codes: 0 done, 1 it failed, 2 it was called wrongly.
func TestUsage(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	tests := []struct {
		name    string
		args    string
		environ []string
		config  string // the file's text; "": none is given
		code    int
		stdout  []string // each is in it
		stderr  []string
	}{
		{name: "nothing", stdout: []string{"Available Commands:", "game up"}},
		{name: "help", args: "help run", stdout: []string{"run TYPE[,TYPE...]"}},
		{name: "version", args: "version", stdout: []string{"go1."}},
		{name: "unknown command", args: "upp", code: 2, stderr: []string{`unknown command "upp"`, `did you mean "up"?`, "game --help"}},
		{name: "unknown flag", args: "up --nonsense", code: 2, stderr: []string{"--nonsense", "game up --help"}},
		{name: "argument too many", args: "up world", code: 2, stderr: []string{`unexpected argument "world"`}},
		{name: "leaving out nonsense", args: "up --without worlds", code: 2, stderr: []string{"--without worlds", app.TypeNames()}},
		{name: "run nothing", args: "run", code: 2, stderr: []string{"which types?", app.TypeNames()}},
		{name: "run nonsense", args: "run world,nonsense", code: 2, stderr: []string{`"nonsense"`, app.TypeNames()}},
		{name: "run a pod", args: "run pod", code: 2, stderr: []string{`"pod"`}},
		{name: "run with a bad id", args: "run db --id 70000", code: 2, stderr: []string{"--id"}},
		{name: "join without a stack", args: "run db --join", code: 1, stderr: []string{"no stack is running", "game up"}},
		{name: "join with a blank", args: "run db --join 127.0.0.1:7946", code: 2, stderr: []string{"two arguments", "--join=HOST:PORT"}},
		{name: "down without a stack", args: "down", code: 1, stderr: []string{"no stack is running"}},
		{name: "nodes without a stack", args: "nodes", code: 1, stderr: []string{"no stack is running", "game up"}},
		{name: "an order for no node", args: "nodes stop", code: 2, stderr: []string{"which node?"}},
		{name: "an order for nonsense", args: "nodes drain world", code: 2, stderr: []string{`"world" is not the number of a node`}},
		{name: "tables missing", args: "run db", code: 1, stderr: []string{"migrat"}},
		{name: "robot without a server", args: "robot --login http://127.0.0.1:1 --robots 0", code: 2, stderr: []string{"obots"}},
		{name: "robot where nothing listens", args: "robot --login http://127.0.0.1:1 --robots 2 --for 500ms --quiet", code: 1,
			stdout: []string{"FAILED", "nobody came as far as through a gate", "127.0.0.1:1"}},
		{name: "robot with a bad threshold", args: "robot --fail-over p98=1ms", code: 2, stderr: []string{"--fail-over"}},
		{name: "robot with a bad profile", args: "robot --login http://127.0.0.1:1 --profile stairs", code: 2, stderr: []string{"profile", "soak, ramp, step or spike"}},
		{name: "compare with nothing", args: "robot compare", code: 2, stderr: []string{"two files", "given 0"}},
		{name: "compare without a file", args: "robot compare testdata/none.json testdata/none.json", code: 2, stderr: []string{"none.json"}},
		{name: "compare what is no report", args: "robot compare testdata/help.txt testdata/help.txt", code: 2, stderr: []string{"help.txt", "not a report"}},
		{name: "compare with a bad bound", args: "robot compare a b --worse p99=20ms", code: 2, stderr: []string{"--worse"}},
		{name: "compare a report with itself", args: "robot compare ../../robot/testdata/good.json ../../robot/testdata/good.json --worse p99=0%",
			code: 0, stdout: []string{"all requests", "not worse than allowed"}},
		{name: "compare with a worse one", args: "robot compare ../../robot/testdata/good.json ../../robot/testdata/failed.json --worse errors=0%",
			code: 1, stdout: []string{"WORSE", "errors=0%"}},

		{name: "no such file", args: "check --config " + missing, code: 2, stderr: []string{missing}},
		{name: "not YAML", args: "check", config: "a: [", code: 2, stderr: []string{"config.yaml"}},
		{name: "unknown key", args: "check", config: "quue: {}", code: 2, stderr: []string{"quue", "queue"}},
		{name: "unknown variable", args: "check", environ: []string{"GAME_SQL_DNS=x"}, code: 2, stderr: []string{"GAME_SQL_DNS", "GAME_SQL_DSN"}},
		{name: "two mistakes at once", args: "check", config: "token: {ttl: 1s}\nlog: {level: loud}", code: 2,
			stderr: []string{"token.ttl", "log.level"}},
		{name: "bad DSN", args: "check", environ: []string{"GAME_SQL_DSN=nonsense:unspoken"}, code: 2, stderr: []string{"dsn"}},
		{name: "bad URL of Redis", args: "check", environ: []string{"GAME_REDIS_URL=http://u:unspoken@x"}, code: 2, stderr: []string{"url"}},
		{name: "wildcard", args: "check", config: "cluster: {host: 0.0.0.0}", code: 2, stderr: []string{"cluster.advertise"}},
		{name: "not an address", args: "check", config: "cluster: {host: localhost}", code: 2, stderr: []string{"cluster.host"}},
		{name: "a price in a currency that there is not", args: "check", config: "goods: {rename: {gold: 50, pearl: 1}}", code: 2,
			stderr: []string{`goods.rename: "pearl" is not in currencies.csv`}},
		{name: "unknown type in the pod", args: "check", config: "pod: {nodes: {wrld: 1}}", code: 2, stderr: []string{`"wrld"`}},
		{name: "too many nodes in the pod", args: "check", config: "pod: {nodes: {world: 65}}", code: 2, stderr: []string{"world: 65"}},
		{name: "gates in each other's way", args: "check", config: "pod: {nodes: {gate: 2}}\ngate: {tcp: '127.0.0.1:7001', ws: '127.0.0.1:7003'}", code: 2,
			stderr: []string{"gate.tcp and gate.ws", "7003"}},
		{name: "production without anything", args: "check", config: "production: true", code: 2,
			stderr: []string{"stack:", "sql.dsn:", "redis.url:", "keys.gossip:", "keys.link:", "keys.token_private"}},
		{name: "short key", args: "up", environ: []string{"GAME_KEYS_LINK=abcd-unspoken"}, code: 2, stderr: []string{"keys.link", "64 hexadecimal digits"}},
		{name: "one key for two", args: "up", environ: []string{"GAME_KEYS_LINK=" + someKey, "GAME_KEYS_GOSSIP=" + someKey}, code: 2,
			stderr: []string{"keys.link", "keys.gossip"}},
		{name: "everything that nodes cannot use", args: "check", code: 2,
			environ: []string{"GAME_KEYS_GOSSIP=unspoken", "GAME_KEYS_LINK=" + someKey + "0", "GAME_KEYS_TOKEN_PRIVATE=unspoken", "GAME_REDIS_URL=redis://:unspoken@host:99999/0"},
			config: `
stack: my game
keys: {token_public: [unspoken]}
cluster: {join: ["10.0.0.5:7946", "10.0.0.6", "10.0.0.6:0", ":7946"]}
gate: {min_client: new, tls_cert: missing.crt, tls_key: missing.key, ws_origins: [play.example.com]}
`,
			stderr: []string{"keys.gossip: must be 64", "keys.link: must be 64", "keys.token_private: must be 64", "keys.token_public[0]: must be 64", "redis.url", "stack: \"my game\"",
				"cluster.join[1]: \"10.0.0.6\"", "cluster.join[2]", "cluster.join[3]", "gate.min_client: \"new\"", "gate.ws_origins[0]", "gate.tls_cert and gate.tls_key", "missing.crt"}},
		{name: "nothing to migrate with", args: "migrate", config: "stack: my game", code: 2, stderr: []string{"stack:"}},
		{name: "a data directory that SQLite cannot have", args: "up --data a?b", code: 2, stderr: []string{"data_dir:"}},
		{name: "joining nonsense", args: "run db --join=nonsense", code: 2, stderr: []string{"cluster.join[0]", "nonsense"}},
		{name: "good", args: "check", environ: []string{"GAME_SQL_DSN=user:unspoken@tcp(host:3306)/game", "GAME_REDIS_URL=redis://:unspoken@host:6379/0"},
			stdout: []string{"dsn:", "***", "listen: 127.0.0.1:8080"}, stderr: []string{"good"}},
		{name: "SQL that cannot be reached", args: "migrate", environ: []string{"GAME_SQL_DSN=user:unspoken@tcp(127.0.0.1:1)/game"}, code: 1,
			stderr: []string{"127.0.0.1:1"}},
		{name: "Redis that cannot be reached", args: "up", environ: []string{"GAME_REDIS_URL=redis://:unspoken@127.0.0.1:1/0"}, code: 1,
			stderr: []string{"127.0.0.1:1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(test.args)
			if test.config != "" {
				args = append(args, "--config", configFile(t, test.config))
			}
			code, stdout, stderr := run(t, append(test.environ, "GAME_DATA_DIR="+t.TempDir()), args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, want := range test.stdout {
				if !strings.Contains(stdout, want) {
					t.Errorf("standard output does not say %q:\n%s", want, stdout)
				}
			}
			for _, want := range test.stderr {
				if !strings.Contains(stderr, want) {
					t.Errorf("standard error does not say %q:\n%s", want, stderr)
				}
			}
			if test.code == 0 && len(test.stderr) == 0 && stderr != "" {
				t.Errorf("standard error says: %s", stderr)
			}
			if strings.Contains(stdout+stderr, "unspoken") || strings.Contains(stdout+stderr, someKey) {
				t.Errorf("a secret is shown:\n%s%s", stdout, stderr)
			}
		})
	}
}

const someKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// TestNoDataDirectory has none be configured.
func TestNoDataDirectory(t *testing.T) {
	t.Parallel()
	code, _, stderr := run(t, nil, "check", "--config", configFile(t, `data_dir: ""`))
	if code != 2 || !strings.Contains(stderr, "data_dir: must not be empty") {
		t.Errorf("code %d: %s", code, stderr)
	}
}

// TestHelp holds what the program says of itself against testdata/help.txt; -update writes that anew.
func TestHelp(t *testing.T) {
	requires(t, "gm", "robot") // which have commands of their own
	t.Parallel()
	var got strings.Builder
	for _, command := range []string{"", "up", "down", "run", "migrate", "nodes", "robot", "robot compare", "robots", "robots run", "check", "version"} {
		code, stdout, stderr := run(t, nil, append(strings.Fields(command), "--help")...)
		if code != 0 || stderr != "" {
			t.Errorf("%s --help: code %d, %s", command, code, stderr)
		}
		stdout = strings.ReplaceAll(stdout, app.TypeNames(), "(every type)")
		got.WriteString("$ game " + strings.TrimSpace(command+" --help") + "\n" + stdout + "\n")
	}
	golden := filepath.Join("testdata", "help.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ReplaceAll(string(want), "\r\n", "\n"); got.String() != text {
		t.Errorf("the help has changed; if that is meant, run the test with -update and commit %s. It is now:\n%s", golden, got.String())
	}
}

// TestCheckPrints has what "check" prints be a configuration that is good, and the same as the one that was checked.
func TestCheckPrints(t *testing.T) {
	t.Parallel()
	_, printed, _ := run(t, nil, "check")
	code, again, stderr := run(t, nil, "check", "--config", configFile(t, printed))
	if code != 0 || again != printed {
		t.Errorf("code %d; checking what check has printed prints\n%s%s", code, again, stderr)
	}
}

// TestMigrate runs the migrations once and no more, and lets nodes run then.
func TestMigrate(t *testing.T) {
	t.Parallel()
	environ := []string{"GAME_DATA_DIR=" + t.TempDir()}
	for i, want := range []bool{false, true} {
		code, stdout, stderr := run(t, environ, "migrate")
		if code != 0 {
			t.Fatalf("code %d: %s", code, stderr)
		}
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		if len(lines) < 2 {
			t.Errorf("it says only %q", stdout)
		}
		for _, line := range lines {
			if got := strings.Contains(line, " 0 migrations"); got != want {
				t.Errorf("run %d says %q", i+1, line)
			}
		}
	}
	db := begin(t, append(environ, "GAME_CLUSTER_GOSSIP_PORT=0"), "run", "db")
	db.printed(t, db.stderr, "msg=ready")
	db.stop(t)
}

// takenPort is a port of 127.0.0.1 that is in use until release.
func takenPort(t *testing.T) (addr, port string, release func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	release = func() { _ = listener.Close() }
	t.Cleanup(release)
	addr = listener.Addr().String()
	_, port, _ = net.SplitHostPort(addr)
	return addr, port, release
}

// TestTakenPorts has each address that can be configured be in use: "run" ends and names it, "up" goes on once it is free.
func TestTakenPorts(t *testing.T) {
	t.Parallel()
	for key, variable := range map[string]string{"login.listen": "GAME_LOGIN_LISTEN", "gate.tcp": "GAME_GATE_TCP", "gate.ws": "GAME_GATE_WS"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			addr, _, release := takenPort(t)
			c := begin(t, []string{variable + "=" + addr}, "up", "--data", t.TempDir(), "--config", configFile(t, quick))
			c.printed(t, c.stderr, key+`.*\n?.*`+addr+`|`+addr+`.*\n?.*`+key)
			release()
			c.printed(t, c.stdout, "ready in")
			c.stop(t)
		})
	}
	t.Run("gossip", func(t *testing.T) {
		t.Parallel()
		_, port, _ := takenPort(t)
		environ := []string{"GAME_DATA_DIR=" + t.TempDir(), "GAME_CLUSTER_GOSSIP_PORT=" + port}
		if code, _, stderr := run(t, environ, "migrate"); code != 0 {
			t.Fatal(stderr)
		}
		for _, command := range []string{"up", "run db"} {
			code, _, stderr := run(t, environ, strings.Fields(command)...)
			if code != 1 || !strings.Contains(stderr, port) || !strings.Contains(stderr, "gossip") {
				t.Errorf("%s with a taken port for gossip: code %d, %s", command, code, stderr)
			}
		}
	})
}
