package app_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports holds the rules of who may import whom. They are what lets a team delete a node type, or take the framework elsewhere.
func TestImports(t *testing.T) {
	t.Parallel()
	packages := listPackages(t)
	nodes := []string{"account", "config", "db", "gate", "log", "match", "pod", "public", "queue", "robot", "rpcgate", "world", "zone"}
	isNode := func(path string) bool {
		return under(path, "web") && path != "web" && !under(path, "web/httpserver") ||
			slices.ContainsFunc(nodes, func(n string) bool { return under(path, "game/"+n) })
	}
	sole := map[string]string{ // library: the only package that imports it
		"github.com/hashicorp/serf":       "framework/cluster",
		"github.com/hashicorp/memberlist": "framework/cluster",
		"github.com/gobwas/ws":            "framework/gate/ws",
		"github.com/xtaci/kcp-go":         "framework/udp",
		"github.com/glebarez/sqlite":      "framework/store",
		"github.com/alicebob/miniredis":   "framework/store",
		"github.com/pressly/goose":        "framework/store",
		"gorm.io/driver":                  "framework/store",
		"github.com/gofiber/fiber":        "web",
		"github.com/spf13/cobra":          "game/app",
		"github.com/shirou/gopsutil":      "game/pod",
	}
	for _, p := range packages {
		for _, imported := range p.imports {
			switch {
			case under(p.path, "framework") && !under(imported, "framework") && inside(packages, imported):
				t.Errorf("%s imports %s: the framework knows nothing of any game", p.path, imported)
			case under(imported, "framework/node") && under(p.path, "framework") && !under(p.path, "framework/node") && !under(p.path, "framework/frameworktest"):
				t.Errorf("%s imports %s: node imports the rest of the framework, and not the reverse", p.path, imported)
			case isNode(p.path) && isNode(imported) && root(p.path) != root(imported):
				t.Errorf("%s imports %s: node types meet in game/api", p.path, imported)
			case (under(p.path, "robot") || under(p.path, "web")) && isNode(imported) && root(p.path) != root(imported):
				t.Errorf("%s imports %s: robot and web import no node", p.path, imported)
			case under(imported, "game/app") && p.path != "game" && !under(p.path, "game/app"):
				t.Errorf("%s imports %s: only main does", p.path, imported)
			}
		}
		for _, imported := range p.libraries {
			for library, only := range sole {
				if under(imported, library) && !under(p.path, only) {
					t.Errorf("%s imports %s: only %s may", p.path, imported, only)
				}
			}
		}
	}
}

// under reports whether a path is the given one or below it.
func under(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// root is the first two elements of a path.
func root(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func inside(packages []pkg, path string) bool {
	return slices.ContainsFunc(packages, func(p pkg) bool { return p.path == path })
}

// A pkg is one package of this module, with paths relative to the module's.
type pkg struct {
	path      string
	imports   []string // of this module
	libraries []string // of others
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	module := strings.TrimSpace(goList(t, "-m"))
	var packages []pkg
	decoder := json.NewDecoder(strings.NewReader(goList(t, "-json=ImportPath,Imports", module+"/...")))
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		one := pkg{path: strings.TrimPrefix(p.ImportPath, module+"/")}
		for _, i := range p.Imports {
			if own, ok := strings.CutPrefix(i, module+"/"); ok {
				one.imports = append(one.imports, own)
			} else {
				one.libraries = append(one.libraries, i)
			}
		}
		packages = append(packages, one)
	}
	if len(packages) < 10 {
		t.Fatalf("go list names only %d packages", len(packages))
	}
	return packages
}

func goList(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	return string(out)
}
