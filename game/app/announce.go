package app

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/node"
	"loumiao/game/api"
)

// announce prints what runs where and what to do with it.
func (p *program) announce(ctx context.Context, proc *process, self *node.Node, began time.Time, o upOptions) error {
	sql, redis := proc.stores.Engines()
	fmt.Fprintf(p.stdout, "\nstack %s, data in %s\n  SQL    %s\n  Redis  %s\n\n", proc.keys.stack, proc.cfg.DataDir, sql, redis)

	var login string
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  NODE\tID\tLINKS\tADMIN\tCLIENTS\tJOB\n")
	for _, m := range self.Cluster().Snapshot().All() {
		t := typeNamed(m.Type)
		if t == nil || m.State != cluster.Ready && m.State != cluster.Standby && m.Node != self.ID() {
			continue
		}
		job := t.job
		if m.State == cluster.Standby {
			job += " (standby)"
		}
		at, err := node.Addresses(ctx, proc.stores, m.Node, m.Boot)
		if err != nil {
			return err
		}
		if m.Node == self.ID() {
			at = self.Published()
		}
		if login == "" && m.Type == api.Login {
			login = at["http"]
		}
		fmt.Fprintf(table, "  %s\t%d\t%s\t%s\t%s\t%s\n", m.Type, m.Node, dash(m.Addr), "http://"+at["admin"], dash(clients(at)), job)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(o.without) > 0 {
		fmt.Fprintf(p.stdout, "\n  left out: %s. Start them with: go run ./game run %s --join\n", strings.Join(o.without, ", "), strings.Join(o.without, ","))
	}
	fmt.Fprintf(p.stdout, "\nTry next\n")
	if login != "" {
		fmt.Fprintf(p.stdout, "  go run ./game robot --robots 20 --for 30s      robots that log in, queue and fight\n")
		fmt.Fprintf(p.stdout, "  curl -d '{\"device\":\"my-first-device-00001\",\"area\":1}' -H 'Content-Type: application/json' %s/v1/guest\n", login)
	}
	fmt.Fprintf(p.stdout, "  curl http://%s/metrics\n", self.AdminAddr())
	fmt.Fprintf(p.stdout, "\nready in %s; Ctrl-C stops it\n", time.Since(began).Round(time.Millisecond))
	return nil
}

// clients is where clients of a node come in.
func clients(at map[string]string) string {
	var list []string
	for name, addr := range at {
		if name == "admin" {
			continue
		}
		if !strings.Contains(addr, "://") { // with TLS, the scheme is another one than the name
			addr = name + "://" + addr
		}
		list = append(list, addr)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// gossipAddr is where the first node of a process listens for gossip, so that others know where to join.
func (p *process) gossipAddr() string {
	return net.JoinHostPort(p.cfg.Cluster.Host, strconv.Itoa(int(p.cfg.Cluster.Gossip)))
}
