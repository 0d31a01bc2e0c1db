// Bench-pitaya is pitaya as a contender, in a binary of its own because it needs a gRPC of 2020. It is measured by clients of the main
// binary, which speak its protocol.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/viper"
	"github.com/topfreegames/pitaya"
	"github.com/topfreegames/pitaya/acceptor"
	"github.com/topfreegames/pitaya/cluster"
	"github.com/topfreegames/pitaya/component"

	"loumiao/scripts/bench/harness"
)

const startLimit = 15 * time.Second

func main() {
	servers := map[string]harness.Server{}
	for suffix, compression := range map[string]bool{"": true, "/tuned": false} {
		servers["pitaya/gate"+suffix] = func(*harness.Host) (string, error) { return gate(pitaya.Standalone, compression, nil) }
		servers["pitaya/through"+suffix] = func(h *harness.Host) (string, error) { return gate(pitaya.Cluster, compression, h.Upstream) }
		servers["pitaya/world"+suffix] = func(h *harness.Host) (string, error) { return world(compression, h.Upstream) }
	}
	was, err := harness.Roles{Servers: servers}.Run(os.Args[1:])
	if !was {
		err = fmt.Errorf("it is started by the driver, with a role")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-pitaya:", err)
		os.Exit(1)
	}
}

// Room is a component in the way of pitaya, which wants it exported.
type Room struct{ component.Base }

// Echo answers with what it got.
func (*Room) Echo(_ context.Context, msg []byte) ([]byte, error) { return msg, nil }

// gate is a frontend. upstream is where the NATS server listens, and the id of the backend behind it; a gate without answers itself.
func gate(mode pitaya.ServerMode, compression bool, upstream []string) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // it does not tell which port it got
	if err != nil {
		return "", err
	}
	addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return "", err
	}
	pitaya.AddAcceptor(acceptor.NewTCPAcceptor(addr))
	var backends []*cluster.Server
	if mode == pitaya.Cluster {
		backends = append(backends, cluster.NewServer(upstream[1], "world", false))
	}
	if err := start(true, "gate", mode, compression, upstream, backends); err != nil {
		return "", err
	}
	for end := time.Now().Add(startLimit); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return addr, c.Close()
		}
		if time.Now().After(end) {
			return "", err
		}
	}
}

// world is a backend. Its address is its id.
func world(compression bool, upstream []string) (addr string, err error) {
	return pitaya.GetServerID(), start(false, "world", pitaya.Cluster, compression, upstream, nil)
}

// start runs pitaya with its defaults but for heartbeats, which would be read as answers, and a log of each message.
func start(frontend bool, kind string, mode pitaya.ServerMode, compression bool, upstream []string, others []*cluster.Server) error {
	log := logrus.New()
	log.SetLevel(logrus.WarnLevel)
	pitaya.SetLogger(log)
	pitaya.Register(&Room{}, component.WithName("room"), component.WithNameFunc(strings.ToLower))
	cfg := viper.New()
	cfg.Set("pitaya.heartbeat.interval", "1h")
	cfg.Set("pitaya.handler.messages.compression", compression)
	if len(upstream) > 0 {
		cfg.Set("pitaya.cluster.rpc.client.nats.connect", "nats://"+upstream[0])
		cfg.Set("pitaya.cluster.rpc.server.nats.connect", "nats://"+upstream[0])
	}
	pitaya.Configure(frontend, kind, mode, map[string]string{}, cfg)
	d := &directory{servers: append(others, pitaya.GetServer()), ready: make(chan struct{})}
	if mode == pitaya.Cluster {
		pitaya.SetServiceDiscoveryClient(d)
	} else {
		close(d.ready)
	}
	go pitaya.Start()
	select {
	case <-d.ready:
		return nil
	case <-time.After(startLimit):
		return fmt.Errorf("%s: pitaya does not start", kind)
	}
}

// A directory is pitaya's service discovery with servers that are known from the beginning, in place of etcd.
type directory struct {
	servers []*cluster.Server
	ready   chan struct{} // closed when pitaya has started every module
}

// GetServersByType is for pitaya, as is all that follows.
func (d *directory) GetServersByType(kind string) (map[string]*cluster.Server, error) {
	found := map[string]*cluster.Server{}
	for _, s := range d.servers {
		if s.Type == kind {
			found[s.ID] = s
		}
	}
	return found, nil
}

func (d *directory) GetServer(id string) (*cluster.Server, error) {
	for _, s := range d.servers {
		if s.ID == id {
			return s, nil
		}
	}
	return nil, fmt.Errorf("no server %s", id)
}

func (d *directory) GetServers() []*cluster.Server { return d.servers }

func (d *directory) SyncServers(bool) error { return nil }

func (d *directory) AddListener(cluster.SDListener) {}

func (d *directory) Init() error { return nil }

func (d *directory) AfterInit() { close(d.ready) }

func (d *directory) BeforeShutdown() {}

func (d *directory) Shutdown() error { return nil }
