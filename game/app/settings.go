package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"loumiao/framework/live"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// settingsOptions is the flags of "config".
type settingsOptions struct {
	join, author, reason string
	area                 uint16
	before               uint64
	limit                int32
}

// settings is "config": what an operator does with the configuration centre of a stack, until he has a console for it.
func (p *program) settings() *cobra.Command {
	var o settingsOptions
	cmd := &cobra.Command{
		Use: "config", Short: "Change settings while the stack runs",
		Long: `config reads and publishes the settings that the nodes of a running stack take up at once: queue capacity, maintenance, design tables.
Changes are gathered in a draft, which is a file in the data directory, and take effect together when it is published.

It talks to the stack that "game up" runs on this data directory, or to the one given with --join.`,
		Example: `  game config list
  game config set queue.capacity 5000 --area 1
  game config set tables.shop @shop.csv
  game config diff
  game config publish --reason "more servers for the weekend"
  game config history
  game config rollback 3 --reason "the shop was wrong"`,
		Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&o.join, "join", joinLocal, "gossip `addresses` of any nodes, separated by commas")
	flags.Uint16Var(&o.area, "area", 0, "`area` of the setting; 0: where an area has none of its own")
	add := func(use, short string, args int, run func(d *desk, ctx context.Context, args []string) error) *cobra.Command {
		sub := &cobra.Command{
			Use: use, Short: short,
			Args: func(_ *cobra.Command, given []string) error {
				if len(given) != args {
					return usage(fmt.Errorf("%s: %d arguments are needed, not %d", use, args, len(given)))
				}
				return nil
			},
			RunE: func(cmd *cobra.Command, given []string) error {
				cfg, err := p.config()
				if err != nil {
					return err
				}
				d := &desk{p: p, o: o, cfg: cfg, draft: draftFile(filepath.Join(cfg.DataDir, "config-draft.json"))}
				return run(d, cmd.Context(), given)
			},
		}
		cmd.AddCommand(sub)
		return sub
	}
	add("list", "Print every setting", 0, (*desk).list)
	add("get KEY", "Print what is published for a setting", 1, (*desk).get)
	add("set KEY VALUE", "Put a setting into the draft; @FILE takes the value from a file", 2, (*desk).set)
	add("unset KEY", "Put into the draft that a setting goes back to its default", 1, (*desk).unset)
	add("diff", "Print what the draft would change, and what is wrong with it", 0, (*desk).diff)
	add("discard", "Forget the draft", 0, (*desk).discard)
	history := add("history", "Print the publications that there were, the newest first", 0, (*desk).history)
	history.Flags().Uint64Var(&o.before, "before", 0, "only those before this `version`")
	history.Flags().Int32Var(&o.limit, "limit", 20, "at most so `many`")
	for _, sub := range []*cobra.Command{
		add("publish", "Publish the draft", 0, (*desk).publish),
		add("rollback VERSION", "Publish again what a version had", 1, (*desk).rollBack),
	} {
		sub.Flags().StringVar(&o.reason, "reason", "", "`why`; required")
		sub.Flags().StringVar(&o.author, "author", userName(), "`who` is named in the history")
	}
	return cmd
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// A desk is one run of a subcommand of "config".
type desk struct {
	p     *program
	o     settingsOptions
	cfg   Config
	draft draftFile
}

func (d *desk) read(ctx context.Context) (now *pb.ReadConfigReply, err error) {
	err = d.ask(ctx, func(ctx context.Context, r *rpc.RPC) error {
		now, err = api.ReadConfig.Call(ctx, r, &pb.ReadConfig{}, rpc.Any)
		return err
	})
	return now, err
}

func (d *desk) list(ctx context.Context, _ []string) error {
	now, err := d.read(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.p.stdout, "version %d\n", now.GetVersion())
	table := tabwriter.NewWriter(d.p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "KEY\tAREA\tVALUE\tVERSION\tALLOWED\tMEANING\n")
	for _, k := range now.GetKeys() {
		def := brief(k.GetDefault())
		if k.GetFromFile() {
			def = "as the nodes' files say"
		}
		fmt.Fprintf(table, "%s\tall\t(%s)\t-\t%s\t%s\n", k.GetName(), def, dash(k.GetAllowed()), k.GetDoc())
		for _, e := range now.GetEntries() {
			if e.GetName() == k.GetName() {
				fmt.Fprintf(table, "\t%s\t%s\t%d\t\t\n", areaName(e.GetArea()), brief(e.GetText()), e.GetVersion())
			}
		}
	}
	return table.Flush()
}

func areaName(area uint32) string {
	if area == 0 {
		return "all"
	}
	return fmt.Sprint(area)
}

// brief is a text for a cell of a table.
func brief(text string) string {
	const most = 40
	if first, _, more := strings.Cut(text, "\n"); more {
		return fmt.Sprintf("%.*s... (%d bytes)", most, first, len(text))
	}
	if len(text) > most {
		return fmt.Sprintf("%.*s... (%d bytes)", most, text, len(text))
	}
	return text
}

func (d *desk) get(ctx context.Context, args []string) error {
	now, err := d.read(ctx)
	if err != nil {
		return err
	}
	for _, e := range now.GetEntries() {
		if e.GetName() == args[0] && e.GetArea() == uint32(d.o.area) {
			fmt.Fprintln(d.p.stdout, strings.TrimSuffix(e.GetText(), "\n"))
			return nil
		}
	}
	return fmt.Errorf("nothing is published for %s in area %s", args[0], areaName(uint32(d.o.area)))
}

func (d *desk) set(ctx context.Context, args []string) error {
	text := args[1]
	if path, ok := strings.CutPrefix(text, "@"); ok {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // nothing was written
		content, err := io.ReadAll(io.LimitReader(file, live.MaxText+1))
		if err != nil {
			return err
		}
		text = string(content)
	}
	return d.change(ctx, live.Change{Name: args[0], Area: d.o.area, Text: text})
}

func (d *desk) unset(ctx context.Context, args []string) error {
	return d.change(ctx, live.Change{Name: args[0], Area: d.o.area, Remove: true})
}

// change puts a change into the draft, which is for the version that is published when it begins.
func (d *desk) change(ctx context.Context, c live.Change) error {
	draft, ok, err := d.draft.read()
	if err != nil {
		return err
	}
	if !ok {
		now, err := d.read(ctx)
		if err != nil {
			return err
		}
		draft.Base = now.GetVersion()
	}
	draft.Changes = append(slices.DeleteFunc(draft.Changes, func(o live.Change) bool { return o.Name == c.Name && o.Area == c.Area }), c)
	if err := d.draft.write(draft); err != nil {
		return err
	}
	fmt.Fprintf(d.p.stdout, "the draft has %s, for version %d\n", plural(len(draft.Changes), "change"), draft.Base)
	return nil
}

func (d *desk) discard(context.Context, []string) error {
	err := os.Remove(string(d.draft))
	if errors.Is(err, fs.ErrNotExist) {
		return errNoDraft
	}
	return err
}

func (d *desk) diff(ctx context.Context, _ []string) error {
	draft, ok, err := d.draft.read()
	if err == nil && !ok {
		err = errNoDraft
	}
	if err != nil {
		return err
	}
	return d.ask(ctx, func(ctx context.Context, r *rpc.RPC) error {
		checked, err := api.CheckConfig.Call(ctx, r, &pb.CheckConfig{Changes: draft.messages()}, rpc.Any)
		if err != nil {
			return err
		}
		for _, diff := range checked.GetDiffs() {
			c := diff.GetChange()
			fmt.Fprintf(d.p.stdout, "%s, area %s\n", c.GetName(), areaName(c.GetArea()))
			printLines(d.p.stdout, "- ", diff.GetBefore(), diff.GetHad())
			printLines(d.p.stdout, "+ ", c.GetText(), !c.GetRemove())
		}
		if len(checked.GetProblems()) == 0 {
			return nil
		}
		return fmt.Errorf("this cannot be published:\n%s", strings.Join(checked.GetProblems(), "\n"))
	})
}

func printLines(out io.Writer, mark, text string, there bool) {
	if !there {
		return
	}
	for line := range strings.Lines(strings.TrimSuffix(text, "\n") + "\n") {
		fmt.Fprint(out, mark, line)
	}
}

func (d *desk) publish(ctx context.Context, _ []string) error {
	draft, ok, err := d.draft.read()
	if err == nil && !ok {
		err = errNoDraft
	}
	if err != nil {
		return err
	}
	return d.ask(ctx, func(ctx context.Context, r *rpc.RPC) error {
		m := &pb.PublishConfig{Changes: draft.messages(), Base: draft.Base, Author: d.o.author, Reason: d.o.reason}
		reply, err := api.PublishConfig.Call(ctx, r, m, rpc.Any)
		if err != nil {
			return err
		}
		fmt.Fprintf(d.p.stdout, "published version %d\n", reply.GetVersion())
		return os.Remove(string(d.draft))
	})
}

func (d *desk) rollBack(ctx context.Context, args []string) error {
	var version uint64
	if _, err := fmt.Sscan(args[0], &version); err != nil {
		return usage(fmt.Errorf("%q is not the number of a version", args[0]))
	}
	return d.ask(ctx, func(ctx context.Context, r *rpc.RPC) error {
		now, err := api.ReadConfig.Call(ctx, r, &pb.ReadConfig{}, rpc.Any)
		if err != nil {
			return err
		}
		m := &pb.RollBackConfig{Version: version, Base: now.GetVersion(), Author: d.o.author, Reason: d.o.reason}
		reply, err := api.RollBackConfig.Call(ctx, r, m, rpc.Any)
		if err != nil {
			return err
		}
		fmt.Fprintf(d.p.stdout, "published version %d, which is what version %d had\n", reply.GetVersion(), version)
		return nil
	})
}

func (d *desk) history(ctx context.Context, _ []string) error {
	return d.ask(ctx, func(ctx context.Context, r *rpc.RPC) error {
		reply, err := api.ListConfigHistory.Call(ctx, r, &pb.ListConfigHistory{Before: d.o.before, Limit: d.o.limit}, rpc.Any)
		if err != nil {
			return err
		}
		for _, v := range reply.GetVersions() {
			fmt.Fprintf(d.p.stdout, "version %d, %s, by %s: %s\n", v.GetVersion(), time.UnixMilli(v.GetAtMs()).UTC().Format(time.RFC3339), v.GetAuthor(), v.GetReason())
			for _, c := range v.GetChanges() {
				what := brief(c.GetText())
				if c.GetRemove() {
					what = "(its default)"
				}
				fmt.Fprintf(d.p.stdout, "  %s, area %s: %s\n", c.GetName(), areaName(c.GetArea()), what)
			}
		}
		return nil
	})
}
