package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/command"
)

// nodesOptions is the flags of "nodes".
type nodesOptions struct {
	join, author, reason string
	lines                uint32
}

// obeyPatience is how long a command may take until public answers.
const obeyPatience = 15 * time.Second

// nodes is "nodes": what an operator does with the nodes of a stack where he has no console. Public does it, as for the console.
func (p *program) nodes() *cobra.Command {
	var o nodesOptions
	list := func(cmd *cobra.Command, _ []string) error {
		var all command.NodeList
		if err := p.obey(cmd.Context(), o, command.Nodes, struct{}{}, &all); err != nil {
			return err
		}
		return printNodes(p.stdout, all, time.Now())
	}
	cmd := &cobra.Command{
		Use: "nodes", Short: "List the nodes of a running stack; start, stop, restart and drain them, show their logs",
		Long: `nodes lists every machine and node of the stack that "game up" runs on this data directory, or of the one given with --join: how far each node is,
what it takes, how often it was started again, and why. Its subcommands are done by the node's pod, which public has do it; they return when that has
begun. What was ordered is forgotten with the pod: the next "game up" starts every node.`,
		Example: `  game nodes
  game nodes restart 11 --reason "it leaks"
  game nodes log 11 --lines 50`,
		Args: noArgs, RunE: list,
	}
	cmd.PersistentFlags().StringVar(&o.join, "join", joinLocal, "gossip `addresses` of any nodes, separated by commas")
	add := func(use, short string, run func(cmd *cobra.Command, node uint16) error) *cobra.Command {
		sub := &cobra.Command{
			Use: use + " ID", Short: short,
			RunE: func(cmd *cobra.Command, args []string) error {
				if len(args) != 1 {
					return usage(fmt.Errorf("which node? Give its number, as \"game nodes\" shows it"))
				}
				node, err := strconv.ParseUint(args[0], 10, 16)
				if err != nil || node == 0 {
					return usage(fmt.Errorf("%q is not the number of a node", args[0]))
				}
				return run(cmd, uint16(node))
			},
		}
		cmd.AddCommand(sub)
		return sub
	}
	for _, order := range []struct{ name, short string }{
		{command.Start, "Start a node that is stopped or failing; have one that drains take players again"},
		{command.Stop, "End a node in order; it stays down"},
		{command.Restart, "End a node in order and start it again"},
		{command.Drain, "Have a node take nobody new and go on with what it has"},
	} {
		sub := add(order.name, order.short, func(cmd *cobra.Command, node uint16) error {
			var then command.Node
			if err := p.obey(cmd.Context(), o, order.name, command.NodeArgs{Node: node}, &then); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.stdout, "%s %d is %s\n", then.Type, then.Node, standing(then))
			return err
		})
		sub.Flags().StringVar(&o.reason, "reason", "from the command line", "`why`, for the record")
		sub.Flags().StringVar(&o.author, "author", userName(), "`who` is named in the record")
	}
	log := add("log", "Print the newest lines of a node's log", func(cmd *cobra.Command, node uint16) error {
		var kept command.Tailed
		if err := p.obey(cmd.Context(), o, command.Tail, command.TailArgs{Node: node, Lines: o.lines}, &kept); err != nil {
			return err
		}
		for _, line := range kept.Lines {
			fmt.Fprintln(p.stdout, line)
		}
		return nil
	})
	log.Flags().Uint32Var(&o.lines, "lines", 100, "at most so `many`; 0: all that are kept")
	return cmd
}

// obey has public do a command and reads what came of it.
func (p *program) obey(ctx context.Context, o nodesOptions, name string, args, result any) error {
	cfg, err := p.config()
	if err != nil {
		return err
	}
	if cfg, err = p.joined(cfg, o.join); err != nil {
		return err
	}
	cfg.Log.Level = "warn" // what there is to say is the result
	proc, err := openProcess(ctx, cfg, newLogger(cfg.Log, p.stderr), false, false)
	if err != nil {
		return err
	}
	defer proc.close()
	c := command.Command{ID: "cli-" + rand.Text(), Name: name, Author: o.author, Reason: o.reason}
	if c.Author == "" {
		c.Author = "unknown"
	}
	if c.Reason == "" {
		c.Reason = "from the command line"
	}
	if c.Args, err = json.Marshal(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, obeyPatience)
	defer cancel()
	came, err := command.NewQueue(proc.stores).Submit(ctx, c)
	if fault.CodeOf(err) == fault.Deadline {
		return fmt.Errorf("no node of type %s has answered within %s", api.Public, obeyPatience)
	}
	if err != nil {
		return err
	}
	if came.Code != fault.OK {
		return errors.New(came.Error)
	}
	return json.Unmarshal(came.Value, result)
}

// standing is how far a node is, in a word.
func standing(n command.Node) string {
	if n.Life == "running" && n.State != "" {
		return n.State
	}
	return n.Life
}

// printNodes prints machines, and then nodes.
func printNodes(out io.Writer, all command.NodeList, now time.Time) error {
	for _, m := range all.Machines {
		if m.Error != "" {
			fmt.Fprintf(out, "pod %d does not answer: %s\n", m.Pod, m.Error)
			continue
		}
		fmt.Fprintf(out, "pod %d on %s: %.1f of %s busy, memory %s of %s, disk %s of %s\n", m.Pod, dash(m.Name), m.Busy, plural(int(m.CPUs), "CPU"),
			size(m.UsedMem), size(m.Memory), size(m.UsedDisk), size(m.Disk))
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nNODE\tID\tPOD\tSTATE\tUP\tPROCESS\tCPUS\tMEMORY\tRESTARTS\tLAST FAILURE\n")
	for _, n := range all.Nodes {
		pod, up, pid, busy, memory := "-", "-", "-", "-", "-" // of one in its pod's process nobody knows what it takes
		if n.Pod != 0 {
			pod = fmt.Sprint(n.Pod)
		}
		if n.Started != 0 {
			up = now.Sub(time.UnixMilli(n.Started)).Round(time.Second).String()
		}
		if n.PID != 0 {
			pid, busy, memory = fmt.Sprint(n.PID), fmt.Sprintf("%.2f", n.Busy), size(n.Memory)
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", n.Type, n.Node, pod, standing(n), up, pid, busy, memory, n.Restarts, failure(n, now))
	}
	return table.Flush()
}

// failure is a node's last failure, and what follows from it.
func failure(n command.Node, now time.Time) string {
	if n.Error == "" {
		return "-"
	}
	first, _, _ := strings.Cut(n.Error, "\n")
	text := fmt.Sprintf("%s ago: %s", now.Sub(time.UnixMilli(n.Failed)).Round(time.Second), first)
	if n.NextStart != 0 {
		text = fmt.Sprintf("%d in a row, again in %s; %s", n.Failures, max(0, time.UnixMilli(n.NextStart).Sub(now)).Round(time.Second), text)
	}
	return text
}

// size is bytes for people.
func size(bytes uint64) string {
	const mib, gib = 1 << 20, 1 << 30
	if bytes >= 10*gib {
		return fmt.Sprintf("%d GiB", bytes/gib)
	}
	return fmt.Sprintf("%d MiB", bytes/mib)
}
