package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"loumiao/game/app"
)

// secretFile is how configurations name what is in /run/secrets.
var secretFile = regexp.MustCompile(`/run/secrets/([a-z_]+(\.[a-z]+)?)`)

// withSecrets is a copy of a configuration whose secrets are in a directory of the test, each of a form that its key takes.
func withSecrets(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, m := range secretFile.FindAllSubmatch(text, -1) {
		random := make([]byte, 32)
		if _, err := rand.Read(random); err != nil {
			t.Fatal(err)
		}
		secret := []byte(hex.EncodeToString(random))
		switch name := string(m[1]); name {
		case "sql_dsn":
			secret = []byte("game:unspoken@tcp(sql.example.com:3306)/game?tls=true\n")
		case "redis_url":
			secret = []byte("rediss://:unspoken@redis.example.com:6379/0\n")
		case "gate.crt", "gate.key":
			secret = nil // both together, below
		}
		if secret == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, string(m[1])), secret, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(string(text), "gate.crt") {
		selfSigned(t, filepath.Join(dir, "gate.crt"), filepath.Join(dir, "gate.key"))
	}
	return configFile(t, strings.ReplaceAll(string(text), "/run/secrets", filepath.ToSlash(dir)))
}

func selfSigned(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"gate1.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConfigurations checks every configuration that the project has as `game check` does. The local one runs all types of node, that for servers those that a
// game needs.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	nodes := func(file string) map[string]int {
		t.Helper()
		var c struct {
			Pod struct{ Nodes map[string]int }
		}
		text, err := os.ReadFile("../../configs/" + file)
		if err == nil {
			err = yaml.Unmarshal(text, &c)
		}
		if err != nil {
			t.Fatal(err)
		}
		for typ := range c.Pod.Nodes {
			requires(t, typ) // whoever deletes a type has these files still to do
		}
		return c.Pod.Nodes
	}
	local, servers := nodes("local.yaml"), nodes("production.yaml")
	files, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, path := range append(files, "../../docker/game.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, nil, "check", "--config", withSecrets(t, path))
			if code != 0 || strings.Contains(stdout, "unspoken") {
				t.Fatalf("code %d: %s", code, stderr)
			}
			if filepath.Base(path) == "local.yaml" {
				return
			}
			for _, want := range []string{"production: true", "dsn: '***'", "url: '***'", "link: '***'", "gossip: '***'"} {
				if !strings.Contains(stdout, want) {
					t.Errorf("it has no %s", want)
				}
			}
		})
	}
	for _, typ := range regexp.MustCompile(`[a-z]+`).FindAllString(app.TypeNames(), -1) {
		if local[typ] == 0 && typ != "pod" {
			t.Errorf("local.yaml has no node of type %s", typ)
		}
		if elsewhere := []string{"pod", "rpcgate", "robot"}; servers[typ] == 0 && !slices.Contains(elsewhere, typ) {
			t.Errorf("production.yaml has no node of type %s", typ)
		}
	}
}

// TestCompose reads what docker would: every file that compose.yaml and the Dockerfile name is there or made by secrets.sh, every command is one that the program
// has, every published port one that game.yaml listens on. Nothing is built or run.
func TestCompose(t *testing.T) {
	t.Parallel()
	const dir = "../../docker"
	type service struct {
		Image   string
		Build   struct{ Context, Dockerfile string }
		Command []string
		Volumes []string
		Secrets []string
		Ports   []string
		Depends map[string]struct{ Condition string } `yaml:"depends_on"`
		Health  map[string]any                        `yaml:"healthcheck"`
	}
	var compose struct {
		Services map[string]service
		Secrets  map[string]struct{ File string }
		Volumes  map[string]any
	}
	text, err := os.ReadFile(filepath.Join(dir, "compose.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &compose)
	}
	if err != nil || len(compose.Services) != 3 {
		t.Fatalf("%d services, %v", len(compose.Services), err)
	}
	there := func(path string) {
		t.Helper()
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	script, err := os.ReadFile(filepath.Join(dir, "secrets.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range compose.Secrets {
		if s.File != "./secrets/"+name || !regexp.MustCompile(`\b`+name+`\b`).Match(script) {
			t.Errorf("secret %s is in %s, and secrets.sh is to make it", name, s.File)
		}
	}
	config, err := os.ReadFile(filepath.Join(dir, "game.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range compose.Services {
		for _, secret := range s.Secrets {
			if _, ok := compose.Secrets[secret]; !ok {
				t.Errorf("%s: there is no secret %s", name, secret)
			}
		}
		for other := range s.Depends {
			if compose.Services[other].Health == nil {
				t.Errorf("%s waits for the health of %s, which says nothing of it", name, other)
			}
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, named := compose.Volumes[from]; strings.HasPrefix(from, ".") {
				there(filepath.Join(dir, from))
			} else if !named {
				t.Errorf("%s: there is no volume %s", name, from)
			}
		}
		for _, p := range s.Ports {
			inside, _, _ := strings.Cut(p[strings.LastIndex(p, ":")+1:], "/")
			if !strings.Contains(string(config), "0.0.0.0:"+inside) {
				t.Errorf("%s publishes %s, where nobody listens", name, p)
			}
		}
	}
	game := compose.Services["game"]
	there(filepath.Join(dir, game.Build.Context, game.Build.Dockerfile))
	args := slices.Clone(game.Command)
	for i, a := range args {
		if a == "--config" {
			if !slices.Contains(game.Volumes, "./game.yaml:"+args[i+1]+":ro") {
				t.Errorf("the container has no %s", args[i+1])
			}
		}
	}
	if code, _, stderr := run(t, nil, args[0], "--help"); code != 0 {
		t.Errorf("the program has no command %s: %s", args[0], stderr)
	}
	for _, m := range secretFile.FindAllSubmatch(config, -1) {
		if !slices.Contains(game.Secrets, string(m[1])) {
			t.Errorf("game.yaml names the secret %s, which the container has not", m[1])
		}
	}
	build, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^COPY ([^-].*) \S+$`).FindAllSubmatch(build, -1) {
		for _, path := range strings.Fields(string(m[1])) {
			there(filepath.Join(dir, game.Build.Context, path))
		}
	}
	for _, want := range []string{"CGO_ENABLED=0", ":nonroot", "go build", "./game"} {
		if !strings.Contains(string(build), want) {
			t.Errorf("the Dockerfile has no %s", want)
		}
	}
}
