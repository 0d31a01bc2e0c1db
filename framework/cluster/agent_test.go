package cluster

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// envSerf names a serf binary for [TestSerfAgent]. Unset, the test builds one.
const envSerf = "TEST_SERF"

// serfModule is where serf's command is pinned, which needs modules that the project does not.
const serfModule = "../../scripts/serf"

// serfCommand is a serf binary of the version that the project uses.
func serfCommand(t *testing.T) string {
	t.Helper()
	if path := os.Getenv(envSerf); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "serf")
	build := exec.Command("go", "build", "-o", path, "github.com/hashicorp/serf/cmd/serf")
	build.Dir = serfModule
	build.Env = append(os.Environ(), "GOPROXY=off") // a test downloads nothing
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("serf's command cannot be built offline: run \"go mod download\" in %s once, or set %s to a binary: %v\n%s", serfModule, envSerf, err, out)
	}
	return path
}

// TestSerfIsOneVersion keeps the pinned command and the library at one version.
func TestSerfIsOneVersion(t *testing.T) {
	t.Parallel()
	version := func(file string) string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), "github.com/hashicorp/serf v")
		return strings.Fields(rest + " none")[0]
	}
	if library, command := version("../../go.mod"), version(serfModule+"/go.mod"); library != command || library == "none" {
		t.Errorf("go.mod has serf %s, %s/go.mod has %s", library, serfModule, command)
	}
}

// agentMember is a member in the output of "serf members -format json".
type agentMember struct {
	Name   string            `json:"name"`
	Addr   string            `json:"addr"`
	Tags   map[string]string `json:"tags"`
	Status string            `json:"status"`
}

// TestSerfAgent has serf's own agent join with the gossip key, and see every node with its tags, as an operator would from a shell.
func TestSerfAgent(t *testing.T) {
	t.Parallel()
	serf := serfCommand(t)
	all := startPatient(t, 5)
	all[1].SetState(Ready)
	awaitCount(t, all, 5)

	rpc := freeAddr(t)
	var said bytes.Buffer
	agent := exec.Command(serf, "agent", "-node=operator", "-bind="+freeAddr(t), "-rpc-addr="+rpc,
		"-encrypt="+base64.StdEncoding.EncodeToString(testKey), "-join="+all[0].Addr(), "-log-level=warn")
	agent.Stdout, agent.Stderr = &said, &said
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = agent.Wait() // killed below
		close(ended)
	}()
	defer func() {
		_ = agent.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("the agent said:\n%s", said.String())
		}
	}()

	want := map[string]agentMember{}
	for _, c := range all {
		self := c.Self()
		want[self.Name] = agentMember{Addr: c.Addr(), Status: "alive", Tags: map[string]string{
			"node": self.Node.String(), "boot": self.Boot.String(), "type": "world", "area": "1",
			"addr": self.Addr, "state": self.State.String(), "version": "test",
		}}
	}
	again := time.NewTicker(100 * time.Millisecond) // it is a command: there is nothing that would wake the test
	defer again.Stop()
	late := time.After(patience)
	for got := agentMembers(serf, rpc); !sameMembers(got, want); got = agentMembers(serf, rpc) {
		select {
		case <-again.C:
		case <-ended:
			t.Fatalf("the agent ended by itself:\n%s", said.String())
		case <-late:
			t.Fatalf("the agent sees\n%+v\nwant\n%+v", got, want)
		}
	}
	for _, c := range all {
		await(t, c, "the agent as a stranger", func(s *Snapshot) bool {
			last := s.All()[len(s.All())-1]
			return len(s.All()) == 6 && last.Name == "operator" && last.Type == "" && last.Node == 0
		})
	}
}

// agentMembers asks the agent for its members, itself left out; nil while it does not answer.
func agentMembers(serf, rpc string) map[string]agentMember {
	out, err := exec.Command(serf, "members", "-format=json", "-rpc-addr="+rpc).Output()
	if err != nil {
		return nil
	}
	var list struct {
		Members []agentMember `json:"members"`
	}
	if json.Unmarshal(out, &list) != nil {
		return nil
	}
	members := map[string]agentMember{}
	for _, m := range list.Members {
		if m.Name != "operator" {
			members[m.Name] = m
		}
	}
	return members
}

func sameMembers(a, b map[string]agentMember) bool {
	return maps.EqualFunc(a, b, func(a, b agentMember) bool {
		return a.Addr == b.Addr && a.Status == b.Status && maps.Equal(a.Tags, b.Tags)
	})
}
